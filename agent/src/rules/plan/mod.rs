//! The kernel filter's half in user space: what of the loaded rules the kernel can test, as tables.
//!
//! ```text
//! condition ──► literals ──► conjunctions ──► numbers ──► tables
//! (graph)       (demands)    (bounded)        (per class)  (wire)
//! ```
//!
//! Every step may only make a rule's tests weaker, never stronger: an event that a rule matches passes.
//! Where something cannot be told by the kernel (a process's name, the inside of a text, what a path is
//! *not*), it counts as true, negated or not. Where there is too much of something, it is dropped.
//!
//! The wire is [`komainu_common::filter`]; [`model`] uses the tables as the kernel does.

mod build;
mod conjunction;
mod dnf;
mod explain;
mod file;
mod inside;
mod literal;
pub mod model;
mod open;
mod paths;
mod ranges;
mod show;
mod socket;
mod tables;

use std::collections::BTreeMap;

use komainu_common::Class;
use komainu_common::filter::{ClassPlan, Grams, PrefixKey, Vector};

pub use explain::{CheckPart, ClassPart, ClassShare, ClassSummary, RulePart};

use self::build::Numbered;
use self::tables::{NONE, Tables, path_key, tables, vector};
use super::set::RuleSet;
use crate::event::event_types;

/// Classes that are never filtered: they keep the process table true.
pub const UNFILTERED: &[Class] = &[Class::FORK, Class::EXEC, Class::EXIT, Class::CGROUP];

/// What the kernel filters by, for the rules that are enabled when it is made; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    classes: Vec<ClassTables>,
    /// [`facts`](komainu_common::facts) that rules read, of the classes that they read any of.
    #[cfg_attr(
        not(feature = "ebpf"),
        expect(dead_code, reason = "for the kernel half")
    )]
    facts: Vec<(Class, u32)>,
}

/// Whether two vectors have a conjunction in common.
fn meets(own: &Vector, left: &Vector) -> bool {
    own.iter().zip(left).any(|(own, left)| own & left != 0)
}

/// The tables of one class.
#[derive(Clone, Debug)]
pub struct ClassTables {
    class: Class,
    conjunctions: Vec<Numbered>,
    /// By rule number, its conjunctions; sorted by rule.
    of_rule: Vec<(u32, Vector)>,
    tables: Tables,
}

impl RuleSet {
    /// Compiles the enabled rules for the kernel filter.
    pub fn plan(&self) -> Plan {
        let delivered = |class: &Class| event_types().any(|ty| ty.class == Some(*class));
        let filtered = |class: &Class| !UNFILTERED.contains(class) && delivered(class);
        let classes: Vec<Class> = Class::ALL.iter().copied().filter(filtered).collect();
        let (mut lists, grams): (Vec<Vec<Numbered>>, Vec<Grams>) = classes
            .iter()
            .map(|class| build::conjunctions(self, *class))
            .unzip();
        build::limit_entries(&mut lists);
        let classes = classes.into_iter().zip(lists).zip(grams);
        let facts = Class::ALL.iter().map(|class| (*class, self.facts(*class)));
        Plan {
            classes: classes
                .map(|((class, conjunctions), grams)| ClassTables::new(class, conjunctions, &grams))
                .collect(),
            facts: facts.filter(|(_, facts)| *facts != 0).collect(),
        }
    }

    /// The [`facts`](komainu_common::facts) that enabled rules read of a class, in conditions and outputs.
    pub fn facts(&self, class: Class) -> u32 {
        let types = event_types().filter(|ty| ty.class == Some(class));
        let rules = types.flat_map(|ty| self.candidates(ty));
        let enabled = rules.filter_map(|(number, _)| {
            let rule = self.rules().get(*number as usize)?;
            rule.enabled.then_some(rule.facts)
        });
        enabled.fold(0, |all, facts| all | facts)
    }
}

impl Plan {
    /// Every class that is filtered, also those that no rule is about: of these nothing passes.
    pub fn classes(&self) -> &[ClassTables] {
        &self.classes
    }

