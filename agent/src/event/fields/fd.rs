//! Fields of the file or socket the event is about: `fd.*` without addresses.

use super::FieldType::{Bool, Int32, Int64, Text, Uint32};
use super::{ArgKind, Availability, Field, FieldValue, Getter, Many, Reading, Scope};
use crate::event::{Fd, FdKind, Layer, path};

const TABLE: Availability = Availability::Never("there is no descriptor table in user space");

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("fd.num", Int64, |s, _| fd(s).map(|fd| FieldValue::Int(fd.number)),
        "Number of the descriptor. -1 where creating it failed; `*at` calls: the directory descriptor."),
    Field::one("fd.type", Text, |s, _| kind(s).map(|kind| FieldValue::text(kind.name())),
        "Kind of descriptor: file, directory, ipv4, ipv6, unix, pipe and so on. Absent for failed opens."),
    Field::one("fd.typechar", Text, |s, _| letter(s).map(FieldValue::text),
        "One letter for the kind: f file, d directory, 4 and 6 sockets, u unix, p pipe, o other. \
         Failed openat, openat2 and creat: f; failed open: o."),
    Field::one("fd.name", Text, |s, _| fd(s).map(|fd| FieldValue::Bytes(name(s, fd))),
        "Path that the program asked for, absolute and normalised; sockets: `ip:port->ip:port`. A rule also \
         matches if it holds for the kernel's path, see `fd.resolved`.").path(),
    Field::one("fd.resolved", Text, |s, _| fd(s)?.resolved.map(FieldValue::Bytes),
        "Path of the object in its mount namespace as the kernel knows it: symbolic links followed. Absent where \
         nothing was opened. Not part of Falco's language."),
    Field::one("fd.nameraw", Text, |s, _| fd(s).map(|fd| FieldValue::Bytes(raw_name(s, fd))),
        "Path exactly as the program passed it; only repeated slashes are collapsed."),
    Field::one("fd.directory", Text, |s, _| directory(s).map(FieldValue::Bytes),
        "Directory of the file, or the directory itself.").path(),
    Field::one("fd.filename", Text, |s, _| file_name(s).map(FieldValue::Bytes),
        "Last part of a file's path. Absent for directories, sockets and failed opens.").path(),
    Field::one("fd.containername", Text, |s, _| container_name(s).map(FieldValue::Bytes),
        "Container id and file name, joined with a colon."),
    Field::one("fd.containerdirectory", Text, |s, _| container_directory(s).map(FieldValue::Bytes),
        "Container id and directory, joined with a colon."),
    Field::one("fd.uid", Text, |s, _| fd(s).map(|fd| FieldValue::Bytes(unique(s, fd))),
        "Thread id and descriptor number, written together."),
    Field::one("fd.dev", Int32, |s, _| entry(s).map(|fd| FieldValue::Int(fd.dev.into())),
        "Device of the filesystem."),
    Field::one("fd.dev.major", Int32, |s, _| entry(s).map(|fd| FieldValue::Int((fd.dev >> 20).into())),
        "Major number of the device."),
    Field::one("fd.dev.minor", Int32, |s, _| entry(s).map(|fd| FieldValue::Int((fd.dev & 0xf_ffff).into())),
        "Minor number of the device."),
    Field::one("fd.ino", Int64, |s, _| entry(s).map(|fd| FieldValue::Uint(fd.inode)),
        "Inode number."),
    Field::one("fd.connected", Bool, |s, _| entry(s).map(|fd| connected(fd)),
        "Whether the socket is connected, or connecting without waiting."),
    Field::one("fd.name_changed", Bool, |s, _| entry(s).map(|fd| changed(s, fd)),
        "Whether this event gave the descriptor its name."),
    Field::one("fd.is_upper_layer", Bool, |s, _| layer(s, Layer::Upper),
        "Whether the file is in the upper layer of an overlayfs: changed since the container started."),
    Field::one("fd.is_lower_layer", Bool, |s, _| layer(s, Layer::Lower),
        "Whether the file is in the lower layer of an overlayfs: from the image."),
    Field::with("fd.types", Text, Getter::Many(Many::List, |s, _, each| {
            if let Some(kind) = kind(s) { each(FieldValue::text(kind.name())); }
        }), "Kinds of the event's descriptors.").arg(ArgKind::OptionalIndex).no_rhs(),
    Field::absent("fd.count", Uint32, TABLE, "Number of descriptors."),
    Field::absent("fdlist.nums", Text, TABLE, "Descriptors of a poll."),
    Field::absent("fdlist.names", Text, TABLE, "Names of the descriptors of a poll."),
];

