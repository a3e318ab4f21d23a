//! Cost of a verdict, and of a load, with Falco's stable rules where they are at hand.
//!
//! Targets on the development machine: at most 300 ns for an open that matches nothing, at most 1 µs for
//! an exec.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a benchmark; it shares its events with the tests"
)]

#[path = "../tests/rules/events.rs"]
mod events;

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use komainu::rules::{LoadOptions, Matching, RuleSet, Scratch, Source, load};

/// Falco's rule file: `KOMAINU_UPSTREAM_RULES`, else beside the repository.
fn upstream() -> Option<Vec<u8>> {
    let given = std::env::var_os("KOMAINU_UPSTREAM_RULES").map(PathBuf::from);
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/rules-upstream/falco_rules.yaml");
    std::fs::read(given.unwrap_or(beside)).ok()
}

/// Stands in where the file is not at hand.
const OWN: &str = "- macro: read\n  condition: evt.type in (open, openat, openat2) and evt.is_open_read=true\n\
                   - rule: r\n  desc: d\n  priority: INFO\n  output: o\n  \
                   condition: read and fd.name in (/etc/shadow, /etc/sudoers) and not proc.name in (cat, sshd)\n\
                   - rule: e\n  desc: d\n  priority: INFO\n  output: o\n  \
                   condition: evt.type = execve and proc.name in (nmap, tcpdump)\n";

fn rules(text: &[u8]) -> RuleSet {
    load(&[Source::new("rules.yaml", text)], &LoadOptions::default())
        .rules
        .unwrap()
}

fn evaluate(criterion: &mut Criterion) {
    let text = upstream().unwrap_or_else(|| OWN.as_bytes().to_vec());
    let rules = rules(&text);
    let table = events::table();
    let mut scratch = Scratch::default();
    let open = events::openat(
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
    );
    let exec = events::execve();
    let linked = events::openat("/lib/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6");
    for (name, event) in [
        ("open, no match", &open),
        ("open, two names", &linked),
        ("exec", &exec),
    ] {
        let hits = rules
            .evaluate(event, &table, Matching::First, &mut scratch)
            .to_vec();
        assert!(hits.is_empty(), "{name} matches {hits:?}");
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                rules
                    .evaluate(black_box(event), &table, Matching::First, &mut scratch)
                    .len()
            });
        });
    }
    criterion.bench_function("load", |bencher| {
        bencher.iter(|| self::rules(black_box(&text)));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots();
    targets = evaluate
}
criterion_main!(benches);
