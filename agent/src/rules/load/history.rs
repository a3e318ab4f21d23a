//! What each item of the files did to which definition, in order: where the parts of a rule came from.

use std::collections::HashMap;

use super::scalar::Mapping;
use crate::rules::source::Span;
use crate::rules::yaml::Kind;

/// Kinds of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefKind {
    /// A list.
    List,
    /// A macro.
    Macro,
    /// A rule.
    Rule,
}

impl DefKind {
    /// The key that begins such an item.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Macro => "macro",
            Self::Rule => "rule",
        }
    }

    fn of(key: &str) -> Option<Self> {
        [Self::List, Self::Macro, Self::Rule]
            .into_iter()
            .find(|kind| kind.name() == key)
    }
}

/// What an item did with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Gave its value, with the whole item.
    Define,
    /// Added to its value.
    Append,
    /// Gave it another value.
    Replace,
}

impl Operation {
    /// As `override` writes it; `define` for a definition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Define => "define",
            Self::Append => "append",
            Self::Replace => "replace",
        }
    }
}

/// One item that made a definition what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where the name stands in the item.
    pub at: Span,
    /// What it did to which keys; all of the item's keys for a definition.
    pub keys: Vec<(String, Operation)>,
}

impl Origin {
    /// Whether the item defines the whole, so that nothing before it counts.
    pub fn defines(&self) -> bool {
        self.keys
            .iter()
            .all(|(_, operation)| *operation == Operation::Define)
    }
}

/// Items by what they are about, in the order they were read.
#[derive(Debug, Default)]
pub(in crate::rules) struct History(HashMap<(DefKind, String), Vec<Origin>>);

impl History {
    /// Notes an item that was read without error.
    pub(super) fn note(&mut self, key: &str, name: &str, at: Span, mapping: &Mapping<'_>) {
        let Some(kind) = DefKind::of(key) else { return };
        let origin = Origin {
            at,
            keys: operations(kind, mapping),
        };
        self.0
            .entry((kind, name.to_owned()))
            .or_default()
            .push(origin);
    }

    /// The items that made a definition, in order.
    pub(in crate::rules) fn of(&self, kind: DefKind, name: &str) -> &[Origin] {
        self.0
            .get(&(kind, name.to_owned()))
            .map_or(&[], Vec::as_slice)
    }
}

fn operations(kind: DefKind, mapping: &Mapping<'_>) -> Vec<(String, Operation)> {
    if let Some(Kind::Mapping(entries)) = mapping.get("override").map(|node| &node.kind) {
        let named = entries.iter().filter_map(|(key, operation)| {
            let operation = match operation.scalar()? {
                "append" => Operation::Append,
                _ => Operation::Replace,
            };
            Some((key.scalar()?.to_owned(), operation))
        });
        return named.collect();
    }
    let words = ["append", "override", kind.name()];
    let keys = mapping.entries.iter().filter_map(|(key, _)| key.scalar());
    let keys = keys.filter(|key| !words.contains(key)).map(str::to_owned);
    let append = matches!(mapping.flag("append"), Ok(Some(true)));
    let switch = kind == DefKind::Rule && !mapping.has("condition");
    let operation = match (append, switch) {
        (true, _) => Operation::Append,
        (false, true) => Operation::Replace,
        (false, false) => Operation::Define,
    };
    keys.map(|key| (key, operation)).collect()
}
