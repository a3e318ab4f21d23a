//! Rules: condition, exceptions and output together.

use super::macros::{Definitions, Macros};
use super::{Context, TypeSet, exclusion, matching};
use crate::rules::diagnostics::{
    Code, Diagnostic, E0004, E0302, E0308, E0401, Item, W0004, W0005, W0006, W0007, W0008, W0101,
    W0102,
};
use crate::rules::eval::{Graph, NodeId};
use crate::rules::format::{self, Output};
use crate::rules::load::{Collector, Lists, Priority, RuleDef, with_exceptions};
use crate::rules::source::Span;
use crate::rules::syntax::ast::Expr;
use crate::rules::text::Text;

/// Depth of a condition, macros included; evaluation recurses that deep.
const MAX_DEPTH: u32 = 250;

/// Event types above which a rule counts as matching too many.
const MANY_TYPES: usize = 100;

/// Everything compiled.
#[derive(Debug)]
pub(in crate::rules) struct Compiled {
    pub(in crate::rules) graph: Graph,
    pub(in crate::rules) rules: Vec<CompiledRule>,
    pub(in crate::rules) definitions: Definitions,
    pub(in crate::rules) diagnostics: Vec<Diagnostic>,
}

/// A rule with its condition as a node.
#[derive(Debug)]
pub(in crate::rules) struct CompiledRule {
    pub(in crate::rules) def: RuleDef,
    pub(in crate::rules) condition: Text,
    /// Syntax tree of the condition; macros and lists are references.
    pub(in crate::rules) expr: Expr,
    pub(in crate::rules) root: NodeId,
    pub(in crate::rules) types: TypeSet,
    pub(in crate::rules) output: Output,
}

/// Compiles the collected definitions. Rules less severe than `least` are left out.
pub(in crate::rules) fn compile(
    collector: &Collector,
    least: Priority,
    output: &format::OutputOptions,
) -> Compiled {
    let mut context = Context {
        graph: Graph::default(),
        lists: Lists::new(&collector.lists),
        diagnostics: Vec::new(),
    };
    let mut macros = Macros::new(&collector.macros.items);
    macros.compile_all(&mut context);
    let mut rules = Vec::new();
    for def in &collector.rules.items {
        if def.priority > least || def.unknown_source {
            continue;
        }
        match compile_rule(def, output, &mut macros, &mut context) {
            Ok(rule) => rules.push(rule),
            Err(found) => report(def, found, &mut context.diagnostics),
        }
    }
    finish(macros, &mut context, rules)
}

fn finish(macros: Macros<'_>, context: &mut Context<'_>, rules: Vec<CompiledRule>) -> Compiled {
    let mut diagnostics = std::mem::take(&mut context.diagnostics);
    diagnostics.append(&mut context.lists.diagnostics);
    let mut seen = hashbrown::HashSet::new();
    diagnostics.retain(|d| seen.insert((d.code.id, d.primary.span, d.message.clone())));
    if !diagnostics.iter().any(Diagnostic::is_error) {
        context.lists.mark_nested();
        let unused = |code, kind, name: &str, span, what: &str| {
            let item = Item {
                kind,
                name: name.to_owned(),
                span,
            };
            let message = format!("{what} not referred to by any other rule/macro");
            Diagnostic::new(code, message, span).within(&[item])
        };
        let of_macros = macros
            .unused()
            .map(|m| unused(&W0007, "macro", &m.name, m.at, "Macro"));
        let of_lists = context
            .lists
            .unused()
            .map(|l| unused(&W0008, "list", &l.name, l.at, "List"));
        diagnostics.extend(of_macros.chain(of_lists));
    }
    let definitions = macros.into_definitions(&mut context.lists);
    for rule in &rules {
        let condition = rule.def.condition_at;
        let told = |d: &Diagnostic| d.code == &W0101 && condition.contains(d.primary.span);
        if !diagnostics.iter().any(told) {
            diagnostics.extend(exclusion::find(rule, &definitions));
        }
    }
    Compiled {
        graph: std::mem::take(&mut context.graph),
        rules,
        definitions,
        diagnostics,
    }
}

