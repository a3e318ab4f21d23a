//! The rule set and its evaluation.

use hashbrown::HashMap;

use super::compile::{self, Compiled, CompiledRule, Definitions};
use super::eval::{Graph, NodeId, Scratch};
use super::format::Output;
use super::load::{PluginRequirement, Priority, Version};
use super::source::Span;
use super::syntax::ast::Expr;
use crate::event::fields::{Availability, FieldArg, Reading, Scope};
use crate::event::{Event, EventType, World, event_type, event_types};

/// Which rules an event is tried on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// Rules in order, until one matches.
    #[default]
    First,
    /// All rules.
    All,
}

/// Number of a rule in its set.
pub type RuleId = usize;

/// A loaded rule.
#[derive(Debug)]
pub struct Rule {
    /// Name.
    pub name: String,
    /// Description.
    pub desc: String,
    /// How serious a match is.
    pub priority: Priority,
    /// Source of events, always `syscall`.
    pub source: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// What an alert says.
    pub output: Output,
    /// Event types of the event table that it can match.
    pub event_types: Vec<&'static str>,
    /// It can match every event there is.
    pub matches_all_types: bool,
    /// Fields that the condition reads, with arguments, sorted.
    pub condition_fields: Vec<String>,
    /// What the rule uses that is not delivered yet: fields and event types, each with the reason. Until
    /// then the rule matches less, or more behind `not`, than it says.
    pub undelivered: Vec<String>,
    /// Condition as written, exceptions included.
    pub condition: String,
    /// Where its name stands.
    pub at: Span,
    /// [`facts`](komainu_common::facts) that condition and output read.
    pub(super) facts: u32,
    root: NodeId,
    expr: Expr,
}

/// Nodes that a printed condition may have.
pub const MAX_PRINTED: usize = 100_000;

/// Whether a rule name matches a pattern in which `*` stands for any text.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Rules ready for evaluation; by default none.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    graph: Graph,
    /// By event type, the rules that can match it, in order, with their conditions for that type.
    index: HashMap<&'static str, Vec<(u32, NodeId)>>,
    definitions: Definitions,
    plugins: Vec<PluginRequirement>,
}

impl RuleSet {
    pub(super) fn new(compiled: Compiled, plugins: Vec<PluginRequirement>) -> Self {
        let Compiled {
            mut graph,
            rules,
            definitions,
            ..
        } = compiled;
        let mut rules: Vec<Rule> = rules.into_iter().map(rule).collect();
        let mut index: HashMap<&'static str, Vec<(u32, NodeId)>> = HashMap::new();
        for ty in event_types() {
            let mut memo = HashMap::new();
            for (number, rule) in (0_u32..).zip(&mut rules) {
                let decide = |predicate: &super::eval::Predicate| compile::decide(predicate, ty);
                let root = graph.specialise(rule.root, &decide, &mut memo);
                if *graph.node(root) == super::eval::Node::Const(false) {
                    continue;
                }
                rule.event_types.push(ty.name);
                index.entry(ty.name).or_default().push((number, root));
            }
        }
        for rule in &mut rules {
            describe(rule, &graph);
        }
        graph.finish();
        Self {
            rules,
            graph,
            index,
            definitions,
            plugins,
        }
    }

    pub(super) const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The rules that can match events of this type, in order, with their conditions for the type.
    pub(super) fn candidates(&self, ty: &EventType) -> &[(u32, NodeId)] {
        self.index.get(ty.name).map_or(&[], Vec::as_slice)
    }

    /// Every rule, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule by its number.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// The condition of a rule as the reference implementation prints it after expanding macros and
    /// lists; `None` where that would be longer than [`MAX_PRINTED`].
    pub fn compiled_condition(&self, rule: &Rule) -> Option<String> {
        self.expanded_condition(rule)
            .map(|expr| super::syntax::print(&expr))
    }

    /// The condition of a rule with macros, lists and exceptions written out; `None` where that would
    /// be larger than [`MAX_PRINTED`].
    pub fn expanded_condition(&self, rule: &Rule) -> Option<Expr> {
        let mut budget = MAX_PRINTED;
        self.definitions.expand(&rule.expr, &mut budget)
    }

    /// Plugin requirements of the rule files that the given plugins (name, version) do not meet, each as
    /// the names and versions of which one would do.
    pub fn unmet_plugins(&self, loaded: &[(&str, &str)]) -> Vec<String> {
        let met = |(name, wanted): &(String, Version)| {
            let mut same = loaded.iter().filter(|(loaded, _)| loaded == name);
            same.any(|(_, version)| Version::parse(version).is_some_and(|v| v.satisfies(*wanted)))
        };
        let unmet = self
            .plugins
            .iter()
            .filter(|required| !required.any_of.iter().any(met));
        let show = |(name, version): &(String, Version)| format!("{name} {version}");
        unmet
            .map(|r| r.any_of.iter().map(show).collect::<Vec<_>>().join(" or "))
            .collect()
    }

