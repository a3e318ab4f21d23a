//! A rule's condition taken apart as it is written, for showing what each part does.
//!
//! The graph of a rule set folds and shares, so it cannot tell which comparison of which macro was
//! false. Here every comparison keeps its place.

use super::{Context, Place};
use crate::rules::catalog::Catalog;
use crate::rules::diagnostics::Diagnostic;
use crate::rules::eval::{Graph, NodeId};
use crate::rules::load::{ExceptionDef, Lists, RuleDef, with_exceptions};
use crate::rules::source::Span;
use crate::rules::syntax::ast::{Check, Expr, Name, Operand, Right};
use crate::rules::syntax::{RULE_DEPTH, parse};
use crate::rules::text::Text;

/// Parts of one rule at most: macros inside macros grow without bound.
const MAX_PARTS: usize = 20_000;

/// A condition in parts.
#[derive(Debug)]
pub(in crate::rules) struct Parts {
    pub(in crate::rules) graph: Graph,
    pub(in crate::rules) root: Part,
}

/// A part of a condition.
#[derive(Debug)]
pub(in crate::rules) struct Part {
    pub(in crate::rules) kind: PartKind,
    /// Where it stands.
    pub(in crate::rules) at: Span,
    pub(in crate::rules) parts: Vec<Part>,
}

/// What a part is.
#[derive(Debug)]
pub(in crate::rules) enum PartKind {
    All,
    Any,
    Not,
    Macro(String),
    /// What an exception lets through; it stands under its negation.
    Exception(String),
    Check {
        text: String,
        /// Left side as written.
        left: String,
        /// A field on the right side, as written.
        right: Option<String>,
        node: NodeId,
    },
}

/// Takes a rule apart. `None` where it has too many parts; the load found every other mistake.
pub(in crate::rules) fn parts(catalog: &Catalog, rule: &RuleDef) -> Option<Parts> {
    let context = Context {
        graph: Graph::default(),
        lists: Lists::new(&catalog.lists),
        diagnostics: Vec::new(),
    };
    let mut builder = Builder {
        catalog,
        context,
        budget: MAX_PARTS,
    };
    let mut root = builder.text(&rule.condition)?;
    let mut exceptions = Vec::new();
    for exception in &rule.exceptions {
        if !exception.values.is_empty() {
            exceptions.push(builder.exception(exception)?);
        }
    }
    if !exceptions.is_empty() {
        let at = root.at;
        exceptions.insert(0, root);
        root = Part {
            kind: PartKind::All,
            at,
            parts: exceptions,
        };
    }
    let graph = builder.context.graph;
    Some(Parts { graph, root })
}

struct Builder<'c> {
    catalog: &'c Catalog,
    context: Context<'c>,
    budget: usize,
}

impl Builder<'_> {
    fn text(&mut self, text: &Text) -> Option<Part> {
        let expr = parse(text.as_str(), RULE_DEPTH).ok()?;
        self.expr(&expr, text)
    }

    fn exception(&mut self, exception: &ExceptionDef) -> Option<Part> {
        let alone = with_exceptions(&Text::default(), std::slice::from_ref(exception)).ok()?;
        // An empty condition with the exception reads `() and not (...)`.
        let excluded = alone.after("() and not ")?;
        let inner = self.text(&excluded)?;
        let named = Part {
            kind: PartKind::Exception(exception.name.clone()),
            at: exception.at,
            parts: vec![inner],
        };
        Some(Part {
            kind: PartKind::Not,
            at: exception.at,
            parts: vec![named],
        })
    }

    fn expr(&mut self, expr: &Expr, text: &Text) -> Option<Part> {
        self.budget = self.budget.checked_sub(1)?;
        match expr {
            Expr::And(parts) => self.chain(PartKind::All, parts, text),
            Expr::Or(parts) => self.chain(PartKind::Any, parts, text),
            Expr::Not(inner) => self.chain(PartKind::Not, std::slice::from_ref(inner), text),
            Expr::Macro(name) => self.r#macro(name, text),
            Expr::Check(check) => self.check(check, text).ok(),
        }
    }

    fn chain(&mut self, kind: PartKind, parts: &[Expr], text: &Text) -> Option<Part> {
        let parts: Option<Vec<Part>> = parts.iter().map(|part| self.expr(part, text)).collect();
        let parts = parts?;
        let at = parts.first().map(|part| part.at).unwrap_or_default();
        Some(Part { kind, at, parts })
    }

    fn r#macro(&mut self, name: &Name, text: &Text) -> Option<Part> {
        let catalog = self.catalog;
        let def = catalog.macros.get(&name.name)?;
        Some(Part {
            kind: PartKind::Macro(name.name.clone()),
            at: text.span(name.at.clone()),
            parts: vec![self.text(&def.condition)?],
        })
    }

    fn check(&mut self, check: &Check, text: &Text) -> Result<Part, Box<Diagnostic>> {
        let place = Place { text, items: &[] };
        let node = self.context.check(check, place)?;
        let slice = |at: &std::ops::Range<usize>| {
            let found = text.as_str().get(at.clone()).unwrap_or_default();
            found.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let left = match &check.left {
            Operand::Field(field) => slice(&field.at),
            _ => slice(&(check.at.start..check.op_at.start)),
        };
        let right = match &check.right {
            Right::Field(field) => Some(slice(&field.at)),
            Right::Transform(transform) => Some(slice(&transform.at)),
            Right::None | Right::Value(_) | Right::List(..) => None,
        };
        Ok(Part {
            kind: PartKind::Check {
                text: slice(&check.at),
                left,
                right,
                node,
            },
            at: place.span(&check.at),
            parts: Vec::new(),
        })
    }
}
