//! Conditions become graphs of typed predicates; rules become a rule set.

mod constants;
mod contradiction;
mod events;
mod exclusion;
mod expand;
mod macros;
mod operand;
mod predicate;
mod rules;
mod steps;

pub(super) use events::{TypeSet, decide, matching};
pub(super) use expand::Definitions;
pub(super) use rules::{Compiled, CompiledRule, compile};
pub(super) use steps::{Part, PartKind, Parts, parts};

use super::diagnostics::{Code, Diagnostic, Item};
use super::eval::Graph;
use super::load::Lists;
use super::source::Span;
use super::text::Text;

/// Compiles a transformer of an output.
pub(super) fn transform(
    transform: &super::syntax::ast::Transform,
    place: Place<'_>,
) -> Result<super::eval::Get, Box<Diagnostic>> {
    operand::transform(transform, place).map(|typed| typed.get)
}

/// The events that a condition alone can match.
pub(super) fn infer(condition: &str) -> Result<TypeSet, Box<Diagnostic>> {
    let collector = super::load::Collector::new(super::loading::ENGINE_VERSION);
    let lists = Lists::new(&collector.lists);
    let mut context = Context {
        graph: Graph::default(),
        lists,
        diagnostics: Vec::new(),
    };
    let text = Text::synthetic(condition, Span::default());
    let mut macros = macros::Macros::new(&[]);
    let (_, root) = macros
        .condition(&text, &[], 0, &mut context)
        .map_err(|found| {
            let first = found.into_iter().next();
            Box::new(first.unwrap_or_else(|| {
                Diagnostic::new(&super::diagnostics::E0301, "condition", Span::default())
            }))
        })?;
    Ok(matching(&context.graph, root))
}

/// What conditions are compiled with.
pub(super) struct Context<'c> {
    pub(super) graph: Graph,
    pub(super) lists: Lists<'c>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A condition under compilation: where it is from, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) text: &'p Text,
    pub(super) items: &'p [Item],
}

impl Place<'_> {
    /// Place of a range of the condition.
    pub(super) fn span(&self, at: &std::ops::Range<usize>) -> Span {
        self.text.span(at.clone())
    }

    /// A diagnostic at a range of the condition.
    pub(super) fn error(
        &self,
        code: &'static Code,
        message: impl Into<String>,
        at: &std::ops::Range<usize>,
    ) -> Diagnostic {
        let span = self.span(at);
        let mut items = self.items.to_vec();
        items.push(Item {
            kind: "condition expression",
            name: String::new(),
            span,
        });
        Diagnostic::new(code, message, span).within(&items)
    }
}
