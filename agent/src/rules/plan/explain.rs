//! What of a rule runs in the kernel, and what forces a class through.

use komainu_common::filter::role;

use super::conjunction::Conjunction;
use super::literal::{self, Demand, Noted};
use super::tables::is_ordinary;
use super::{ClassTables, Plan, show};
use crate::event::{EventType, event_types};
use crate::rules::catalog::Catalog;
use crate::rules::compile::{self, Part, PartKind, Parts};
use crate::rules::eval::Node;
use crate::rules::set::{Rule, RuleSet};
use crate::rules::source::Span;

/// A path test that lets more files pass than this is called wide; see the weights of path entries.
const WIDE: u64 = 10_000;

/// What of a rule runs in the kernel.
#[derive(Clone, Debug)]
pub struct RulePart {
    /// Name.
    pub rule: String,
    /// By class of the rule's events.
    pub classes: Vec<ClassPart>,
}

/// What of a rule runs in the kernel for one class.
#[derive(Clone, Debug)]
pub struct ClassPart {
    /// Name of the class.
    pub class: &'static str,
    /// Types of its events that the rule can match.
    pub event_types: Vec<&'static str>,
    /// Whether the kernel filters the class at all.
    pub filtered: bool,
    /// An event passes for the rule if all tests of one of these hold; an empty one lets every event
    /// pass.
    pub passes: Vec<Vec<String>>,
    /// Every comparison of the condition; none where the condition is too large to show.
    pub checks: Vec<CheckPart>,
}

/// What of a comparison runs in the kernel.
#[derive(Clone, Debug)]
pub struct CheckPart {
    /// As written.
    pub text: String,
    /// It stands under a negation.
    pub negated: bool,
    /// Where it stands.
    pub at: Span,
    /// What the kernel tests for it, by event type where they differ; any of these.
    pub tests: Vec<String>,
    /// Why the kernel tests nothing.
    pub why: Option<&'static str>,
}

/// What the kernel does with one class.
#[derive(Clone, Debug)]
pub struct ClassSummary {
    /// Name of the class.
    pub class: &'static str,
    /// Conjunctions.
    pub conjunctions: usize,
    /// Number tests.
    pub number_tests: u32,
    /// Entries for whole paths and last components.
    pub path_entries: usize,
    /// Entries for beginnings of paths.
    pub prefix_entries: usize,
    /// Conjunctions that let much pass, those first that let ordinary events pass.
    pub weak: Vec<Weak>,
    /// What was filtered in a stream, where one was looked at.
    pub share: Option<ClassShare>,
}

/// A conjunction that lets much pass.
#[derive(Clone, Debug)]
pub struct Weak {
    /// Its tests.
    pub tests: Vec<String>,
    /// Rules that it stands for.
    pub rules: Vec<String>,
    /// An ordinary event of the class passes: the rules force the class through.
    pub forces: bool,
}

/// What became of the events of a class in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassShare {
    /// Events that happened.
    pub seen: u64,
    /// Of them, how many the kernel filtered.
    pub filtered: u64,
}

impl Plan {
    /// Explains one rule. `catalog`, `rules` and the plan are of one load.
    pub fn explain(&self, catalog: &Catalog, rules: &RuleSet, rule: &Rule) -> RulePart {
        let number = rules
            .rules()
            .iter()
            .position(|known| std::ptr::eq(known, rule));
        let number = number
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(u32::MAX);
        let def = catalog.rules.get(&rule.name);
        let parts = def.and_then(|def| compile::parts(catalog, def));
        let matched = |ty: &&EventType| rule.event_types.contains(&ty.name);
        let types: Vec<&'static EventType> = event_types().filter(matched).collect();
        let classes = komainu_common::Class::ALL.iter().filter_map(|class| {
            let types: Vec<_> = types
                .iter()
                .copied()
                .filter(|ty| ty.class == Some(*class))
                .collect();
            let tables = self.class(*class);
            (!types.is_empty()).then(|| ClassPart {
                class: class.name(),
                event_types: types.iter().map(|ty| ty.name).collect(),
                filtered: tables.is_some(),
                passes: tables
                    .map(|tables| tables.passes(number))
                    .unwrap_or_default(),
                checks: parts
                    .as_ref()
                    .map(|parts| checks(parts, &types))
                    .unwrap_or_default(),
            })
        });
        RulePart {
            rule: rule.name.clone(),
            classes: classes.collect(),
        }
    }

