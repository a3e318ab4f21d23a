//! The tables of a class as the kernel reads them.

use std::collections::BTreeMap;

use komainu_common::filter::{
    ClassPlan, Grams, MAX_NUMBER_TESTS, MAX_PLAN_PATH, NumberTest, PLAN_PRESENT, PathKey,
    PrefixKey, Vector, WORDS, cgroup_kind, path_kind, role, row_of_call, source,
};
use komainu_common::syscalls::TABLE;
use komainu_common::{Class, call};

use super::build::{Numbered, bytes};
use super::conjunction::{Conjunction, Number};
use super::paths::Entry;

/// No conjunction.
pub(super) const NONE: Vector = [0; WORDS];

/// The conjunctions with these numbers.
pub(super) fn vector(numbers: impl IntoIterator<Item = usize>) -> Vector {
    let mut out = NONE;
    for number in numbers {
        if let Some(word) = out.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }
    out
}

/// In either.
pub(super) fn or(a: &Vector, b: &Vector) -> Vector {
    std::array::from_fn(|at| a.get(at).unwrap_or(&0) | b.get(at).unwrap_or(&0))
}

/// In both.
pub(super) fn and(a: &Vector, b: &Vector) -> Vector {
    std::array::from_fn(|at| a.get(at).unwrap_or(&0) & b.get(at).unwrap_or(&0))
}

/// In the first and not in the second.
pub(super) fn without(a: &Vector, b: &Vector) -> Vector {
    std::array::from_fn(|at| a.get(at).unwrap_or(&0) & !b.get(at).unwrap_or(&0))
}

/// Tables of one class, for slot 0.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) plan: ClassPlan,
    pub(super) paths: Vec<(PathKey, Vector)>,
    pub(super) prefixes: Vec<(PrefixKey, Vector)>,
}

/// Makes the tables of a class.
pub(super) fn tables(class: Class, conjunctions: &[Numbered], grams: &Grams) -> Tables {
    let all = vector(0..conjunctions.len());
    let tests = number_tests(conjunctions, &all);
    let mut plan = ClassPlan {
        all,
        paths_any: [NONE; role::COUNT],
        tests_len: u32::try_from(tests.len()).unwrap_or_default(),
        tests_before_path: 0,
        sources: 0,
        flags: PLAN_PRESENT,
        tests_before_signature: 0,
        reserved: 0,
        unsigned: all,
        grams: grams.0,
        tests: [UNUSED; MAX_NUMBER_TESTS],
    };
    for (slot, test) in plan.tests.iter_mut().zip(&tests) {
        plan.sources |= 1 << test.source;
        plan.tests_before_path += u32::from(!source::is_about_path(test.source));
        plan.tests_before_signature += u32::from(test.source != source::SIGNATURE);
        if test.source == source::SIGNATURE {
            plan.unsigned = and(&plan.unsigned, outcome(test, 0));
        }
        *slot = *test;
    }
    let mut out = Tables {
        plan,
        paths: Vec::new(),
        prefixes: Vec::new(),
    };
    for role in 0..role::COUNT {
        add_paths(&mut out, class, role, conjunctions);
    }
    out
}

const UNUSED: NumberTest = NumberTest {
    mask: 0,
    low: 0,
    high: 0,
    source: 0,
    reserved: 0,
    holds: NONE,
    fails: NONE,
};

