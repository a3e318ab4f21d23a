//! Fields of the paths that a file call names: `fs.path.*`.

use super::FieldType::Text;
use super::{Field, FieldValue, Scope};
use crate::event::{PathArg, Value};

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("fs.path.name", Text, |s, _| read(s, Role::Name, false),
        "Path that a successful file call acts on, absolute.").path(),
    Field::one("fs.path.nameraw", Text, |s, _| read(s, Role::Name, true),
        "The same exactly as passed."),
    Field::one("fs.path.source", Text, |s, _| read(s, Role::Source, false),
        "Source of a successful rename, link or mount, absolute. For symbolic links: the link.").path(),
    Field::one("fs.path.sourceraw", Text, |s, _| read(s, Role::Source, true), "The same exactly as passed."),
    Field::one("fs.path.target", Text, |s, _| read(s, Role::Target, false),
        "Target of a successful rename, link or mount, absolute. For hard links: the old path.").path(),
    Field::one("fs.path.targetraw", Text, |s, _| read(s, Role::Target, true), "The same exactly as passed."),
];

/// What a path is to the call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Name,
    Source,
    Target,
}

/// Parameter that plays a role in a call.
#[rustfmt::skip]
const ROLES: &[(&[&str], Role, &str)] = &[
    (&["mkdir", "mkdirat", "rmdir", "unlink", "chown", "lchown"], Role::Name, "path"),
    (&["open", "openat", "openat2", "creat", "unlinkat", "umount", "umount2"], Role::Name, "name"),
    (&["chmod", "fchmodat"], Role::Name, "filename"),
    (&["fchownat"], Role::Name, "pathname"),
    (&["open_by_handle_at"], Role::Name, "path"),
    (&["quotactl"], Role::Name, "special"),
    (&["rename", "renameat", "renameat2"], Role::Source, "oldpath"),
    (&["rename", "renameat", "renameat2"], Role::Target, "newpath"),
    (&["link", "linkat"], Role::Source, "newpath"),
    (&["link", "linkat"], Role::Target, "oldpath"),
    (&["symlink", "symlinkat"], Role::Source, "linkpath"),
    (&["symlink", "symlinkat"], Role::Target, "target"),
    (&["mount"], Role::Source, "dev"),
    (&["mount"], Role::Target, "dir"),
];

/// Parameter that `fs.path.KIND` (or its raw form) reads in events of this name.
pub(crate) fn parameter(kind: &str, event: &str) -> Option<&'static str> {
    let role = match kind.strip_suffix("raw").unwrap_or(kind) {
        "name" => Role::Name,
        "source" => Role::Source,
        "target" => Role::Target,
        _ => return None,
    };
    row(role, event)
}

fn row(role: Role, event: &str) -> Option<&'static str> {
    let mut rows = ROLES.iter();
    let row = rows.find(|(calls, of, _)| *of == role && calls.contains(&event))?;
    Some(row.2)
}

fn read<'a>(scope: &Scope<'a>, role: Role, raw: bool) -> Option<FieldValue<'a>> {
    let event = scope.event;
    let name = event.ty.name;
    if event.ret.is_some_and(|ret| ret < 0) {
        return None;
    }
    if matches!(name, "fchmod" | "fchown") && role == Role::Name {
        let fd = super::fd::fd(scope)?;
        return Some(FieldValue::Bytes(if raw {
            fd.name_raw
        } else {
            super::fd::name(scope, fd)
        }));
    }
    match event.params.get(event.ty.param(row(role, name)?)?)? {
        Value::Path(path) if raw => Some(FieldValue::Bytes(path.raw)),
        Value::Path(path) => Some(FieldValue::Bytes(absolute(scope, path))),
        Value::Bytes(path) if raw => Some(FieldValue::Bytes(path)),
        Value::Bytes(path) => {
            let base = scope.process().map_or(&b""[..], |process| &process.cwd);
            Some(FieldValue::Bytes(scope.joined(base, path)))
        }
        _ => None,
    }
}

/// The path, absolute and normalised.
fn absolute<'a>(scope: &Scope<'a>, path: &PathArg<'a>) -> &'a [u8] {
    match (scope.reading, path.resolved) {
        (super::Reading::Resolved, Some(resolved)) => resolved,
        _ => scope.joined(path.base.unwrap_or(b"<UNKNOWN>"), path.raw),
    }
}
