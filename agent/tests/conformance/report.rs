//! Counting, and the list of known differences.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Differences with reasons: `group | name | reason`, one per line. A name ending in `*` covers all
/// that begin so.
const KNOWN: &str = include_str!("differences.txt");

/// Results of all groups.
#[derive(Default)]
pub(crate) struct Report {
    groups: BTreeMap<&'static str, Group>,
}

#[derive(Default)]
struct Group {
    cases: usize,
    differ: BTreeMap<String, String>,
}

impl Report {
    /// Counts a case; `difference` says what differs, if something does.
    pub(crate) fn case(&mut self, group: &'static str, name: &str, difference: Option<String>) {
        let group = self.groups.entry(group).or_default();
        group.cases += 1;
        if let Some(difference) = difference {
            let name = name
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .replace('|', "¦");
            group.differ.insert(name, difference);
        }
    }

    /// Prints the table; fails if the differences are not exactly the known ones.
    pub(crate) fn finish(&self) -> ExitCode {
        let known: Vec<(&str, &str)> = KNOWN
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut parts = line.splitn(3, '|').map(str::trim);
                let group = parts.next().unwrap_or_default();
                let name = parts.next().unwrap_or_default();
                assert!(
                    parts.next().is_some_and(|why| !why.is_empty()),
                    "no reason: {line}"
                );
                (group, name)
            })
            .collect();
        println!(
            "{:<26} {:>6} {:>6} {:>6} {:>8}",
            "group", "cases", "agree", "differ", "agree %"
        );
        let mut failed = false;
        let mut used = BTreeSet::new();
        for (name, group) in &self.groups {
            let differ = group.differ.len();
            let agree = group.cases - differ.min(group.cases);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let share = agree as f64 * 100.0 / group.cases.max(1) as f64;
            println!(
                "{name:<26} {:>6} {agree:>6} {differ:>6} {share:>8.2}",
                group.cases
            );
            for (case, difference) in &group.differ {
                let covers = |(of, pattern): &(&str, &str)| {
                    of == name
                        && pattern
                            .strip_suffix('*')
                            .map_or(*pattern == case, |start| case.starts_with(start))
                };
                if let Some(at) = known.iter().position(covers) {
                    used.insert(at);
                } else {
                    failed = true;
                    println!("  NEW {name} | {case} | {difference}");
                }
            }
        }
        for (at, (group, name)) in known.iter().enumerate() {
            if !used.contains(&at) {
                failed = true;
                println!("  STALE {group} | {name}: listed, but nothing differs");
            }
        }
        if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}