fn add_paths(out: &mut Tables, class: Class, role: usize, conjunctions: &[Numbered]) {
    let mut entries: BTreeMap<&Entry, Vector> = BTreeMap::new();
    let mut any = NONE;
    for (number, numbered) in conjunctions.iter().enumerate() {
        let one = vector([number]);
        match numbered
            .conjunction
            .paths
            .get(role)
            .and_then(Option::as_ref)
        {
            None => any = or(&any, &one),
            Some(paths) => {
                for entry in paths
                    .entries()
                    .filter(|entry| bytes(entry).len() <= MAX_PLAN_PATH)
                {
                    let known = entries.entry(entry).or_insert(NONE);
                    *known = or(known, &one);
                }
            }
        }
    }
    if let Some(slot) = out.plan.paths_any.get_mut(role) {
        *slot = any;
    }
    let (class, role) = (
        u8::try_from(class.0).unwrap_or(u8::MAX),
        u8::try_from(role).unwrap_or(u8::MAX),
    );
    let mut shorter: Vec<(&[u8], Vector)> = Vec::new();
    for (entry, vector) in &entries {
        let kind = match entry {
            Entry::Exact(_) => path_kind::EXACT,
            Entry::Base(_) => path_kind::BASE,
            // Sorted, so that the shorter ones that it extends were just before.
            Entry::Prefix(prefix) => {
                shorter.retain(|(short, _)| prefix.starts_with(short));
                let inherited = shorter.last().map_or(NONE, |(_, vector)| *vector);
                let vector = or(vector, &inherited);
                shorter.push((prefix, vector));
                out.prefixes.push((prefix_key(class, role, prefix), vector));
                continue;
            }
        };
        out.paths
            .push((path_key(class, role, kind, bytes(entry)), *vector));
    }
}

/// Key of a path or last component; only its first [`MAX_PLAN_PATH`] bytes.
pub(super) fn path_key(class: u8, role: u8, kind: u8, text: &[u8]) -> PathKey {
    PathKey {
        slot: 0,
        role,
        class,
        kind,
        bytes: padded(text),
    }
}

fn prefix_key(class: u8, role: u8, text: &[u8]) -> PrefixKey {
    PrefixKey {
        bits: 32 + 8 * u32::try_from(text.len().min(MAX_PLAN_PATH)).unwrap_or_default(),
        slot: 0,
        role,
        class,
        reserved: 0,
        bytes: padded(text),
    }
}

fn padded(text: &[u8]) -> [u8; MAX_PLAN_PATH] {
    let mut bytes = [0; MAX_PLAN_PATH];
    for (to, from) in bytes.iter_mut().zip(text) {
        *to = *from;
    }
    bytes
}

/// What a test looks at: a range of a number.
type Key = (Number, i64, i64);

/// Which conjunctions a test rules out.
#[derive(Clone, Copy)]
struct Excluded {
    where_holds: Vector,
    where_fails: Vector,
}

/// The tests of a class: each rules out conjunctions where a number is in a range, or where it is not.
fn number_tests(conjunctions: &[Numbered], all: &Vector) -> Vec<NumberTest> {
    let mut excluded: BTreeMap<Key, Excluded> = BTreeMap::new();
    for (at, numbered) in conjunctions.iter().enumerate() {
        for (number, values) in &numbered.conjunction.numbers {
            for (low, high, inside) in ranges_to_test(*number, values) {
                let entry = excluded.entry((*number, low, high)).or_insert(Excluded {
                    where_holds: NONE,
                    where_fails: NONE,
                });
                let side = if inside {
                    &mut entry.where_fails
                } else {
                    &mut entry.where_holds
                };
                *side = or(side, &vector([at]));
            }
        }
    }
    let mut tests: Vec<(Key, Excluded)> = excluded.into_iter().collect();
    tests.sort_by_key(|(key, excluded)| std::cmp::Reverse(worth(key, excluded)));
    // What does not fit rules nothing out.
    tests.truncate(MAX_NUMBER_TESTS);
    tests.sort_by_key(|((number, _, _), _)| {
        let is_signature = number.source == source::SIGNATURE;
        (source::is_about_path(number.source), is_signature)
    });
    let test = |((number, low, high), excluded): (Key, Excluded)| NumberTest {
        mask: number.mask,
        low,
        high,
        source: number.source,
        reserved: 0,
        holds: without(all, &excluded.where_holds),
        fails: without(all, &excluded.where_fails),
    };
    tests.into_iter().map(test).collect()
}

/// Gaps of one set of values that are tested; the widest.
const MAX_GAPS: usize = 6;

