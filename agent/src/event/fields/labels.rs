//! Labels and annotations as values.

use super::{FieldArg, FieldValue, Scope};

/// What a runtime keeps in labels for Kubernetes, and annotations in their guise: not part of a listing.
const INTERNAL: &[&str] = &["annotation.", "io.kubernetes."];

/// All of them, `key:value` joined with a comma and a blank, as the reference implementation does.
pub(super) fn joined<'a>(scope: &Scope<'a>, labels: &[(Box<str>, Box<str>)]) -> FieldValue<'a> {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    let is_internal = |key: &str| INTERNAL.iter().any(|prefix| key.starts_with(prefix));
    for (key, value) in labels.iter().filter(|(key, _)| !is_internal(key)) {
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(key.as_bytes());
        if !value.is_empty() {
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
    }
    FieldValue::Bytes(out.into_bump_slice())
}

/// The one that an argument names.
pub(super) fn one<'a>(
    labels: &'a [(Box<str>, Box<str>)],
    arg: &FieldArg,
) -> Option<FieldValue<'a>> {
    let is_named = |key: &str| match arg {
        FieldArg::None => false,
        // A key may be a number.
        FieldArg::Index(number) => key.parse() == Ok(*number),
        FieldArg::Key(wanted) => *key == **wanted,
    };
    let named = labels.iter().find(|(key, _)| is_named(key));
    named.map(|(_, value)| FieldValue::text(value))
}

/// The one that an argument names, or all without one.
pub(super) fn some<'a>(
    scope: &Scope<'a>,
    labels: &'a [(Box<str>, Box<str>)],
    arg: &FieldArg,
) -> Option<FieldValue<'a>> {
    match arg {
        FieldArg::None => Some(joined(scope, labels)),
        _ => one(labels, arg),
    }
}
