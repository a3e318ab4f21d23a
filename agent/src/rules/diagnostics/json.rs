//! Diagnostics for programs: our own form, and that of `falco -V`.

use serde_json::{Value, json};

use super::{Code, Diagnostic, Severity};
use crate::rules::source::{Files, Span};

/// One diagnostic: code, severity, message, place, notes, help. Lines and columns count from 1.
pub fn to_json(diagnostic: &Diagnostic, files: &Files) -> Value {
    let label = |label: &super::Label| {
        let at = files.position(label.span);
        let end = files.position(Span {
            start: label.span.end,
            ..label.span
        });
        json!({
            "file": files.name(label.span.file),
            "line": at.line, "column": at.column,
            "end_line": end.line, "end_column": end.column,
            "offset": label.span.start, "length": label.span.end.saturating_sub(label.span.start),
            "text": label.text,
        })
    };
    json!({
        "code": diagnostic.code.id,
        "severity": match diagnostic.code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "title": diagnostic.code.title,
        "message": diagnostic.message,
        "primary": label(&diagnostic.primary),
        "notes": diagnostic.notes.iter().map(label).collect::<Vec<_>>(),
        "help": diagnostic.help,
        "items": diagnostic.items.iter().map(|item| json!({
            "kind": item.kind, "name": item.name,
        })).collect::<Vec<_>>(),
        "falco_code": diagnostic.code.falco,
    })
}

/// The result of a load in the form that `falco -V FILE -o json_output=true` prints. Lines, columns and
/// offsets count from 0 there.
pub fn falco_results(diagnostics: &[Diagnostic], files: &Files, count: u32) -> Value {
    let of_file = |file: u32| {
        let of = |severity: Severity| {
            let found = diagnostics
                .iter()
                .filter(|d| d.primary.span.file == file && d.code.severity == severity);
            found
                .map(|diagnostic| falco_entry(diagnostic, files))
                .collect::<Vec<_>>()
        };
        let errors = of(Severity::Error);
        let of_this = diagnostics.iter().filter(|d| d.primary.span.file == file);
        let outside: Vec<_> = of_this
            .filter(|d| breaks_schema(d.code))
            .map(|d| d.message.as_str())
            .collect();
        json!({
            "name": files.name(file),
            "successful": errors.is_empty(),
            "schema_valid": outside.is_empty(),
            "schema_warnings": outside,
            "errors": errors,
            "warnings": of(Severity::Warning),
        })
    };
    json!({ "falco_load_results": (0..count).map(of_file).collect::<Vec<_>>() })
}

/// Whether the shape of the file, rather than its content, is wrong: what a JSON schema finds.
fn breaks_schema(code: &Code) -> bool {
    code.id.starts_with("E01") || ["W0001", "W0002"].contains(&code.id)
}

fn falco_entry(diagnostic: &Diagnostic, files: &Files) -> Value {
    let position = |span: Span| {
        let at = files.position(span);
        json!({
            "name": files.name(span.file),
            "line": at.line - 1, "column": at.column - 1, "offset": span.start,
        })
    };
    let locations: Vec<_> = diagnostic
        .items
        .iter()
        .map(|item| {
            json!({
                "item_type": item.kind, "item_name": item.name, "position": position(item.span),
            })
        })
        .collect();
    let line = files
        .slice(diagnostic.primary.span)
        .lines()
        .next()
        .unwrap_or_default();
    json!({
        "code": diagnostic.code.falco,
        "codedesc": diagnostic.code.title,
        "message": diagnostic.message,
        "context": { "locations": locations, "snippet": format!("{line}\n^\n") },
    })
}
