//! One test against the loaded rules.

use super::case::Case;
use super::record::encode;
use super::world::Fixture;
use crate::decode::{self, Clock, decode};
use crate::event::Event;
use crate::rules::{Matching, Rule, RuleSet, Scratch};

/// Wall-clock time of boot in the fixture: 2026-01-01, nanoseconds since the Unix epoch.
const BOOT: u64 = 1_767_225_600_000_000_000;

/// What is wrong; empty if the test passes.
pub(super) fn problems(case: &Case, rules: &RuleSet) -> Vec<String> {
    let record = match encode(case) {
        Ok(record) => record,
        Err(problem) => return vec![problem],
    };
    let mut scratch = decode::Scratch::default();
    let decoded = match decode(&record, Clock { boot: BOOT }, &mut scratch) {
        Ok(decoded) => decoded,
        Err(error) => return vec![format!("the event does not decode: {error}")],
    };
    let Some(event) = decoded.event else {
        return vec!["rules see no such event".into()];
    };
    compare(case, rules, &event)
}

fn compare(case: &Case, rules: &RuleSet, event: &Event<'_>) -> Vec<String> {
    let world = Fixture::of(case);
    let mut scratch = Scratch::default();
    let hits: Vec<&Rule> = rules
        .evaluate(event, &world, Matching::All, &mut scratch)
        .iter()
        .filter_map(|id| rules.rule(usize::try_from(*id).ok()?))
        .collect();
    let mut problems = Vec::new();
    for name in &case.expect {
        if !rules.rules().iter().any(|rule| rule.name == *name) {
            problems.push(format!("there is no rule \"{name}\""));
        } else if !hits.iter().any(|rule| rule.name == *name) {
            problems.push(format!("\"{name}\" does not hold"));
        }
    }
    for rule in &hits {
        if !case.expect.contains(&rule.name) {
            problems.push(format!("\"{}\" holds, and should not", rule.name));
        }
    }
    let outputs: Vec<String> = hits
        .iter()
        .map(|rule| rule.output.render(event, &world))
        .collect();
    for text in &case.output {
        if !outputs.iter().any(|output| output.contains(text)) {
            problems.push(format!(
                "\"{text}\" is not in the output: {}",
                outputs.join(" / ")
            ));
        }
    }
    problems
}
