//! Stage 2: bytes → [`Event`](crate::event::Event). Pure and total: any bytes give an event or a
//! [`DecodeError`].
//!
//! One file per event class, with the name it has in `agent-common` and in the kernel half.

mod accept;
mod call;
mod cgroup;
mod connect;
mod exec;
mod exit;
mod fork;
mod items;
mod listen;
#[cfg(test)]
mod network_tests;
mod open;
mod receive;
mod send;
mod sock;
mod socket;
mod stdio;
#[cfg(test)]
mod tests;

pub use cgroup::CgroupRecord;
pub use exec::{ExecRecord, split_argv};
pub use exit::ExitRecord;
pub use fork::ForkRecord;
pub use items::{Ancestors, Items};

use std::mem::offset_of;

use komainu_common::{
    Class, Header, Task,
    header::{HEADER_COMPAT, HEADER_OVERFLOW, HEADER_UNFINISHED},
    syscalls,
};
use zerocopy::FromBytes;

use crate::event::{Event, EventType, Params, event_type};

/// Why a record could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than its header or the fixed part of its class.
    #[error("record of {have} bytes, {need} are needed")]
    Short {
        /// Bytes there are.
        have: usize,
        /// Bytes its class needs.
        need: usize,
    },
    /// The length in the header is not that of the record.
    #[error("header says {stated} bytes, the record has {have}")]
    Size {
        /// Length in the header.
        stated: u32,
        /// Bytes there are.
        have: usize,
    },
    /// A class this agent does not know: kernel half and user half are of different builds.
    #[error("unknown event class {0}")]
    Class(u16),
    /// An item runs past the end of the record.
    #[error("item {tag} at byte {at} runs past the end")]
    Item {
        /// Its tag.
        tag: u8,
        /// Where it begins, after the fixed part.
        at: usize,
    },
    /// A system call number that the class does not come from.
    #[error("class {} from system call {number}", .class.name())]
    Syscall {
        /// The class.
        class: Class,
        /// The number.
        number: u32,
    },
}

/// How kernel time becomes wall-clock time: `CLOCK_REALTIME - CLOCK_BOOTTIME`, nanoseconds.
///
/// Taken by the caller now and then, because the wall clock can be set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Wall-clock time of boot, nanoseconds since the Unix epoch.
    pub boot: u64,
}

impl Clock {
    /// Nanoseconds since the Unix epoch for nanoseconds since boot; 0 stays 0, meaning unknown.
    pub const fn unix(self, since_boot: u64) -> u64 {
        if since_boot == 0 {
            0
        } else {
            self.boot.saturating_add(since_boot)
        }
    }
}

/// Memory that decoding reuses: the strings that no record holds as they are.
#[derive(Debug, Default)]
pub struct Scratch {
    /// A path made absolute.
    path: Vec<u8>,
    /// A directory with a slash at its end.
    base: Vec<u8>,
}

/// A decoded record.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Its header.
    pub header: Header,
    /// What it tells of the life of a process; to be applied before rules see the event.
    pub lifecycle: Option<Lifecycle<'a>>,
    /// The event that rules see; `None` for records that only keep the process table.
    pub event: Option<Event<'a>>,
}

