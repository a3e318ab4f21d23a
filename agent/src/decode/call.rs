//! System calls that are rows of a table: their parameters are where the table of event types says.

use std::sync::LazyLock;

use komainu_common::{
    Class,
    call::{
        CALL_LOWER_LAYER, CALL_PIDFD, CALL_RESOLVED, CALL_UPPER_LAYER, Call, Caller, NO_ARGUMENT,
        Row, TABLE, object, shape,
    },
    class::CLASS_SLOTS,
    item::tag,
    sock::Sock,
};
use zerocopy::FromBytes as _;

use super::{Body, DecodeError, Items, exec, sock};
use crate::event::{
    Event, EventType, Fd, FdKind, Layer, ParamKind, PathArg, Source, Value, event_type, flags::low,
    user_dev,
};

const AT_FDCWD: i32 = -100;
/// File types of `i_mode`, `inode(7)`.
const FILE_TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const FIFO: u32 = 0o010_000;

/// Event type of each row.
static TYPES: LazyLock<Vec<Option<&'static EventType>>> =
    LazyLock::new(|| TABLE.iter().map(|row| event_type(row.name)).collect());

/// Whether records of the class are calls of the table.
pub(super) const fn has(class: Class) -> bool {
    /// Bit of each class that has a row.
    const CLASSES: u64 = {
        let (mut classes, mut row) = (0, 0);
        while row < TABLE.len() {
            classes |= 1 << TABLE[row].spec.class.0;
            row += 1;
        }
        classes
    };
    (class.0 as u32) < CLASS_SLOTS && CLASSES & 1 << class.0 != 0
}

pub(super) fn decode<'a>(body: &Body<'a>, class: Class) -> Result<Event<'a>, DecodeError> {
    let (call, items) = body.parts::<Call>()?;
    let unknown = DecodeError::Syscall {
        class,
        number: body.header.syscall,
    };
    let index = usize::try_from(call.row).map_err(|_| unknown)?;
    let row = TABLE
        .get(index)
        .filter(|row| row.spec.class == class)
        .ok_or(unknown)?;
    let ty = TYPES.get(index).copied().flatten().ok_or(unknown)?;
    let mut event = body.event(ty, Some(body.header.ret), &items);
    let facts = Facts {
        body,
        row,
        call,
        ret: body.header.ret,
        items,
    };
    for param in ty.params {
        event.params.push(facts.value(param.source, param.kind));
    }
    event.fd = facts.descriptor();
    Ok(event)
}

/// What a record says.
struct Facts<'b, 'a> {
    body: &'b Body<'a>,
    row: &'static Row,
    call: Call,
    ret: i64,
    items: Items<'a>,
}

