//! Text of event parameters: `evt.arg`, `evt.rawarg`, `evt.args`.

use super::{FieldType, FieldValue, Scope};
use crate::event::{Event, Flag, ParamKind, Tuple, Value, errno_name, signal_name};

/// `AT_FDCWD` of `openat(2)`.
const AT_FDCWD: i64 = -100;

/// Type that `evt.rawarg` of such a parameter has.
pub(super) const fn raw_type(kind: ParamKind) -> FieldType {
    match kind {
        ParamKind::Int | ParamKind::Errno | ParamKind::Fd | ParamKind::Pid => FieldType::Int64,
        ParamKind::Text => FieldType::Text,
        ParamKind::Path => FieldType::Path,
        ParamKind::RelPath => FieldType::RelPath,
        ParamKind::Time => FieldType::Time,
        ParamKind::Duration => FieldType::Duration,
        ParamKind::Bool => FieldType::Bool,
        ParamKind::Bytes | ParamKind::Tuple | ParamKind::Addr => FieldType::Bytes,
        _ => FieldType::Uint64,
    }
}

/// Typed value of a parameter, without names put to it.
pub(super) fn raw(kind: ParamKind, value: Value<'_>) -> Option<FieldValue<'_>> {
    match value {
        Value::Addr(_) | Value::Tuple(_) => None,
        // The reference implementation reads an empty text parameter as this text.
        Value::Absent => match raw_type(kind) {
            ty if ty.is_text() => Some(FieldValue::text("<NA>")),
            _ => None,
        },
        Value::Int(number) => Some(FieldValue::Int(number)),
        Value::Uint(number) => Some(match kind {
            ParamKind::Hex | ParamKind::Flags(_) => FieldValue::Hex(number),
            _ => FieldValue::Uint(number),
        }),
        Value::Bytes(bytes) => Some(FieldValue::Bytes(bytes)),
        Value::Path(path) => Some(FieldValue::Bytes(path.raw)),
    }
}

/// Text of one parameter: with a name put to it where there is one, else as it is.
pub(super) fn text<'a>(scope: &Scope<'a>, index: usize) -> Option<&'a [u8]> {
    let (kind, value) = param(scope.event, index)?;
    Some(named(scope, index, kind, value).unwrap_or_else(|| plain(scope, kind, value)))
}

/// Kind and value of the parameter at `index`.
pub(super) fn param<'a>(event: &Event<'a>, index: usize) -> Option<(ParamKind, Value<'a>)> {
    let param = event.ty.params.get(index)?;
    let value = event.params.get(index).copied().unwrap_or(Value::Absent);
    Some((param.kind, value))
}

/// The value without interpretation.
fn plain<'a>(scope: &Scope<'a>, kind: ParamKind, value: Value<'a>) -> &'a [u8] {
    match value {
        Value::Absent => match kind {
            ParamKind::Bytes | ParamKind::Tuple | ParamKind::Addr => b"NULL",
            _ => b"<NA>",
        },
        Value::Int(number) => scope.format(format_args!("{number}")),
        Value::Uint(nanoseconds) if matches!(kind, ParamKind::Time) => {
            super::evt::date_text(scope, nanoseconds)
        }
        Value::Uint(0) => b"0",
        Value::Uint(number) => match kind {
            ParamKind::Hex => scope.format(format_args!("{number:X}")),
            ParamKind::Octal | ParamKind::Mode(_) => scope.format(format_args!("0{number:o}")),
            _ => scope.format(format_args!("{number}")),
        },
        Value::Bytes(bytes) => match kind {
            ParamKind::Bytes if bytes.is_empty() => b"NULL",
            ParamKind::Bytes => printable(scope, bytes),
            _ => bytes,
        },
        Value::Path(path) => path.raw,
        Value::Addr(address) => scope.format(format_args!("{}:{}", address.ip(), address.port())),
        Value::Tuple(tuple) => tuple_text(scope, tuple),
    }
}

/// The interpretation that `evt.args` prints in parentheses; `None` where there is none.
fn named<'a>(
    scope: &Scope<'a>,
    index: usize,
    kind: ParamKind,
    value: Value<'a>,
) -> Option<&'a [u8]> {
    match (kind, value) {
        (ParamKind::Flags(table), Value::Uint(bits)) => flag_names(scope, table, bits),
        (ParamKind::Enum(table), Value::Uint(value)) => {
            names(scope, table.iter().filter(|flag| flag.value == value))
        }
        (ParamKind::Mode(table), Value::Uint(bits)) => mode_names(scope, table, bits),
        (ParamKind::Errno, Value::Int(code)) => errno_name(code.checked_neg()?).map(str::as_bytes),
        (ParamKind::Signal, Value::Int(number)) => signal_name(number).map(str::as_bytes),
        (ParamKind::Fd, Value::Int(number)) => fd_text(scope, index, number),
        (ParamKind::Path | ParamKind::RelPath, Value::Path(path)) => {
            let text = scope.path(&path);
            let relative = path.raw.first().is_some_and(|byte| *byte != b'/');
            (relative || text != path.raw).then_some(text)
        }
        (ParamKind::Pid, Value::Int(id)) if id == i64::from(scope.event.task.tid) => {
            Some(super::process::comm(scope))
        }
        (ParamKind::Uid, Value::Uint(id)) => Some(user_name(scope, id)),
        (ParamKind::Gid, Value::Uint(id)) => Some(group_name(scope, id)),
        _ => None,
    }
}

