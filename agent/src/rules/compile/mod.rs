//! Conditions become graphs of typed predicates; rules become a rule set.

mod events;
mod macros;
mod operand;
mod predicate;
mod rules;

pub(super) use events::{TypeSet, decide, matching};
pub(super) use rules::{Compiled, CompiledRule, compile};

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
