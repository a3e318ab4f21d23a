//! What is wrong with rule files: stable codes, exact places, help.

mod codes;
mod json;
mod render;
mod suggest;

pub(super) use codes::*;
pub use codes::{CODES, Code, Severity, explain};
pub use json::{falco_results, to_json};
pub use render::render;
pub(super) use suggest::nearest;

use super::source::Span;

/// One error or warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Which one.
    pub code: &'static Code,
    /// What is wrong, in one line.
    pub message: String,
    /// The place that is wrong, and a word about it.
    pub primary: Label,
    /// Places that explain it, such as where a macro is used from.
    pub notes: Vec<Label>,
    /// What to do about it.
    pub help: Vec<String>,
    /// The item it is in, outermost first.
    pub items: Vec<Item>,
}

/// A place with a word about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What about it; may be empty.
    pub text: String,
}

impl Label {
    /// A place with a word about it.
    pub fn new(span: Span, text: impl Into<String>) -> Self {
        Self {
            span,
            text: text.into(),
        }
    }
}

/// A part of a rule file that a diagnostic is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Kind of the part, in the reference implementation's words: `rule`, `macro condition`.
    pub kind: &'static str,
    /// Its name, where it has one.
    pub name: String,
    /// Where it is.
    pub span: Span,
}

impl Diagnostic {
    /// A diagnostic at a place.
    pub fn new(code: &'static Code, message: impl Into<String>, span: Span) -> Self {
        Self {
            code,
            message: message.into(),
            primary: Label::new(span, ""),
            notes: Vec::new(),
            help: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Says more about the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds a place that explains it.
    #[must_use]
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.notes.push(Label::new(span, text));
        self
    }

    /// Adds help.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds "did you mean", if there is something near.
    #[must_use]
    pub fn did_you_mean<'n>(
        mut self,
        word: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        if let Some(near) = nearest(word, known) {
            self.help.push(format!("did you mean `{near}`?"));
        }
        self
    }

    /// Names the item it is in, outermost first.
    #[must_use]
    pub fn within(mut self, items: &[Item]) -> Self {
        self.items = items.to_vec();
        self
    }

    /// Whether it stops the load.
    pub fn is_error(&self) -> bool {
        self.code.severity == Severity::Error
    }
}