    /// Every filtered class, with what was filtered of it in a stream where that is known.
    pub fn summary(
        &self,
        rules: &RuleSet,
        share: &dyn Fn(komainu_common::Class) -> Option<ClassShare>,
    ) -> Vec<ClassSummary> {
        let classes = self.classes.iter();
        let summary = |tables: &ClassTables| ClassSummary {
            class: tables.class.name(),
            conjunctions: tables.len(),
            number_tests: tables.plan().tests_len,
            path_entries: tables.tables.paths.len(),
            prefix_entries: tables.tables.prefixes.len(),
            weak: tables.weak(rules),
            share: share(tables.class),
        };
        classes.map(summary).collect()
    }
}

impl ClassTables {
    fn passes(&self, rule: u32) -> Vec<Vec<String>> {
        let of_rule = self
            .conjunctions
            .iter()
            .filter(|numbered| numbered.rules.contains(&rule));
        of_rule
            .map(|numbered| show::conjunction(&numbered.conjunction))
            .collect()
    }

    fn weak(&self, rules: &RuleSet) -> Vec<Weak> {
        let name = |rule: &u32| rules.rule(*rule as usize).map(|rule| rule.name.clone());
        let weak = self
            .conjunctions
            .iter()
            .filter(|numbered| is_wide(&numbered.conjunction));
        let mut weak: Vec<Weak> = weak
            .map(|numbered| Weak {
                tests: show::conjunction(&numbered.conjunction),
                rules: numbered.rules.iter().filter_map(name).collect(),
                forces: is_ordinary(&numbered.conjunction, self.class),
            })
            .collect();
        weak.sort_by_key(|weak| !weak.forces);
        weak
    }
}

/// Whether the paths hardly matter.
fn is_wide(conjunction: &Conjunction) -> bool {
    let path = |role: u8| {
        conjunction
            .paths
            .get(usize::from(role))
            .and_then(Option::as_ref)
    };
    [role::FIRST, role::SECOND]
        .into_iter()
        .filter_map(path)
        .all(|paths| paths.weight() > WIDE)
}

fn checks(parts: &Parts, types: &[&'static EventType]) -> Vec<CheckPart> {
    let mut out = Vec::new();
    collect(&parts.root, false, parts, types, &mut out);
    out
}

fn collect(
    part: &Part,
    negated: bool,
    parts: &Parts,
    types: &[&'static EventType],
    out: &mut Vec<CheckPart>,
) {
    let negated = negated != matches!(part.kind, PartKind::Not);
    for inner in &part.parts {
        collect(inner, negated, parts, types, out);
    }
    let PartKind::Check { text, node, .. } = &part.kind else {
        return;
    };
    let demands = types.iter().map(|ty| match parts.graph.node(*node) {
        Node::Const(value) => Demand::decided(*value != negated),
        Node::Predicate(number) => match parts.graph.predicate(*number) {
            Some(predicate) => match compile::decide(predicate, ty) {
                Some(value) => Demand::decided(value != negated),
                None => literal::demand(predicate, negated, ty, &Noted::default()),
            },
            None => Demand::nothing("not understood"),
        },
        _ => Demand::nothing("not understood"),
    });
    let mut tests: Vec<String> = Vec::new();
    let mut why = None;
    for demand in demands {
        why = why.or(demand.why);
        for conjunction in &demand.any_of {
            let text = show::conjunction(conjunction).join(" and ");
            if !text.is_empty() && !tests.contains(&text) {
                tests.push(text);
            }
        }
        if demand.any_of.is_empty() {
            why = why.or(Some("never holds for some of these events"));
        }
    }
    out.push(CheckPart {
        text: text.clone(),
        negated,
        at: part.at,
        why: why.filter(|_| tests.is_empty()),
        tests,
    });
}
