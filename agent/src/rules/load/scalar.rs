//! Values of keys, decoded.

use super::Checked;
use crate::rules::diagnostics::{Diagnostic, E0101, E0102, E0103, Item};
use crate::rules::source::Span;
use crate::rules::text::Text;
use crate::rules::yaml::{Kind, Node};

/// A mapping under reading, and where it is for messages.
#[derive(Clone, Debug)]
pub(super) struct Mapping<'n> {
    pub(super) entries: &'n [(Node, Node)],
    pub(super) span: Span,
    /// Text of the whole file.
    pub(super) source: &'n str,
    /// What it is in, outermost first.
    pub(super) items: Vec<Item>,
}

impl<'n> Mapping<'n> {
    /// The value of a key; the first, where the key is repeated.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(k, _)| k.scalar() == Some(key))
            .map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key that must be there and not empty.
    pub(super) fn required(&self, key: &str) -> Checked<&'n Node> {
        let Some(node) = self.get(key) else {
            let message = format!("Item has no mapping for key '{key}'");
            return Err(self.error(&E0102, message, self.span));
        };
        self.filled(key, node)
    }

    /// The value of a key that may be absent but not empty.
    pub(super) fn optional(&self, key: &str) -> Checked<Option<&'n Node>> {
        self.get(key).map(|node| self.filled(key, node)).transpose()
    }

    fn filled(&self, key: &str, node: &'n Node) -> Checked<&'n Node> {
        if matches!(node.kind, Kind::Null) {
            let message = format!("Mapping for key '{key}' is empty");
            return Err(self.value_error(key, message, self.span));
        }
        Ok(node)
    }

    /// Text of a key that must be there.
    pub(super) fn text(&self, key: &str) -> Checked<Text> {
        let node = self.required(key)?;
        self.node_text(key, node)
    }

    /// Text of a node, not empty.
    pub(super) fn node_text(&self, key: &str, node: &Node) -> Checked<Text> {
        let Some(text) = node.text(self.source) else {
            return Err(self.value_error(key, "Value is not a scalar value", node.span));
        };
        if text.as_str().is_empty() {
            return Err(self.value_error(key, "Value must be non-empty", node.span));
        }
        Ok(text)
    }

    /// Text of a key that may be absent.
    pub(super) fn optional_text(&self, key: &str) -> Checked<Option<Text>> {
        self.optional(key)?
            .map(|node| self.node_text(key, node))
            .transpose()
    }

    /// Truth value of a key that may be absent.
    pub(super) fn flag(&self, key: &str) -> Checked<Option<bool>> {
        let Some(node) = self.optional(key)? else {
            return Ok(None);
        };
        let word = node.scalar().map(str::to_ascii_lowercase);
        match word.as_deref() {
            Some("true" | "yes" | "y" | "on") => Ok(Some(true)),
            Some("false" | "no" | "n" | "off") => Ok(Some(false)),
            _ => Err(self.value_error(key, "Can't decode YAML scalar value", node.span)),
        }
    }

    /// Checks that a key, if there, is a whole number.
    pub(super) fn check_number(&self, key: &str) -> Checked<()> {
        let Some(node) = self.optional(key)? else {
            return Ok(());
        };
        let number = node.scalar().and_then(|text| text.parse::<u64>().ok());
        match number {
            Some(_) => Ok(()),
            None => Err(self.value_error(key, "Can't decode YAML scalar value", node.span)),
        }
    }

    /// Scalars of a sequence.
    pub(super) fn texts(&self, key: &str, node: &Node) -> Checked<Vec<Text>> {
        let Kind::Sequence(items) = &node.kind else {
            return Err(self.value_error(key, "Value is not a sequence", node.span));
        };
        let text = |item: &Node| {
            let text = item.text(self.source);
            text.ok_or_else(|| self.value_error(key, "Can't decode YAML scalar value", item.span))
        };
        items.iter().map(text).collect()
    }

    /// The mapping in a node.
    pub(super) fn nested(&self, node: &'n Node, item: Item) -> Checked<Self> {
        let mut items = self.items.clone();
        items.push(item);
        let Kind::Mapping(entries) = &node.kind else {
            let message = "Value is not a mapping";
            return Err(Box::new(
                Diagnostic::new(&E0101, message, node.span).within(&items),
            ));
        };
        Ok(Self {
            entries,
            span: node.span,
            source: self.source,
            items,
        })
    }

    /// A diagnostic in this mapping.
    pub(super) fn error(
        &self,
        code: &'static crate::rules::diagnostics::Code,
        message: impl Into<String>,
        span: Span,
    ) -> Box<Diagnostic> {
        Box::new(Diagnostic::new(code, message, span).within(&self.items))
    }

    fn value_error(&self, key: &str, message: impl Into<String>, span: Span) -> Box<Diagnostic> {
        let mut items = self.items.clone();
        items.push(Item {
            kind: "value for",
            name: key.to_owned(),
            span,
        });
        Box::new(Diagnostic::new(&E0103, message, span).within(&items))
    }

    /// Place of a key, for messages about the key itself.
    pub(super) fn key_span(&self, key: &str) -> Span {
        let found = self.entries.iter().find(|(k, _)| k.scalar() == Some(key));
        found.map_or(self.span, |(key, _)| key.span)
    }
}