/// The descriptor of the event.
pub(super) fn fd<'a>(scope: &Scope<'a>) -> Option<&'a Fd<'a>> {
    scope.event.fd.as_ref()
}

/// The descriptor, where it stands for an object.
pub(super) fn entry<'a>(scope: &Scope<'a>) -> Option<&'a Fd<'a>> {
    fd(scope).filter(|fd| fd.kind.is_some())
}

fn kind(scope: &Scope<'_>) -> Option<FdKind> {
    fd(scope)?.kind
}

/// Letter of the kind; guessed from the call where it failed, as the reference does.
fn letter(scope: &Scope<'_>) -> Option<&'static str> {
    let fd = fd(scope)?;
    Some(fd.kind.map_or_else(
        || match scope.event.ty.name {
            "openat" | "openat2" | "creat" => "f",
            "socket" | "accept" | "accept4" => "4",
            _ => "o",
        },
        FdKind::letter,
    ))
}

/// Path of the descriptor in the reading of the scope, or text of a socket.
pub(super) fn name<'a>(scope: &Scope<'a>, fd: &'a Fd<'a>) -> &'a [u8] {
    if let (Reading::Resolved, Some(resolved)) = (scope.reading, fd.resolved) {
        return resolved;
    }
    match &fd.socket {
        Some(socket) if fd.name.is_empty() => super::socket::name(scope, socket),
        _ => fd.name,
    }
}

fn raw_name<'a>(scope: &Scope<'a>, fd: &'a Fd<'a>) -> &'a [u8] {
    let raw = fd.name_raw;
    if !raw.windows(2).any(|pair| pair == b"//") {
        return raw;
    }
    let out = scope.arena.alloc_slice_copy(raw);
    let mut len = 0;
    let mut last = 0;
    for byte in raw {
        if !(*byte == b'/' && last == b'/') {
            if let Some(slot) = out.get_mut(len) {
                *slot = *byte;
            }
            len += 1;
        }
        last = *byte;
    }
    out.get(..len).unwrap_or_default()
}

fn directory<'a>(scope: &Scope<'a>) -> Option<&'a [u8]> {
    let fd = fd(scope)?;
    let name = name(scope, fd);
    match fd.kind {
        Some(FdKind::Directory) => Some(name),
        Some(FdKind::File) | None => Some(path::directory(name)),
        Some(_) => None,
    }
}

fn file_name<'a>(scope: &Scope<'a>) -> Option<&'a [u8]> {
    let fd = fd(scope)?;
    (fd.kind == Some(FdKind::File)).then(|| path::file_name(name(scope, fd)))
}

fn container_prefix<'a>(scope: &Scope<'a>) -> &'a [u8] {
    match scope.membership() {
        crate::event::Membership::Container(container) => container.short_id().as_bytes(),
        _ => b"",
    }
}

fn container_name<'a>(scope: &Scope<'a>) -> Option<&'a [u8]> {
    let fd = entry(scope)?;
    Some(scope.concat(&[container_prefix(scope), b":", name(scope, fd)]))
}

fn container_directory<'a>(scope: &Scope<'a>) -> Option<&'a [u8]> {
    Some(scope.concat(&[container_prefix(scope), b":", directory(scope)?]))
}

fn unique<'a>(scope: &Scope<'a>, fd: &Fd<'_>) -> &'a [u8] {
    scope.format(format_args!("{}{}", scope.event.task.tid, fd.number))
}

fn connected<'a>(fd: &Fd<'_>) -> FieldValue<'a> {
    FieldValue::Bool(fd.socket.as_ref().is_some_and(|socket| socket.connected))
}

fn changed<'a>(scope: &Scope<'_>, fd: &Fd<'_>) -> FieldValue<'a> {
    FieldValue::Bool(match scope.event.ty.name {
        "open" | "openat" | "openat2" | "creat" | "open_by_handle_at" => fd.number >= 0,
        "connect" | "accept" | "accept4" | "bind" => fd
            .socket
            .as_ref()
            .is_some_and(|socket| socket.peer.is_some()),
        _ => false,
    })
}

fn layer<'a>(scope: &Scope<'_>, layer: Layer) -> Option<FieldValue<'a>> {
    entry(scope).map(|fd| FieldValue::Bool(fd.layer == Some(layer)))
}
