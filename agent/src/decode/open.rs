//! Opened files.

use komainu_common::{
    Class,
    item::tag,
    open::{OPEN_CREATED, OPEN_LOWER_LAYER, OPEN_RESOLVED, OPEN_UPPER_LAYER, Open},
};

use super::{Body, DecodeError, Items, Scratch};
use crate::event::{
    Event, Fd, FdKind, Layer, PathArg, Value, event_type,
    flags::{FD_LOWER_LAYER, FD_UPPER_LAYER, O_DIRECTORY, O_F_CREATED, O_TMPFILE, open_flags},
    path, user_dev,
};

const O_CREAT: u32 = 0o100;

/// What stands in front of a relative path whose directory is not known.
const UNKNOWN_BASE: &[u8] = b"<UNKNOWN>";

pub(super) fn decode<'a>(
    body: &Body<'a>,
    scratch: &'a mut Scratch,
) -> Result<Event<'a>, DecodeError> {
    let (open, items) = body.parts::<Open>()?;
    let name = body.syscall(Class::OPEN)?;
    let unknown = DecodeError::Syscall {
        class: Class::OPEN,
        number: body.header.syscall,
    };
    let ty = event_type(name).ok_or(unknown)?;
    let ret = body.header.ret;
    let paths = Paths::of(&items, scratch);
    let mut event = body.event(ty, Some(ret), &items);
    let number = if ret < 0 { -1 } else { ret };
    event.fd = Some(Fd {
        number,
        kind: (ret >= 0).then(|| kind(open.flags)),
        name: if name == "open_by_handle_at" {
            paths.arg.raw
        } else {
            paths.absolute
        },
        name_raw: paths.arg.raw,
        resolved: paths.arg.resolved,
        dev: user_dev(open.dev),
        inode: open.inode,
        open_flags: open.flags,
        layer: layer(open.facts),
        socket: None,
    });
    push_params(&mut event, name, &open, ret, paths.arg);
    Ok(event)
}

/// The names of the file.
struct Paths<'a> {
    arg: PathArg<'a>,
    absolute: &'a [u8],
}

impl<'a> Paths<'a> {
    fn of(items: &Items<'a>, scratch: &'a mut Scratch) -> Self {
        let Scratch {
            path: out,
            base: dir,
        } = scratch;
        let resolved = items.bytes(tag::KERNEL_PATH);
        // Where the program's string could not be read, the kernel's name is all there is.
        let raw = items.bytes(tag::USER_PATH).or(resolved).unwrap_or_default();
        let base = items.bytes(tag::BASE_PATH);
        dir.clear();
        match base {
            Some(base) => {
                dir.extend_from_slice(base);
                if base.last() != Some(&b'/') {
                    dir.push(b'/');
                }
            }
            None => dir.extend_from_slice(UNKNOWN_BASE),
        }
        path::join(dir, raw, out);
        Self {
            arg: PathArg {
                raw,
                base: base.map(|_| dir.as_slice()),
                resolved,
            },
            absolute: out,
        }
    }
}

/// As rules expect it: a directory only if the program asked for one.
fn kind(flags: u32) -> FdKind {
    if flags & O_DIRECTORY != 0 {
        FdKind::Directory
    } else {
        FdKind::File
    }
}

fn layer(facts: u32) -> Option<Layer> {
    if facts & OPEN_UPPER_LAYER != 0 {
        Some(Layer::Upper)
    } else if facts & OPEN_LOWER_LAYER != 0 {
        Some(Layer::Lower)
    } else {
        None
    }
}

/// In the order of the event table, which a test compares.
fn push_params<'a>(event: &mut Event<'a>, name: &str, open: &Open, ret: i64, path: PathArg<'a>) {
    let creates = open.flags & O_CREAT != 0 || open.flags & O_TMPFILE == O_TMPFILE;
    let mode = if creates { u64::from(open.mode) } else { 0 };
    let resolved = open.facts & OPEN_RESOLVED != 0;
    let dev = Value::Uint(if resolved {
        u64::from(user_dev(open.dev))
    } else {
        0
    });
    let inode = Value::Uint(if resolved { open.inode } else { 0 });
    let (path, mode) = (Value::Path(path), Value::Uint(mode));
    let dirfd = Value::Int(i64::from(open.dirfd));
    let flags = Value::Uint(rule_flags(open));
    let fd = Value::Int(ret);
    match name {
        "creat" => {
            let layer = u64::from(open.facts & OPEN_UPPER_LAYER != 0)
                | u64::from(open.facts & OPEN_LOWER_LAYER != 0) << 1;
            event
                .params
                .extend([fd, path, mode, dev, inode, Value::Uint(layer)]);
        }
        "open" => event.params.extend([fd, path, flags, mode, dev, inode]),
        "open_by_handle_at" => {
            // A handle is no name: the path is the kernel's, where there is one.
            let path = if resolved { path } else { Value::Absent };
            event.params.extend([fd, dirfd, flags, path, dev, inode]);
        }
        "openat2" => {
            let resolve = Value::Uint(open.resolve);
            event
                .params
                .extend([fd, dirfd, path, flags, mode, resolve, dev, inode]);
        }
        _ => event
            .params
            .extend([fd, dirfd, path, flags, mode, dev, inode]),
    }
}

/// `evt.arg.flags`: the passed flags in Falco's numbering, and what the kernel made of them.
fn rule_flags(open: &Open) -> u64 {
    let fact = |bit: u32, flag: u64| if open.facts & bit != 0 { flag } else { 0 };
    open_flags(open.flags)
        | fact(OPEN_CREATED, O_F_CREATED)
        | fact(OPEN_UPPER_LAYER, FD_UPPER_LAYER)
        | fact(OPEN_LOWER_LAYER, FD_LOWER_LAYER)
}
