//! Keys of a format: the table that JSON Schema and reference are made of, and in the formats other than
//! Falco's the line too.

use serde_json::Value;

use super::source::Source;

/// A key of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// Names from the outside in, joined with dots. `[]` after a name: an array of one object.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    /// What it means, or where it comes from.
    pub(super) doc: &'static str,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// In every line.
    Always,
    /// Wherever the object is that it stands in.
    Within,
    /// Where something is known.
    Maybe,
}

/// What stands behind a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Texts,
    /// Whole number.
    Number,
    Bool,
    /// UTC, RFC 3339.
    Time,
    Ip,
    Port,
    /// This text.
    Is(&'static str),
    /// One of these texts.
    OneOf(fn() -> Vec<&'static str>),
    /// Some of these texts.
    SomeOf(fn() -> Vec<&'static str>),
    /// One of these numbers.
    Id(&'static [u64]),
    /// Objects with these keys.
    Objects(&'static [Key]),
    /// Values by name of the field.
    Fields,
}

impl Key {
    pub(super) const fn new(path: &'static str, kind: Kind, need: Need, doc: &'static str) -> Self {
        Self {
            path,
            kind,
            need,
            doc,
        }
    }
}

/// A key that says how its value is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) get: Get,
}

/// How a value is made; without one the key is left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Get {
    /// The value of a field.
    Fact(&'static str),
    /// The same as text.
    FactText(&'static str),
    Of(fn(&Source<'_>) -> Option<Value>),
}

impl Row {
    /// A key that is in every line.
    pub(super) const fn always(
        path: &'static str,
        kind: Kind,
        doc: &'static str,
        get: fn(&Source<'_>) -> Option<Value>,
    ) -> Self {
        Self {
            key: Key::new(path, kind, Need::Always, doc),
            get: Get::Of(get),
        }
    }

    /// A key that is there wherever the object is.
    pub(super) const fn within(
        path: &'static str,
        kind: Kind,
        doc: &'static str,
        get: fn(&Source<'_>) -> Option<Value>,
    ) -> Self {
        Self {
            key: Key::new(path, kind, Need::Within, doc),
            get: Get::Of(get),
        }
    }

    /// A key that is there where something is known.
    pub(super) const fn maybe(
        path: &'static str,
        kind: Kind,
        doc: &'static str,
        get: fn(&Source<'_>) -> Option<Value>,
    ) -> Self {
        Self {
            key: Key::new(path, kind, Need::Maybe, doc),
            get: Get::Of(get),
        }
    }

    /// The value of a field.
    pub(super) const fn fact(path: &'static str, kind: Kind, field: &'static str) -> Self {
        Self {
            key: Key::new(path, kind, Need::Maybe, field),
            get: Get::Fact(field),
        }
    }

    /// The value of a field as text.
    pub(super) const fn fact_text(path: &'static str, field: &'static str) -> Self {
        Self {
            key: Key::new(path, Kind::Text, Need::Maybe, field),
            get: Get::FactText(field),
        }
    }

    /// The same, and it is there wherever the object is.
    pub(super) const fn within_object(mut self) -> Self {
        self.key.need = Need::Within;
        self
    }

    /// The value in a line.
    pub(super) fn value(&self, source: &Source<'_>) -> Option<Value> {
        match self.get {
            Get::Fact(field) => source.fact(field).cloned(),
            Get::FactText(field) => Some(match source.fact(field)? {
                Value::String(text) => text.as_str().into(),
                other => other.to_string().into(),
            }),
            Get::Of(get) => get(source),
        }
    }
}
