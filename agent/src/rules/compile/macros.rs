//! Macros: parsed once, compiled once, visible in order.

pub(super) use super::expand::Definitions;
use super::{Context, Place};
use crate::rules::diagnostics::{Diagnostic, E0206, E0207, E0301, Item};
use crate::rules::eval::NodeId;
use crate::rules::load::{Lists, MacroDef};
use crate::rules::syntax::ast::{Expr, Name};
use crate::rules::syntax::{RULE_DEPTH, parse};
use crate::rules::text::Text;

/// Macros that may be inside each other.
const MAX_NESTING: usize = 100;

/// Mistakes of one condition that are collected.
const MAX_FOUND: usize = 100;

/// Macros of a load.
#[derive(Debug)]
pub(super) struct Macros<'c> {
    defs: &'c [MacroDef],
    by_name: hashbrown::HashMap<&'c str, usize>,
    states: Vec<State>,
    used: Vec<bool>,
    /// Macros under compilation, outermost first.
    open: Vec<usize>,
    /// Syntax tree of each.
    trees: Vec<Option<Expr>>,
}

#[derive(Clone, Debug)]
enum State {
    New,
    Open,
    Done(NodeId),
    /// What is wrong with it; shown where it is used.
    Failed(Vec<Diagnostic>),
}

/// A compiled condition, or everything that is wrong with it.
pub(super) type Outcome = Result<NodeId, Vec<Diagnostic>>;

impl<'c> Macros<'c> {
    pub(super) fn new(defs: &'c [MacroDef]) -> Self {
        let by_name = defs
            .iter()
            .enumerate()
            .map(|(at, item)| (item.name.as_str(), at))
            .collect();
        Self {
            defs,
            by_name,
            states: vec![State::New; defs.len()],
            used: vec![false; defs.len()],
            open: Vec::new(),
            trees: vec![None; defs.len()],
        }
    }

    /// The syntax trees and lists, for printing conditions.
    pub(super) fn into_definitions(self, lists: &mut Lists<'_>) -> Definitions {
        let names = self.defs.iter().map(|def| def.name.clone());
        let macros = names
            .zip(self.trees)
            .filter_map(|(name, tree)| Some((name, tree?)))
            .collect();
        Definitions {
            macros,
            lists: lists.used_values(),
        }
    }

    /// Compiles every macro. Mistakes of structure are shown at once; wrong fields and constants only where
    /// the macro is used.
    pub(super) fn compile_all(&mut self, context: &mut Context<'_>) {
        for at in 0..self.defs.len() {
            // What is wrong with it stays in its state.
            drop(self.compile(at, context));
        }
        for state in &mut self.states {
            let State::Failed(found) = state else {
                continue;
            };
            let structural = |d: &Diagnostic| [&E0301, &E0206, &E0207].contains(&d.code);
            context
                .diagnostics
                .extend(found.iter().filter(|d| structural(d)).cloned());
            found.retain(|d| !structural(d));
        }
    }