/// Shows what is wrong with a rule; what is merely unknown, as a warning where the rule wants that.
fn report(def: &RuleDef, found: Vec<Diagnostic>, out: &mut Vec<Diagnostic>) {
    let unknown = |code: &'static Code| [&E0302, &E0308, &E0401].contains(&code);
    let skip = def.skip_if_unknown && found.iter().all(|d| unknown(d.code));
    if !skip {
        out.extend(found);
        return;
    }
    if let Some(mut first) = found.into_iter().next() {
        first.code = &W0006;
        out.push(first.help("the rule is skipped, as `skip-if-unknown-filter` says"));
    }
}

fn item(kind: &'static str, name: &str, span: Span) -> Item {
    Item {
        kind,
        name: name.to_owned(),
        span,
    }
}

fn compile_rule(
    def: &RuleDef,
    options: &format::OutputOptions,
    macros: &mut Macros<'_>,
    context: &mut Context<'_>,
) -> Result<CompiledRule, Vec<Diagnostic>> {
    let rule = item("rule", &def.name, def.at);
    let items = [rule.clone(), item("rule condition", "", def.condition_at)];
    let mut found = Vec::new();
    // Alone first: parentheses around it must not complete what is incomplete.
    let mut root = macros.condition(&def.condition, &items, u32::MAX, context);
    let mut condition = def.condition.clone();
    if !def.exceptions.is_empty() && root.is_ok() {
        match with_exceptions(&def.condition, &def.exceptions) {
            Ok(whole) => {
                root = macros.condition(&whole, &items, u32::MAX, context);
                condition = whole;
            }
            Err(mut diagnostic) => {
                diagnostic.items.insert(0, rule.clone());
                found.push(*diagnostic);
            }
        }
    }
    let output_items = [rule.clone(), item("rule output", "", def.output_at)];
    warn_output(def, &rule, &output_items, &mut context.diagnostics);
    let output = format::compile(&def.output, options, &output_items);
    match (root, output) {
        (Ok((_, root)), _) if context.graph.depth(root) > MAX_DEPTH => {
            let message = format!("the condition is nested more than {MAX_DEPTH} deep");
            let diagnostic = Diagnostic::new(&E0004, message, def.condition_at);
            found.push(
                diagnostic
                    .within(&items)
                    .help("its macros build upon each other too often"),
            );
            Err(found)
        }
        (Ok((expr, root)), Ok(output)) if found.is_empty() => {
            let types = matching(&context.graph, root);
            warn_types(def, &types, &rule, &mut context.diagnostics);
            Ok(CompiledRule {
                def: def.clone(),
                condition,
                expr,
                root,
                types,
                output,
            })
        }
        (root, output) => {
            found.extend(root.err().into_iter().flatten());
            found.extend(output.err().map(|diagnostic| *diagnostic));
            Err(found)
        }
    }
}

fn warn_types(def: &RuleDef, types: &TypeSet, rule: &Item, out: &mut Vec<Diagnostic>) {
    let mut warn = |code: &'static Code, message: &str| {
        let diagnostic = Diagnostic::new(code, message, def.at);
        out.push(diagnostic.within(std::slice::from_ref(rule)));
    };
    if types.len() > MANY_TYPES && def.warn_evttypes {
        warn(
            &W0005,
            "Rule matches too many evt.type values. This has a significant performance penalty.",
        );
    }
    if types.len() == 0 && def.enabled {
        warn(
            &W0102,
            "rule can never match: no event type passes the condition",
        );
    }
}

fn warn_output(def: &RuleDef, rule: &Item, items: &[Item], out: &mut Vec<Diagnostic>) {
    let text = def.output.as_str();
    if text.contains(format::CONTAINER_INFO) {
        let message = "%container.info is deprecated and no more useful, and will be dropped by Falco \
                       1.0.0. The container plugin will automatically add required fields to the output \
                       message.";
        let diagnostic = Diagnostic::new(&W0004, message, def.output_at);
        out.push(diagnostic.within(std::slice::from_ref(rule)));
    }
    let deprecated = crate::event::fields::all()
        .filter(|field| field.traits.deprecated && field.name.starts_with("evt."));
    for field in deprecated {
        let named = text.match_indices(field.name).any(|(at, name)| {
            let after = text.as_bytes().get(at + name.len());
            !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
        });
        if named {
            let name = field.name;
            let message =
                format!("usage of deprecated field '{name}' has been detected in the rule output");
            out.push(Diagnostic::new(&W0004, message, def.output_at).within(items));
        }
    }
}
