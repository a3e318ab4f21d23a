//! One test against the loaded rules.

use super::case::Case;
use super::event::with_event;
use super::world::Fixture;
use crate::event::Event;
use crate::rules::{Matching, Rule, RuleSet, Scratch};

/// What is wrong; empty if the test passes.
pub(super) fn problems(case: &Case, rules: &RuleSet) -> Vec<String> {
    with_event(case, |event, world| compare(case, rules, event, world))
        .unwrap_or_else(|problem| vec![problem])
}

fn compare(case: &Case, rules: &RuleSet, event: &Event<'_>, world: &Fixture) -> Vec<String> {
    let mut scratch = Scratch::default();
    let hits: Vec<&Rule> = rules
        .evaluate(event, world, Matching::All, &mut scratch)
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
        .map(|rule| rule.output.render(event, world))
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