    /// Enables or disables rules.
    pub fn select(&mut self, mut enabled: impl FnMut(&Rule) -> bool) {
        for rule in &mut self.rules {
            rule.enabled = enabled(rule);
        }
    }

    /// Whether an enabled rule can match events of this type.
    pub fn wants(&self, ty: &EventType) -> bool {
        let candidates = self.index.get(ty.name).into_iter().flatten();
        candidates
            .filter_map(|(number, _)| self.rules.get(*number as usize))
            .any(|rule| rule.enabled)
    }

    /// The rules that match an event, in order. Nothing is allocated for an event that none matches,
    /// once the scratch memory has grown to its size.
    ///
    /// Where a file has two names (what was asked for, and the kernel's path), a rule matches if its
    /// whole condition holds for either of them.
    pub fn evaluate<'s>(
        &self,
        event: &Event<'_>,
        world: &dyn World,
        matching: Matching,
        scratch: &'s mut Scratch,
    ) -> &'s [u32] {
        self.evaluate_only(event, world, matching, scratch, &|_| true)
    }

    /// The same for the rules that `tried` names: those that the kernel's filter left
    /// ([`Plan::may_match`](super::Plan::may_match)).
    pub fn evaluate_only<'s>(
        &self,
        event: &Event<'_>,
        world: &dyn World,
        matching: Matching,
        scratch: &'s mut Scratch,
        tried: &dyn Fn(u32) -> bool,
    ) -> &'s [u32] {
        let Some(candidates) = self.index.get(event.ty.name) else {
            scratch.hits.clear();
            return &scratch.hits;
        };
        self.try_all(candidates, event, world, matching, scratch, tried);
        &scratch.hits
    }

    fn try_all(
        &self,
        candidates: &[(u32, NodeId)],
        event: &Event<'_>,
        world: &dyn World,
        matching: Matching,
        scratch: &mut Scratch,
        tried: &dyn Fn(u32) -> bool,
    ) {
        let (arena, mut run) = scratch.begin(&self.graph);
        let mut scope = Scope::new(event, world, arena);
        let two_names = scope.has_two_names();
        for (number, root) in candidates {
            let rule = self.rules.get(*number as usize);
            if !rule.is_some_and(|rule| rule.enabled) || !tried(*number) {
                continue;
            }
            scope.reading = Reading::Asked;
            let mut hit = run.holds(*root, &scope);
            if !hit && two_names && self.graph.reads_path(*root) {
                scope.reading = Reading::Resolved;
                hit = run.holds(*root, &scope);
            }
            if hit {
                run.hits.push(*number);
                if matching == Matching::First {
                    break;
                }
            }
        }
    }
}

fn rule(compiled: CompiledRule) -> Rule {
    let CompiledRule {
        def,
        condition,
        expr,
        root,
        types,
        output,
    } = compiled;
    Rule {
        name: def.name,
        desc: def.desc,
        priority: def.priority,
        source: def.source,
        tags: def.tags.into_iter().collect(),
        enabled: def.enabled,
        output,
        event_types: Vec::new(),
        matches_all_types: types.is_all(),
        condition_fields: Vec::new(),
        undelivered: Vec::new(),
        condition: condition.as_str().to_owned(),
        at: def.at,
        facts: 0,
        root,
        expr,
    }
}

/// Fills in what the condition reads, what of the facts only some rules read, and what of it is not delivered.
fn describe(rule: &mut Rule, graph: &Graph) {
    let mut fields = std::collections::BTreeMap::new();
    graph.predicates_below(rule.root, &mut |predicate| {
        predicate.fields(&mut |field, arg| {
            let name = match arg {
                FieldArg::None => field.name.to_owned(),
                FieldArg::Index(index) => format!("{}[{index}]", field.name),
                FieldArg::Key(key) => format!("{}[{key}]", field.name),
            };
            fields.insert(name, field);
        });
    });
    let printed = rule.output.fields().map(|field| field.facts);
    rule.facts = fields
        .values()
        .map(|field| field.facts)
        .chain(printed)
        .fold(0, |all, facts| all | facts);
    for (name, field) in &fields {
        match field.availability {
            Availability::Now => {}
            Availability::Later(needs) => rule.undelivered.push(format!("{name}: needs {needs}")),
            Availability::Never(why) => rule.undelivered.push(format!("{name}: {why}")),
        }
    }
    let waiting = |name: &&&str| event_type(name).is_some_and(|ty| !ty.is_delivered());
    if !rule.matches_all_types {
        let events = rule.event_types.iter().filter(waiting);
        rule.undelivered
            .extend(events.map(|name| format!("event {name}: no probe yet")));
    }
    rule.condition_fields = fields.into_keys().collect();
}
