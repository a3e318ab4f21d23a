//! The rule set: what a load gives, and its evaluation.

use hashbrown::HashMap;

use super::catalog::Catalog;
use super::compile::{self, Compiled, CompiledRule, Definitions};
use super::diagnostics::{Diagnostic, E0002, E0004, to_json};
use super::eval::{Graph, NodeId, Scratch};
use super::format::{Output, OutputOptions};
use super::load::{Collector, PluginRequirement, Priority, Version, read_file};
use super::source::{Files, Source, Span};
use super::syntax::ast::Expr;
use crate::event::fields::{Reading, Scope};
use crate::event::{Event, EventType, World, event_types};

/// Version of Falco's rule language that is implemented.
pub const ENGINE_VERSION: Version = Version::new(0, 63, 0);

/// How rules are loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Rules less severe than this are left out.
    pub least_priority: Priority,
    /// What is added to outputs.
    pub output: OutputOptions,
    /// Bytes that one file may have.
    pub max_file_bytes: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            least_priority: Priority::Debug,
            output: OutputOptions {
                suggested: true,
                extra: None,
            },
            max_file_bytes: 16 << 20,
        }
    }
}

/// What a load gives.
#[derive(Debug)]
pub struct LoadResult {
    /// The rules; none if there was an error.
    pub rules: Option<RuleSet>,
    /// Every error and warning of every file.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, for showing the diagnostics.
    pub files: Files,
    /// Every definition, and where its parts came from.
    pub catalog: Catalog,
}

impl LoadResult {
    /// The errors among the diagnostics.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
    }

    /// The warnings among the diagnostics.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| !diagnostic.is_error())
    }

    /// Every diagnostic for people, one after the other.
    pub fn render(&self, color: bool) -> String {
        let shown = self.diagnostics.iter();
        shown
            .map(|diagnostic| super::diagnostics::render(diagnostic, &self.files, color))
            .collect()
    }

    /// Every diagnostic for programs.
    pub fn json(&self) -> serde_json::Value {
        self.diagnostics
            .iter()
            .map(|diagnostic| to_json(diagnostic, &self.files))
            .collect()
    }
}

/// Loads rule files, in the order given. Later files may change what earlier ones define.
pub fn load(sources: &[Source], options: &LoadOptions) -> LoadResult {
    let mut files = Files::default();
    let mut collector = Collector::new(ENGINE_VERSION);
    for (number, source) in (0_u32..).zip(sources) {
        match readable(source, number, options) {
            Ok(text) => {
                read_file(&mut collector, text, number);
                files.add(&source.name, text.to_owned());
            }
            Err(diagnostic) => {
                collector.diagnostics.push(*diagnostic);
                let shown = source
                    .text
                    .get(..options.max_file_bytes.min(source.text.len()));
                let shown = String::from_utf8_lossy(shown.unwrap_or_default());
                files.add(&source.name, shown.into_owned());
            }
        }
    }
    let compiled = compile::compile(&collector, options.least_priority, &options.output);
    let mut diagnostics = std::mem::take(&mut collector.diagnostics);
    diagnostics.extend(compiled.diagnostics.iter().cloned());
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    let rules = (!failed).then(|| RuleSet::new(compiled, std::mem::take(&mut collector.plugins)));
    LoadResult {
        rules,
        diagnostics,
        files,
        catalog: Catalog::new(collector),
    }
}

/// The text of a file, if it can be read at all.
fn readable<'s>(
    source: &'s Source,
    number: u32,
    options: &LoadOptions,
) -> Result<&'s str, Box<Diagnostic>> {
    if source.text.len() > options.max_file_bytes {
        let (len, most) = (source.text.len(), options.max_file_bytes);
        let message = format!("file has {len} bytes; at most {most} are read");
        let span = Span {
            file: number,
            start: 0,
            end: 0,
        };
        return Err(Box::new(Diagnostic::new(&E0004, message, span)));
    }
    std::str::from_utf8(&source.text).map_err(|error| {
        let at = u32::try_from(error.valid_up_to()).unwrap_or(0);
        let span = Span {
            file: number,
            start: at,
            end: at + 1,
        };
        let message = format!("byte {at} is not UTF-8");
        Box::new(Diagnostic::new(&E0002, message, span).label("not UTF-8"))
    })
}

/// The event names that a condition can match, as the reference implementation infers them.
pub fn infer_event_types(condition: &str) -> Result<Vec<&'static str>, Box<Diagnostic>> {
    let types = compile::infer(condition)?;
    Ok(types.names().collect())
}

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
    /// Condition as written, exceptions included.
    pub condition: String,
    /// Where its name stands.
    pub at: Span,
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

/// Rules ready for evaluation.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    graph: Graph,
    /// By event type, the rules that can match it, in order, with their conditions for that type.
    index: HashMap<&'static str, Vec<(u32, NodeId)>>,
    definitions: Definitions,
    plugins: Vec<PluginRequirement>,
}

impl RuleSet {
    fn new(compiled: Compiled, plugins: Vec<PluginRequirement>) -> Self {
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
        graph.finish();
        Self {
            rules,
            graph,
            index,
            definitions,
            plugins,
        }
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
    pub fn unmet_plugins<'p>(
        &self,
        loaded: impl Iterator<Item = (&'p str, &'p str)> + Clone,
    ) -> Vec<String> {
        let met = |(name, wanted): &(String, Version)| {
            let mut same = loaded.clone().filter(|(loaded, _)| loaded == name);
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
        let Some(candidates) = self.index.get(event.ty.name) else {
            scratch.hits.clear();
            return &scratch.hits;
        };
        self.try_all(candidates, event, world, matching, scratch);
        &scratch.hits
    }

    fn try_all(
        &self,
        candidates: &[(u32, NodeId)],
        event: &Event<'_>,
        world: &dyn World,
        matching: Matching,
        scratch: &mut Scratch,
    ) {
        let (arena, mut run) = scratch.begin(&self.graph);
        let mut scope = Scope::new(event, world, arena);
        let two_names = scope.has_two_names();
        for (number, root) in candidates {
            if !self
                .rules
                .get(*number as usize)
                .is_some_and(|rule| rule.enabled)
            {
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
        condition: condition.as_str().to_owned(),
        at: def.at,
        root,
        expr,
    }
}