    /// The tables of a class; `None` where it is not filtered.
    pub fn class(&self, class: Class) -> Option<&ClassTables> {
        self.classes.iter().find(|tables| tables.class == class)
    }

    /// Whether a rule has to be evaluated for an event of this class of which the kernel left these
    /// conjunctions. `vector` must be of this plan: compare `Header::plan` first.
    pub fn may_match(&self, class: Class, vector: &Vector, rule: u32) -> bool {
        let Some(tables) = self.class(class) else {
            return true;
        };
        tables.leaves(vector, rule)
    }

    /// The rules that have to be evaluated, in order, each once; `None` for all, where the class is not
    /// filtered.
    pub fn rules_of(&self, class: Class, vector: &Vector) -> Option<Vec<u32>> {
        let tables = self.class(class)?;
        let rules = tables.of_rule.iter();
        let alive = rules.filter(|(_, own)| meets(own, vector));
        Some(alive.map(|(rule, _)| *rule).collect())
    }
}

#[cfg(feature = "ebpf")]
impl From<&Plan> for crate::kernel::Tables {
    fn from(plan: &Plan) -> Self {
        let classes = plan.classes.iter();
        Self {
            classes: classes
                .clone()
                .map(|of| (of.class, of.tables.plan))
                .collect(),
            facts: plan.facts.clone(),
            paths: classes
                .clone()
                .flat_map(|of| of.tables.paths.clone())
                .collect(),
            prefixes: classes.flat_map(|of| of.tables.prefixes.clone()).collect(),
        }
    }
}

impl ClassTables {
    fn new(class: Class, conjunctions: Vec<Numbered>, grams: &Grams) -> Self {
        let mut of_rule: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (number, numbered) in conjunctions.iter().enumerate() {
            for rule in &numbered.rules {
                of_rule.entry(*rule).or_default().push(number);
            }
        }
        Self {
            class,
            tables: tables(class, &conjunctions, grams),
            of_rule: of_rule
                .into_iter()
                .map(|(rule, numbers)| (rule, vector(numbers)))
                .collect(),
            conjunctions,
        }
    }

    /// The class.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Number of conjunctions.
    pub const fn len(&self) -> usize {
        self.conjunctions.len()
    }

    /// Whether no rule is about the class.
    pub const fn is_empty(&self) -> bool {
        self.conjunctions.is_empty()
    }

    /// The plan as the kernel reads it.
    pub const fn plan(&self) -> &ClassPlan {
        &self.tables.plan
    }

    /// Number of entries of the hash table of paths.
    pub const fn path_entries(&self) -> usize {
        self.tables.paths.len()
    }

    /// The conjunctions of a rule.
    pub fn vector_of(&self, rule: u32) -> Vector {
        let at = self.of_rule.binary_search_by_key(&rule, |(rule, _)| *rule);
        at.ok()
            .and_then(|at| self.of_rule.get(at))
            .map_or(NONE, |(_, vector)| *vector)
    }

    /// Whether a rule has to be evaluated for an event of which the kernel left these conjunctions.
    pub fn leaves(&self, vector: &Vector, rule: u32) -> bool {
        meets(&self.vector_of(rule), vector)
    }

    fn path(&self, role: u8, kind: u8, text: &[u8]) -> Vector {
        let class = u8::try_from(self.class.0).unwrap_or(u8::MAX);
        let key = path_key(class, role, kind, text);
        let mut entries = self.tables.paths.iter();
        entries
            .find(|(known, _)| *known == key)
            .map_or(NONE, |(_, vector)| *vector)
    }

    fn prefix(&self, role: u8, path: &[u8]) -> Vector {
        let entries = self
            .tables
            .prefixes
            .iter()
            .filter(|(key, _)| key.role == role);
        let len = |key: &PrefixKey| (key.bits as usize).saturating_sub(32) / 8;
        let matching = entries.filter(|(key, _)| {
            key.bytes
                .get(..len(key))
                .is_some_and(|prefix| path.starts_with(prefix))
        });
        let longest = matching.max_by_key(|(key, _)| key.bits);
        longest.map_or(NONE, |(_, vector)| *vector)
    }
}