/// Ranges that tell whether a number is one of `values`: the number must be inside the one (true), or
/// outside of all of them (false).
fn ranges_to_test(number: Number, values: &super::ranges::Ranges) -> Vec<(i64, i64, bool)> {
    let domain = domain(number);
    let values = values.intersection(&domain);
    if let [(low, high)] = values.ranges() {
        return vec![(*low, *high, true)];
    }
    let gaps = values.complement().intersection(&domain);
    let mut gaps = gaps.ranges().to_vec();
    gaps.sort_by_key(|(low, high)| std::cmp::Reverse(high.saturating_sub(*low)));
    gaps.truncate(MAX_GAPS);
    gaps.into_iter()
        .map(|(low, high)| (low, high, false))
        .collect()
}

/// Calls that there are, in both tables.
fn calls() -> i64 {
    let rows = u32::try_from(call::TABLE.len()).unwrap_or(u32::MAX);
    row_of_call(rows).into()
}

/// What a test leaves for a value.
pub(super) fn outcome(test: &NumberTest, value: i64) -> &Vector {
    let masked = value & test.mask.cast_signed();
    if (test.low..=test.high).contains(&masked) {
        &test.holds
    } else {
        &test.fails
    }
}

/// Values that a number can have at all.
pub(super) fn domain(number: Number) -> super::ranges::Ranges {
    use super::ranges::Ranges;
    let least = match number.source {
        source::RESULT => i64::MIN,
        source::FAMILY | source::PEER_PORT | source::PEER_IPV4 => -1,
        source::ARG0..source::PEER_IPV4 if number.mask == u64::MAX => return Ranges::all(),
        _ => 0,
    };
    let most = match number.source {
        source::CALL => calls() - 1,
        source::CGROUP_KIND => i64::from(cgroup_kind::CONTAINER),
        source::DOTDOT => 1,
        source::FAMILY | source::PEER_PORT => u16::MAX.into(),
        source::OPEN_FLAGS | source::UID | source::PEER_IPV4 => u32::MAX.into(),
        _ => i64::MAX,
    };
    let masked = i64::try_from(number.mask).unwrap_or(i64::MAX);
    Ranges::between(least, most.min(masked))
}

/// Whether an ordinary event of the class passes the numbers of a conjunction.
pub(super) fn is_ordinary(conjunction: &Conjunction, class: Class) -> bool {
    conjunction.numbers.iter().all(|(number, values)| {
        // Of opens, most are `openat`; other classes have no call that is ordinary.
        if number.source == source::CALL && class != Class::OPEN {
            return true;
        }
        let value = ordinary(number.source) & number.mask;
        values.contains(i64::try_from(value).unwrap_or(i64::MAX))
    })
}

/// How good a test is: what it rules out of ordinary events, then what it rules out otherwise.
fn worth((number, low, high): &Key, excluded: &Excluded) -> (u32, u32) {
    let ordinary = i64::try_from(ordinary(number.source) & number.mask).unwrap_or(i64::MAX);
    let inside = (*low..=*high).contains(&ordinary);
    let (then, else_) = if inside {
        (&excluded.where_holds, &excluded.where_fails)
    } else {
        (&excluded.where_fails, &excluded.where_holds)
    };
    let count = |vector: &Vector| vector.iter().map(|word| word.count_ones()).sum();
    (count(then), count(else_))
}

/// What ordinary events have: a read of a file that succeeds, a connection to a web server, in a
/// container.
fn ordinary(source: u32) -> u64 {
    const O_CLOEXEC: u64 = 0o2_000_000;
    match source {
        source::RESULT => 3,
        source::OPEN_FLAGS => O_CLOEXEC,
        source::CGROUP_KIND => cgroup_kind::CONTAINER.into(),
        source::FAMILY => 2,
        source::PEER_PORT => 443,
        source::PEER_IPV4 => 10 << 24 | 1,
        source::UID => 1000,
        source::CALL => {
            let row = TABLE.iter().position(|call| call.name == "openat");
            row.and_then(|row| u64::try_from(row).ok()).unwrap_or(0)
        }
        _ => 0,
    }
}
