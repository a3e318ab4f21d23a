//! A line as a tree of values, and as bytes that are short enough.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use super::super::cut::cut;
use super::super::escape::SafeJson;
use super::key::Row;
use super::source::Source;

/// Bytes of a line at most, its line break included. Log collectors split longer ones.
pub(super) const MAX_LINE: usize = 64 * 1024 - 1;
/// Bytes of one value, tried in turn until the line fits.
pub(super) const LIMITS: &[usize] = &[16_384, 8_192, 4_096, 2_048, 1_024, 512, 256, 128];
/// The same once parts have been left out.
pub(super) const LAST_LIMITS: &[usize] = &[1_024, 512, 256, 128, 64];
/// Tags of a line that had to be stripped.
pub(super) const FEW_TAGS: usize = 16;
/// Bytes of a name in an object.
const NAME: usize = 256;

/// What goes where a line is too long even with short values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stripping {
    /// Paths that are left out.
    pub(super) paths: &'static [&'static str],
    /// Path of the tags, of which few are kept.
    pub(super) tags: &'static str,
    /// Path of the list that names all of these.
    pub(super) omitted: &'static str,
}

/// The tree of these rows.
pub(super) fn tree<'a>(rows: impl Iterator<Item = &'a Row>, source: &Source<'_>) -> Value {
    let mut root = Value::Object(Map::new());
    for row in rows {
        if let Some(value) = row.value(source) {
            put(&mut root, row.key.path, value);
        }
    }
    root
}

/// Puts a value at a path; where something else stands in the way, nothing.
fn put(root: &mut Value, path: &str, value: Value) {
    let Some(slot) = path.split('.').try_fold(root, |at, name| {
        let (name, is_list) = match name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (name, false),
        };
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let slot = at.as_object_mut()?.entry(name).or_insert(Value::Null);
        if !is_list {
            return Some(slot);
        }
        if slot.is_null() {
            *slot = Value::Array(vec![Value::Null]);
        }
        slot.as_array_mut()?.first_mut()
    }) else {
        return;
    };
    *slot = value;
}

/// The value at a path.
fn at<'a>(root: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(root, |at, name| {
        let value = at.as_object_mut()?.get_mut(name.trim_end_matches("[]"))?;
        if name.ends_with("[]") {
            return value.as_array_mut()?.first_mut();
        }
        Some(value)
    })
}

/// Appends the tree as a line: with long values cut until it fits, and else without some parts.
pub(super) fn line(
    out: &mut Vec<u8>,
    mut tree: Value,
    stripping: &Stripping,
) -> serde_json::Result<()> {
    if fits(out, &tree, LIMITS)? {
        return Ok(());
    }
    strip(&mut tree, stripping);
    if fits(out, &tree, LAST_LIMITS)? {
        return Ok(());
    }
    // Longer than a line should be, but not without bound, and not silently gone.
    write(out, &tree, LAST_LIMITS.last().copied().unwrap_or(NAME))
}

fn strip(tree: &mut Value, stripping: &Stripping) {
    for path in stripping.paths {
        let Some((parent, name)) = path.rsplit_once('.') else {
            continue;
        };
        if let Some(Value::Object(parent)) = at(tree, parent) {
            parent.remove(name);
        }
    }
    if let Some(Value::Array(tags)) = at(tree, stripping.tags) {
        tags.truncate(FEW_TAGS);
    }
    let omitted = stripping.paths.iter().chain([&stripping.tags]);
    put(tree, stripping.omitted, omitted.copied().collect());
}

/// Appends the tree with the first of these limits by which it is short enough; false if none is.
fn fits(out: &mut Vec<u8>, tree: &Value, limits: &[usize]) -> serde_json::Result<bool> {
    let start = out.len();
    for &limit in limits {
        write(out, tree, limit)?;
        if out.len() - start <= MAX_LINE {
            return Ok(true);
        }
        out.truncate(start);
    }
    Ok(false)
}

fn write(out: &mut Vec<u8>, value: &Value, limit: usize) -> serde_json::Result<()> {
    Short { value, limit }.serialize(&mut serde_json::Serializer::with_formatter(
        &mut *out, SafeJson,
    ))?;
    out.push(b'\n');
    Ok(())
}

/// A value whose texts are cut.
#[derive(Debug)]
pub(super) struct Short<'a> {
    pub(super) value: &'a Value,
    pub(super) limit: usize,
}

impl Serialize for Short<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limit = self.limit;
        match self.value {
            Value::String(text) => cut(text, limit).serialize(serializer),
            Value::Array(values) => {
                let mut seq = serializer.serialize_seq(None)?;
                for value in values {
                    seq.serialize_element(&Short { value, limit })?;
                }
                seq.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in entries {
                    map.serialize_entry(&cut(name, NAME).to_string(), &Short { value, limit })?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}