fn user_name<'a>(scope: &Scope<'a>, id: u64) -> &'a [u8] {
    match u32::try_from(id) {
        Ok(u32::MAX) | Err(_) => b"<NONE>",
        Ok(id) => {
            let user = scope.world.user(scope.event.cgroup, id);
            user.map_or(b"<NA>", |user| user.name.as_bytes())
        }
    }
}

fn group_name<'a>(scope: &Scope<'a>, id: u64) -> &'a [u8] {
    match u32::try_from(id) {
        Ok(u32::MAX) | Err(_) => b"<NONE>",
        Ok(id) => {
            let name = scope.world.group_name(scope.event.cgroup, id);
            name.map_or(b"<NA>", str::as_bytes)
        }
    }
}

/// `<f>/path` of a descriptor, or the name of an error or special number.
fn fd_text<'a>(scope: &Scope<'a>, index: usize, number: i64) -> Option<&'a [u8]> {
    if number == AT_FDCWD {
        return Some(b"AT_FDCWD");
    }
    if number < 0 {
        return errno_name(-number).map(str::as_bytes);
    }
    if let Some(fd) = &scope.event.fd
        && fd.number == number
        && let Some(kind) = fd.kind
    {
        let name = super::fd::name(scope, fd);
        return Some(scope.concat(&[b"<", kind.letter().as_bytes(), b">", name]));
    }
    // A directory descriptor is only known through the path that starts from it.
    let Some((ParamKind::RelPath, Value::Path(path))) = param(scope.event, index + 1) else {
        return None;
    };
    let base = path.base?;
    let base = base
        .strip_suffix(b"/")
        .filter(|base| !base.is_empty())
        .unwrap_or(base);
    Some(scope.concat(&[b"<d>", base]))
}

/// Names of the bits of `value`, joined with `|`, as the reference implementation walks its table.
fn flag_names<'a>(scope: &Scope<'a>, table: &[Flag], value: u64) -> Option<&'a [u8]> {
    let mut rest = value;
    let chosen = table.iter().filter(|flag| {
        if flag.value == 0 {
            return value == 0;
        }
        let set = rest & flag.value == flag.value;
        if set {
            rest &= !flag.value;
        }
        set
    });
    names(scope, chosen)
}

/// Names of the mode bits that are set, up to the entry that equals the value.
fn mode_names<'a>(scope: &Scope<'a>, table: &[Flag], value: u64) -> Option<&'a [u8]> {
    let exact = table.iter().position(|flag| flag.value == value);
    let table = table.get(..=exact.unwrap_or(table.len().saturating_sub(1)))?;
    names(
        scope,
        table
            .iter()
            .filter(|flag| flag.value != 0 && value & flag.value == flag.value),
    )
}

/// Joins names with `|`; `None` for none.
fn names<'a, 't>(scope: &Scope<'a>, flags: impl Iterator<Item = &'t Flag>) -> Option<&'a [u8]> {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    for flag in flags {
        if !out.is_empty() {
            out.push(b'|');
        }
        out.extend_from_slice(flag.name.as_bytes());
    }
    (!out.is_empty()).then(|| out.into_bump_slice())
}

/// Bytes with every unprintable one shown as a dot.
fn printable<'a>(scope: &Scope<'a>, bytes: &[u8]) -> &'a [u8] {
    let out = scope.arena.alloc_slice_copy(bytes);
    for byte in out.iter_mut().filter(|byte| !(b' '..=b'~').contains(*byte)) {
        *byte = b'.';
    }
    out
}

fn tuple_text<'a>(scope: &Scope<'a>, tuple: Tuple<'a>) -> &'a [u8] {
    match tuple {
        Tuple::Ip {
            source,
            destination,
        } => scope.format(format_args!(
            "{}:{}->{}:{}",
            source.ip(),
            source.port(),
            destination.ip(),
            destination.port()
        )),
        Tuple::Unix { path } => scope.concat(&[b"0->0 ", path]),
    }
}

/// `evt.args`: every parameter as `name=value(interpretation)`.
pub(super) fn all<'a>(scope: &Scope<'a>) -> &'a [u8] {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    for (index, declared) in scope.event.ty.params.iter().enumerate() {
        let Some((kind, value)) = param(scope.event, index) else {
            continue;
        };
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(declared.name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(plain(scope, kind, value));
        if let Some(name) = named(scope, index, kind, value) {
            out.push(b'(');
            out.extend_from_slice(name);
            out.push(b')');
        }
    }
    out.into_bump_slice()
}