/// What a record tells of the life of a process.
#[derive(Debug)]
pub enum Lifecycle<'a> {
    /// It was created.
    Fork(ForkRecord<'a>),
    /// It runs a new program.
    Exec(ExecRecord<'a>),
    /// It ended.
    Exit(ExitRecord),
    /// It made or removed a cgroup.
    Cgroup(CgroupRecord<'a>),
}

/// Decodes one record.
pub fn decode<'a>(
    record: &'a [u8],
    clock: Clock,
    scratch: &'a mut Scratch,
) -> Result<Decoded<'a>, DecodeError> {
    let (header, rest) = split::<Header>(record, record.len())?;
    if usize::try_from(header.size) != Ok(record.len()) {
        return Err(DecodeError::Size {
            stated: header.size,
            have: record.len(),
        });
    }
    let comm = offset_of!(Header, task) + offset_of!(Task, comm);
    let body = Body {
        header,
        comm: record
            .get(comm..comm + size_of_val(&header.task.comm))
            .unwrap_or_default(),
        rest,
        len: record.len(),
        clock,
    };
    let (lifecycle, event) = match Class(header.class) {
        Class::FORK => (Some(Lifecycle::Fork(fork::decode(&body)?)), None),
        Class::CGROUP => (Some(Lifecycle::Cgroup(cgroup::decode(&body)?)), None),
        Class::EXIT => {
            let (lifecycle, event) = exit::decode(&body)?;
            (Some(Lifecycle::Exit(lifecycle)), Some(event))
        }
        Class::EXEC => {
            let (lifecycle, event) = exec::decode(&body)?;
            (lifecycle.map(Lifecycle::Exec), Some(event))
        }
        Class::OPEN => (None, Some(open::decode(&body, scratch)?)),
        Class::CONNECT => (None, Some(connect::decode(&body)?)),
        Class::ACCEPT => (None, Some(accept::decode(&body)?)),
        Class::LISTEN => (None, Some(listen::decode(&body)?)),
        Class::SOCKET => (None, Some(socket::decode(&body)?)),
        Class::SEND => (None, Some(send::decode(&body)?)),
        Class::RECEIVE => (None, Some(receive::decode(&body)?)),
        class if call::has(class) => (None, Some(call::decode(&body, class)?)),
        Class(other) => return Err(DecodeError::Class(other)),
    };
    Ok(Decoded {
        header,
        lifecycle,
        event,
    })
}

/// A record whose header has been read.
struct Body<'a> {
    header: Header,
    /// `task.comm` of the header, where the record holds it.
    comm: &'a [u8],
    /// What follows the header.
    rest: &'a [u8],
    /// Length of the whole record.
    len: usize,
    clock: Clock,
}

impl<'a> Body<'a> {
    /// Name of the thread, without padding.
    fn comm(&self) -> &'a [u8] {
        self.comm
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default()
    }

    /// The fixed part and the items behind it.
    fn parts<T: FromBytes>(&self) -> Result<(T, Items<'a>), DecodeError> {
        let (fixed, tail) = split::<T>(self.rest, self.len)?;
        Ok((fixed, Items::parse(tail)?))
    }

    /// Name of the system call the record came from.
    fn syscall(&self, class: Class) -> Result<&'static str, DecodeError> {
        let number = self.header.syscall;
        let compat = self.header.flags & HEADER_COMPAT != 0;
        syscalls::find(number, compat)
            .filter(|call| syscalls::class_of(call.handler) == Some(class))
            .map(|call| call.name)
            .ok_or(DecodeError::Syscall { class, number })
    }

    /// Row of the event table for the system call the record came from.
    fn event_type(&self, class: Class) -> Result<&'static EventType, DecodeError> {
        let number = self.header.syscall;
        event_type(self.syscall(class)?).ok_or(DecodeError::Syscall { class, number })
    }

    /// An event of this record without parameters or descriptor.
    fn event(&self, ty: &'static EventType, ret: Option<i64>, items: &Items<'a>) -> Event<'a> {
        Event {
            ty,
            number: 0,
            time: self.clock.unix(self.header.time),
            cpu: self.header.cpu,
            ret,
            task: self.header.task,
            cgroup: self.header.cgroup,
            params: Params::new(),
            fd: None,
            stdio: stdio::streams(items),
            open_descriptors: stdio::count(items),
            truncated: items.any_cut()
                || self.header.flags & (HEADER_OVERFLOW | HEADER_UNFINISHED) != 0,
        }
    }
}

fn split<T: FromBytes>(bytes: &[u8], have: usize) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Short {
        have,
        need: have - bytes.len() + size_of::<T>(),
    })
}
