//! Tests in words.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use komainu_common::call;
use komainu_common::filter::{cgroup_kind, role, source};
use komainu_common::syscalls::TABLE;

use super::conjunction::{Conjunction, Number};
use super::paths::{Entry, Paths};
use super::ranges::Ranges;
use super::tables::domain;

/// Entries of a set of paths that are named; the rest is counted.
const SHOWN: usize = 6;

/// What a conjunction demands, one text per test. None: it holds for any event.
pub(super) fn conjunction(conjunction: &Conjunction) -> Vec<String> {
    let numbers = conjunction.numbers.iter();
    let mut out: Vec<String> = numbers.map(|(at, values)| number(*at, values)).collect();
    for (role, set) in (0_u8..).zip(&conjunction.paths) {
        if let Some(set) = set {
            out.push(paths(role, set));
        }
    }
    out
}

fn paths(which: u8, set: &Paths) -> String {
    let which = if which == role::SECOND {
        "second path"
    } else {
        "path"
    };
    let entries = set.entries().take(SHOWN).map(|entry| match entry {
        Entry::Exact(text) => String::from_utf8_lossy(text).into_owned(),
        Entry::Base(text) => format!("*/{}", String::from_utf8_lossy(text)),
        Entry::Prefix(text) => format!("{}*", String::from_utf8_lossy(text)),
    });
    let mut text = format!("{which} is {}", entries.collect::<Vec<_>>().join(", "));
    if let Some(more @ 1..) = set.len().checked_sub(SHOWN) {
        write_to(&mut text, format_args!(" and {more} more"));
    }
    text
}

fn number(number: Number, values: &Ranges) -> String {
    let told = values.intersection(&domain(number));
    match number.source {
        source::RESULT if told == Ranges::between(0, i64::MAX) => "succeeds".to_owned(),
        source::RESULT if told == Ranges::between(i64::MIN, -1) => "fails".to_owned(),
        source::RESULT => format!("result {}", list(&told, &|n| n.to_string())),
        source::CALL => {
            let handled = TABLE.iter().map(|call| call.name);
            let all = handled.chain(call::TABLE.iter().map(|call| call.name));
            let rows = (0..).zip(all).filter(|(row, _)| told.contains(*row));
            let names: Vec<&str> = rows.map(|(_, name)| name).collect();
            format!("call is {}", names.join(", "))
        }
        source::OPEN_FLAGS if number.mask == 0o3 => format!("access mode {}", modes(&told)),
        source::OPEN_FLAGS => {
            let mask = number.mask;
            format!(
                "flags & 0o{mask:o} {}",
                list(&told, &|n| format!("0o{n:o}"))
            )
        }
        source::CGROUP_KIND if told.contains(cgroup_kind::HOST.into()) => "on the host".to_owned(),
        source::CGROUP_KIND => "in a container".to_owned(),
        source::DOTDOT => "`..` in the path as passed".to_owned(),
        source::SIGNATURE => "what is in the path or at its end".to_owned(),
        source::FAMILY => format!("family {}", list(&told, &|n| n.to_string())),
        source::PEER_PORT => format!("peer port {}", list(&told, &|n| n.to_string())),
        source::PEER_IPV4 => {
            let address = |n: i64| {
                u32::try_from(n).map_or("none".to_owned(), |n| Ipv4Addr::from(n).to_string())
            };
            format!("peer address {}", list(&told, &address))
        }
        other => format!("number {other} {}", list(&told, &|n| n.to_string())),
    }
}

fn modes(values: &Ranges) -> String {
    let names = [(0, "reading"), (1, "writing"), (2, "both")];
    let told = names.iter().filter(|(mode, _)| values.contains(*mode));
    told.map(|(_, name)| *name).collect::<Vec<_>>().join(" or ")
}

fn list(values: &Ranges, one: &dyn Fn(i64) -> String) -> String {
    let range = |(low, high): &(i64, i64)| match (*low, *high) {
        (low, high) if low == high => one(low),
        (i64::MIN, high) => format!("up to {}", one(high)),
        (low, i64::MAX) => format!("from {}", one(low)),
        (low, high) => format!("{} to {}", one(low), one(high)),
    };
    let mut text = "is ".to_owned();
    let ranges: Vec<String> = values.ranges().iter().take(SHOWN).map(range).collect();
    text.push_str(&ranges.join(", "));
    if let Some(more @ 1..) = values.ranges().len().checked_sub(SHOWN) {
        write_to(&mut text, format_args!(" and {more} more ranges"));
    }
    text
}

fn write_to(text: &mut String, args: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(args);
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}