    /// Macros that nothing used.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'c MacroDef> {
        let macros = self.defs.iter().zip(&self.used);
        macros.filter(|(_, used)| !**used).map(|(item, _)| item)
    }

    fn compile(&mut self, at: usize, context: &mut Context<'_>) -> Outcome {
        match self.states.get(at) {
            Some(State::Done(node)) => return Ok(*node),
            Some(State::Failed(found)) => return Err(found.clone()),
            _ => {}
        }
        let Some(def) = self.defs.get(at) else {
            return Err(Vec::new());
        };
        self.set(at, State::Open);
        self.open.push(at);
        let item = |kind, name: &str, span| Item {
            kind,
            name: name.to_owned(),
            span,
        };
        let items = [
            item("macro", &def.name, def.at),
            item("macro condition", "", def.condition_at),
        ];
        let compiled = self.condition(&def.condition, &items, def.visibility, context);
        self.open.pop();
        let outcome = compiled.map(|(expr, node)| {
            if let Some(slot) = self.trees.get_mut(at) {
                *slot = Some(expr);
            }
            node
        });
        self.set(
            at,
            match &outcome {
                Ok(node) => State::Done(*node),
                Err(found) => State::Failed(found.clone()),
            },
        );
        outcome
    }

    fn set(&mut self, at: usize, state: State) {
        if let Some(slot) = self.states.get_mut(at) {
            *slot = state;
        }
    }

    /// Compiles a condition that sees macros with a smaller number than `visibility`.
    pub(super) fn condition(
        &mut self,
        text: &Text,
        items: &[Item],
        visibility: u32,
        context: &mut Context<'_>,
    ) -> Result<(Expr, NodeId), Vec<Diagnostic>> {
        let place = Place { text, items };
        let expr = parse(text.as_str(), RULE_DEPTH).map_err(|error| {
            let end = (error.at + 1).min(text.as_str().len()).max(error.at);
            let diagnostic = place.error(&E0301, error.message, &(error.at..end));
            vec![diagnostic.label("reading stopped here")]
        })?;
        let node = self.expr(&expr, place, visibility, context)?;
        Ok((expr, node))
    }

    fn expr(
        &mut self,
        expr: &Expr,
        place: Place<'_>,
        visibility: u32,
        context: &mut Context<'_>,
    ) -> Outcome {
        match expr {
            Expr::And(parts) => {
                context.warn_contradictions(parts, place);
                let parts = self.parts(parts, place, visibility, context)?;
                Ok(context.graph.and(parts))
            }
            Expr::Or(parts) => {
                let parts = self.parts(parts, place, visibility, context)?;
                Ok(context.graph.or(parts))
            }
            Expr::Not(inner) => {
                let inner = self.expr(inner, place, visibility, context)?;
                Ok(context.graph.not(inner))
            }
            Expr::Macro(name) => self.reference(name, place, visibility, context),
            Expr::Check(check) => context.check(check, place).map_err(|found| vec![*found]),
        }
    }

    /// Every part, so that all mistakes are found.
    fn parts(
        &mut self,
        parts: &[Expr],
        place: Place<'_>,
        visibility: u32,
        context: &mut Context<'_>,
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        let mut nodes = Vec::with_capacity(parts.len());
        let mut found = Vec::new();
        for part in parts {
            match self.expr(part, place, visibility, context) {
                Ok(node) => nodes.push(node),
                Err(more) => found.extend(more),
            }
            if found.len() > MAX_FOUND {
                break;
            }
        }
        if found.is_empty() {
            Ok(nodes)
        } else {
            Err(found)
        }
    }

    fn reference(
        &mut self,
        name: &Name,
        place: Place<'_>,
        visibility: u32,
        context: &mut Context<'_>,
    ) -> Outcome {
        let known = self.by_name.get(name.name.as_str()).copied();
        let visible =
            known.filter(|at| self.defs.get(*at).is_some_and(|def| def.index < visibility));
        let Some(at) = visible else {
            return Err(vec![self.undefined(name, known, place)]);
        };
        if let Some(used) = self.used.get_mut(at) {
            *used = true;
        }
        if matches!(self.states.get(at), Some(State::Open)) {
            let message = format!("reference loop in macro '{}'", name.name);
            let mut diagnostic = place.error(&E0207, message, &name.at);
            for def in self.open.iter().filter_map(|at| self.defs.get(*at)) {
                diagnostic = diagnostic.note(def.at, "part of the circle");
            }
            return Err(vec![diagnostic]);
        }
        if self.open.len() >= MAX_NESTING {
            let message = format!("more than {MAX_NESTING} macros inside each other");
            return Err(vec![place.error(&E0207, message, &name.at)]);
        }
        let used_from = place.span(&name.at);
        self.compile(at, context).map_err(|found| {
            let noted = |d: Diagnostic| {
                if d.notes.len() < 8 {
                    d.note(used_from, "used from here")
                } else {
                    d
                }
            };
            found.into_iter().map(noted).collect()
        })
    }

    fn undefined(&self, name: &Name, known: Option<usize>, place: Place<'_>) -> Diagnostic {
        let message = format!("Undefined macro '{}' used in filter.", name.name);
        let diagnostic = place.error(&E0206, message, &name.at);
        if let Some(def) = known.and_then(|at| self.defs.get(at)) {
            return diagnostic
                .note(def.at, "defined here, too late to be seen")
                .help("define it before the macro that uses it");
        }
        let diagnostic = diagnostic.did_you_mean(&name.name, self.by_name.keys().copied());
        if crate::event::fields::all().any(|field| field.name.starts_with(&*name.name)) {
            return diagnostic.help("a field is written with a dot, such as `proc.name`");
        }
        diagnostic
    }
}