impl<'a> Facts<'_, 'a> {
    fn value(&self, source: Source, kind: ParamKind) -> Value<'a> {
        match source {
            Source::Result => Value::Int(self.ret),
            Source::Arg(index) => {
                let value = low(self.arg(index));
                if is_signed(kind) {
                    Value::Int(value.cast_signed().into())
                } else {
                    Value::Uint(named_bits(kind, value))
                }
            }
            Source::Long(index) => Value::Uint(self.arg(index)),
            Source::Id(index) => Value::Uint(self.id(index)),
            Source::Of(make) => number(kind, make(&self.call.args)),
            Source::Path => Value::Path(self.path(0)),
            Source::Path2 => Value::Path(self.path(1)),
            Source::Text => self.bytes(tag::STRING),
            Source::Text2 => self.bytes(tag::STRING_2),
            Source::Bytes => self.bytes(tag::BYTES),
            Source::Words(make) => self
                .words()
                .map_or(Value::Absent, |words| number(kind, make(&words))),
            Source::Task(read) => number(kind, read(&self.body.header.task)),
            Source::Comm => Value::Bytes(self.body.comm()),
            Source::Caller(read) => self
                .caller()
                .map_or(Value::Absent, |caller| number(kind, read(&caller))),
            Source::Exe => Value::Bytes(exec::split_argv(exec::strings(&self.items, tag::ARGV)).0),
            Source::Args => Value::Bytes(exec::split_argv(exec::strings(&self.items, tag::ARGV)).1),
            Source::Item(tag) => self.bytes(tag),
            Source::Decoder => Value::Absent,
        }
    }

    fn arg(&self, index: u8) -> u64 {
        let arg = self.call.args.get(usize::from(index));
        arg.copied().unwrap_or_default()
    }

    /// A user or group id; -1, which means none, whatever its width was.
    fn id(&self, index: u8) -> u64 {
        let id = low(self.arg(index));
        match id & 0xffff {
            0xffff if self.row.spec.old_ids => u32::MAX.into(),
            short if self.row.spec.old_ids => short.into(),
            _ => id.into(),
        }
    }

    fn bytes(&self, tag: u8) -> Value<'a> {
        self.items.bytes(tag).map_or(Value::Absent, Value::Bytes)
    }

    fn caller(&self) -> Option<Caller> {
        let (caller, _) = Caller::read_from_prefix(self.items.bytes(tag::CALLER)?).ok()?;
        Some(caller)
    }

    /// The words that the bytes begin with.
    fn words(&self) -> Option<[u32; 6]> {
        let (words, _) = <[u32; 6]>::read_from_prefix(self.items.bytes(tag::BYTES)?).ok()?;
        Some(words)
    }

    fn path(&self, index: usize) -> PathArg<'a> {
        let (user, kernel, base) = if index == 0 {
            (tag::USER_PATH, tag::KERNEL_PATH, tag::BASE_PATH)
        } else {
            (tag::USER_PATH_2, tag::KERNEL_PATH_2, tag::BASE_PATH_2)
        };
        let resolved = self.items.bytes(kernel);
        PathArg {
            // Where the program's string could not be read, the kernel's name is all there is.
            raw: self.items.bytes(user).or(resolved).unwrap_or_default(),
            base: self.items.bytes(base),
            resolved,
        }
    }

    /// The descriptor that `fd.*` is about: of calls with one path the directory descriptor, else the
    /// descriptor passed or made.
    fn descriptor(&self) -> Option<Fd<'a>> {
        let spec = &self.row.spec;
        match spec.shape {
            shape::DESCRIPTOR => self.object(),
            shape::PATH => self.directory(spec.paths[0].dirfd),
            _ => None,
        }
    }

    fn object(&self) -> Option<Fd<'a>> {
        let spec = &self.row.spec;
        let number = if spec.object == object::RESULT && self.ret >= 0 {
            self.ret
        } else if spec.fd == NO_ARGUMENT {
            -1
        } else {
            low(self.arg(spec.fd)).cast_signed().into()
        };
        let resolved = self.call.facts & CALL_RESOLVED != 0;
        let path = self.items.bytes(tag::KERNEL_PATH);
        let socket = self.socket();
        let kind = match &socket {
            Some(socket) => Some(sock::kind(socket)),
            None if self.call.facts & CALL_PIDFD != 0 => Some(FdKind::Pidfd),
            None => resolved.then(|| kind(self.call.inode_mode, path.unwrap_or_default())),
        };
        // Most commands of bpf(2) return a number that is no descriptor.
        if self.row.name == "bpf" && self.ret >= 0 && kind != Some(FdKind::Bpf) {
            return None;
        }
        Some(Fd {
            number,
            kind,
            name: path.unwrap_or_default(),
            name_raw: &[],
            resolved: path.filter(|path| !path.is_empty()),
            dev: user_dev(self.call.dev),
            inode: self.call.inode,
            open_flags: 0,
            layer: self.layer(),
            socket,
        })
    }

    fn socket(&self) -> Option<crate::event::SocketFacts<'a>> {
        let bytes = self.items.bytes(tag::SOCKET)?;
        let (socket, _) = Sock::read_from_prefix(bytes).ok()?;
        Some(sock::held(&socket, self.items.bytes(tag::UNIX_PATH)))
    }

    fn layer(&self) -> Option<Layer> {
        if self.call.facts & CALL_UPPER_LAYER != 0 {
            Some(Layer::Upper)
        } else if self.call.facts & CALL_LOWER_LAYER != 0 {
            Some(Layer::Lower)
        } else {
            None
        }
    }

    /// The directory descriptor; what it stands for is known only where a path started from it.
    fn directory(&self, dirfd: u8) -> Option<Fd<'a>> {
        if dirfd == NO_ARGUMENT {
            return None;
        }
        let number = low(self.arg(dirfd)).cast_signed();
        let base = self.items.bytes(tag::BASE_PATH);
        let path = base.filter(|_| number != AT_FDCWD);
        Some(Fd {
            number: number.into(),
            kind: path.map(|_| FdKind::Directory),
            name: path.unwrap_or_default(),
            name_raw: &[],
            resolved: path,
            dev: 0,
            inode: 0,
            open_flags: 0,
            layer: None,
            socket: None,
        })
    }
}

/// Kind of an open file that is no socket, from its inode and the name the kernel gives it
/// (`anon_inode_getfile`, `alloc_file_pseudo` in the kernel's source).
pub(super) fn kind(mode: u32, path: &[u8]) -> FdKind {
    const NAMES: &[(&[u8], FdKind)] = &[
        (b"[eventfd]", FdKind::Event),
        (b"[eventpoll]", FdKind::Epoll),
        (b"[signalfd]", FdKind::Signal),
        (b"[timerfd]", FdKind::Timer),
        (b"[userfaultfd]", FdKind::Userfault),
        (b"[io_uring]", FdKind::IoUring),
        (b"[pidfd]", FdKind::Pidfd),
        (b"inotify", FdKind::Inotify),
        (b"memfd:", FdKind::Memfd),
        (b"bpf", FdKind::Bpf),
        (b"btf", FdKind::Bpf),
    ];
    match mode & FILE_TYPE {
        DIRECTORY => return FdKind::Directory,
        FIFO if path.is_empty() => return FdKind::Pipe,
        _ => {}
    }
    if path.first() == Some(&b'/') {
        return FdKind::File;
    }
    let known = NAMES.iter().find(|(name, _)| path.starts_with(name));
    known.map_or(FdKind::Other, |(_, kind)| *kind)
}

/// Whether values of the kind have a sign.
const fn is_signed(kind: ParamKind) -> bool {
    matches!(
        kind,
        ParamKind::Int | ParamKind::Errno | ParamKind::Fd | ParamKind::Pid | ParamKind::Signal
    )
}

fn number<'a>(kind: ParamKind, value: u64) -> Value<'a> {
    if is_signed(kind) {
        Value::Int(value.cast_signed())
    } else {
        Value::Uint(value)
    }
}

/// Of flags and modes, the bits that rules have names for.
fn named_bits(kind: ParamKind, value: u32) -> u64 {
    let value = u64::from(value);
    match kind {
        ParamKind::Flags(table) | ParamKind::Mode(table) => {
            value & table.iter().fold(0, |bits, flag| bits | flag.value)
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests;
