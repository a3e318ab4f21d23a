//! Places in rule files, for people and for programs.

use serde_json::{Value, json};

use crate::rules::{Catalog, DefKind, Files, Operation, Origin, Span};

/// `file:line`.
pub(super) fn text(files: &Files, at: Span) -> String {
    format!("{}:{}", files.name(at.file), files.position(at).line)
}

/// File, line and column.
pub(super) fn json(files: &Files, at: Span) -> Value {
    let position = files.position(at);
    json!({
        "file": files.name(at.file),
        "line": position.line,
        "column": position.column,
    })
}

/// What one item did: `defined`, `appended: condition, tags`, ...
pub(super) fn deed(origin: &Origin) -> String {
    if origin.defines() {
        return "defined".to_owned();
    }
    let of = |wanted: Operation, word: &str| {
        let keys = origin.keys.iter().filter(|(_, done)| *done == wanted);
        let keys: Vec<&str> = keys.map(|(key, _)| key.as_str()).collect();
        (!keys.is_empty()).then(|| format!("{word} {}", keys.join(", ")))
    };
    let parts = [
        of(Operation::Append, "appends to"),
        of(Operation::Replace, "replaces"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Every item that made a definition what it is.
pub(super) fn origins_json(
    catalog: &Catalog,
    files: &Files,
    kind: DefKind,
    name: &str,
) -> Vec<Value> {
    let one = |origin: &Origin| {
        let keys = origin.keys.iter();
        let keys: serde_json::Map<String, Value> = keys
            .map(|(key, operation)| (key.clone(), operation.name().into()))
            .collect();
        json!({ "at": json(files, origin.at), "keys": keys })
    };
    catalog.origins(kind, name).iter().map(one).collect()
}
