//! YAML documents as trees that know where every node stands.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};

use super::source::Span;
use super::text::Text;

/// Nodes of one file at most. Falco's largest file has under 10,000; the bound stops alias bombs.
const MAX_NODES: usize = 1_000_000;
/// Depth of nesting at most.
const MAX_DEPTH: usize = 64;

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands; a collection may have an empty span at its beginning.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Nothing.
    Null,
    /// A scalar with its decoded text.
    Scalar(String),
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in file order, repeated keys included.
    Mapping(Vec<(Node, Node)>),
}

/// Why a file is no YAML.
#[derive(Clone, Debug)]
pub(super) struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Where, as far as known.
    pub span: Span,
    /// A limit was exceeded, rather than the syntax broken.
    pub limit: bool,
}

impl Node {
    /// The scalar's text.
    pub(super) fn scalar(&self) -> Option<&str> {
        if let Kind::Scalar(text) = &self.kind {
            Some(text)
        } else {
            None
        }
    }

    /// The scalar's text with the place of each byte; `source` is the whole file.
    pub(super) fn text(&self, source: &str) -> Option<Text> {
        let range = self.span.start as usize..self.span.end as usize;
        let raw = source.get(range).unwrap_or_default();
        Some(Text::decoded(self.scalar()?, raw, self.span))
    }
}

/// Parses every document of a file.
pub(super) fn parse(text: &str, file: u32) -> Result<Vec<Node>, YamlError> {
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.with_snippet = false;
    if let Some(budget) = &mut options.budget {
        budget.max_nodes = MAX_NODES;
        budget.max_events = MAX_NODES * 2;
        budget.max_depth = MAX_DEPTH;
    }
    let parsed = serde_saphyr::from_multiple_with_options::<Spanned<Raw>>(text, options);
    let documents = parsed.map_err(|error| failure(&error, text, file))?;
    Ok(documents
        .into_iter()
        .map(|document| build(document, text, file))
        .collect())
}

fn failure(error: &serde_saphyr::Error, text: &str, file: u32) -> YamlError {
    let whole = error.to_string();
    let limit = matches!(error.without_snippet(), serde_saphyr::Error::Budget { .. })
        || whole.contains("budget")
        || whole.contains("limit");
    let at = error
        .location()
        .map_or(0, |location| offset(location, text));
    let end = at.saturating_add(1).min(text.len());
    YamlError {
        message: whole.lines().next().unwrap_or_default().to_owned(),
        span: Span {
            file,
            start: narrow(at),
            end: narrow(end.max(at)),
        },
        limit,
    }
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Byte offset of a location.
fn offset(location: Location, text: &str) -> usize {
    let known = location
        .span()
        .byte_offset()
        .and_then(|at| usize::try_from(at).ok());
    known
        .unwrap_or_else(|| {
            let line = usize::try_from(location.line())
                .unwrap_or(1)
                .saturating_sub(1);
            let column = usize::try_from(location.column())
                .unwrap_or(1)
                .saturating_sub(1);
            let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
            let rest = text.get(start..).unwrap_or_default();
            start + rest.char_indices().nth(column).map_or(0, |(at, _)| at)
        })
        .min(text.len())
}

fn build(raw: Spanned<Raw>, text: &str, file: u32) -> Node {
    let span = place(raw.defined, text, file);
    let plain = || {
        text.get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    };
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Text(text) => Kind::Scalar(text),
        // Numbers and booleans keep the spelling of the file.
        Raw::Typed(fallback) => match plain() {
            "" => Kind::Scalar(fallback),
            spelled => Kind::Scalar(spelled.to_owned()),
        },
        Raw::Sequence(items) => Kind::Sequence(
            items
                .into_iter()
                .map(|item| build(item, text, file))
                .collect(),
        ),
        Raw::Mapping(entries) => {
            let node = |raw| build(raw, text, file);
            Kind::Mapping(
                entries
                    .into_iter()
                    .map(|(k, v)| (node(k), node(v)))
                    .collect(),
            )
        }
    };
    Node { kind, span }
}

fn place(location: Location, text: &str, file: u32) -> Span {
    let start = offset(location, text);
    let len = location
        .span()
        .byte_len()
        .and_then(|len| usize::try_from(len).ok())
        .unwrap_or(0);
    let end = start.saturating_add(len).min(text.len());
    Span {
        file,
        start: narrow(start),
        end: narrow(end),
    }
}

/// A node as the parser hands it over.
enum Raw {
    Null,
    Text(String),
    /// A number or boolean, printed.
    Typed(String),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

/// Visits of the scalar types whose spelling is taken from the file.
macro_rules! visit_typed {
    ($($visit:ident: $ty:ty),*) => {$(
        fn $visit<E: serde::de::Error>(self, value: $ty) -> Result<Raw, E> {
            Ok(Raw::Typed(value.to_string()))
        }
    )*};
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML node")
    }

    visit_typed! {
        visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128,
        visit_f64: f64
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
        Raw::deserialize(inner)
    }

    fn visit_bytes<E: serde::de::Error>(self, value: &[u8]) -> Result<Raw, E> {
        match std::str::from_utf8(value) {
            Ok(text) => Ok(Raw::Text(text.to_owned())),
            Err(_) => Err(E::custom("binary data is not supported")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            if entries.len() > MAX_NODES {
                return Err(A::Error::custom("too many keys"));
            }
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}

#[cfg(test)]
mod tests;
