//! What sending and receiving share: messages, one or many, and the beginning of their data.

use aya_ebpf::programs::RawTracePointContext;
use komainu_common::{
    Class,
    item::{ITEM_FAULT, tag},
    limits::{MAX_DATA, MAX_DATA_PARTS, MAX_MESSAGES},
    syscalls::Syscall,
};

use crate::{
    account,
    arch::{Call, Words},
    maps::{self, HANDLERS, Slot},
    read,
    record::{self, Record},
    sock::{self, Target},
    task::Subject,
};

/// Mask of a position in the data; the item has room for it and one more part.
const MASK: u64 = 127;
const ROOM: usize = MASK as usize + 1 + MAX_DATA;

const _: () = assert!(MAX_DATA <= MASK as usize);

/// How a call describes what it sends or receives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One buffer: `sendto`, `recvfrom`.
    Buffer,
    /// `struct msghdr`: `sendmsg`, `recvmsg`.
    Message,
    /// An array of `struct mmsghdr`: `sendmmsg`, `recvmmsg`.
    Messages,
}

impl Form {
    /// Of a call, by the rows of those with message headers.
    #[inline(always)]
    pub(crate) fn of(call: &Call, message: &Syscall, messages: &Syscall) -> Self {
        if call.is(&message.native, &message.compat) {
            Self::Message
        } else if call.is(&messages.native, &messages.compat) {
            Self::Messages
        } else {
            Self::Buffer
        }
    }
}

/// One message of a call; all addresses are the program's.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    /// Bytes sent or received, or `-errno`.
    pub(crate) ret: i64,
    /// Socket address and its length; 0 for none.
    pub(crate) name: u64,
    pub(crate) name_len: u64,
    /// The data, or the parts (`struct iovec`) it is in.
    data: u64,
    /// Bytes of data; or parts.
    len: u64,
    in_parts: bool,
    /// Control messages and their length.
    pub(crate) control: u64,
    pub(crate) control_len: u64,
}

/// How many messages the call is about, from what it returned.
#[inline(always)]
fn count(form: Form, ret: i64) -> u64 {
    if form == Form::Messages && ret > 0 {
        ret as u64
    } else {
        1
    }
}

/// Reports the messages of a call: the first, unless [`go_on`] has come back, and then the next.
#[inline(always)]
pub(crate) fn each(
    ctx: &RawTracePointContext,
    (class, handler): (Class, u16),
    form: impl Fn(&Call) -> Form,
    message: impl Fn(&Call, Form, u64, i64) -> Message,
    report: impl Fn(&Call, Form, i32, Target, &Message),
) {
    let Some(call) = Call::of_socket(ctx.arg(0)) else {
        return;
    };
    let ret: i64 = ctx.arg(1);
    let fd = call.descriptor();
    // First of all: another thread may replace the descriptor any moment.
    let target = sock::of_descriptor(i64::from(fd));
    let form = form(&call);
    let Some(index) = take_index() else {
        return;
    };
    report(&call, form, fd, target, &message(&call, form, index, ret));
    go_on(ctx, class, handler, index + 1, count(form, ret));
}

/// The message to report: the first, unless [`go_on`] has come back.
#[inline(always)]
fn take_index() -> Option<u64> {
    let scratch = record::scratch(Slot::Syscall)?;
    let index = scratch.message.get();
    scratch.message.set(0);
    Some(index)
}

/// Runs the handler again for message `next` of `count`. Of more than [`MAX_MESSAGES`] the rest are
/// counted as lost.
///
/// Not a loop: the verifier would have to follow each turn of it.
#[inline(always)]
fn go_on(ctx: &RawTracePointContext, class: Class, handler: u16, next: u64, count: u64) {
    if next >= count {
        return;
    }
    if next < MAX_MESSAGES as u64
        && let Some(scratch) = record::scratch(Slot::Syscall)
    {
        scratch.message.set(next);
        // SAFETY: the program is of this type and expects this context.
        unsafe { HANDLERS.tail_call(ctx, u32::from(handler)) };
        // Only reached while the agent ends and empties the table.
        scratch.message.set(0);
    }
    account::unhandled_many(class, count - next);
}

impl Message {
    /// A message without anything but its result.
    #[inline(always)]
    pub(crate) fn empty(ret: i64) -> Self {
        Self {
            ret,
            name: 0,
            name_len: 0,
            data: 0,
            len: 0,
            in_parts: false,
            control: 0,
            control_len: 0,
        }
    }

    /// The only message of a call with one buffer.
    #[inline(always)]
    pub(crate) fn of_buffer(call: &Call, ret: i64, name: u64, name_len: u64) -> Self {
        Self {
            name,
            name_len,
            ..Self::of_bytes(call.arg(1), call.arg(2), ret)
        }
    }

    /// One buffer.
    #[inline(always)]
    pub(crate) fn of_bytes(data: u64, len: u64, ret: i64) -> Self {
        Self {
            data,
            len,
            ..Self::empty(ret)
        }
    }

    /// Message `index` of a call with message headers; without anything where it cannot be read.
    ///
    /// `struct mmsghdr` adds the length of the message to the seven words of a `struct msghdr`, in an eighth.
    #[inline(always)]
    pub(crate) fn of_header(call: &Call, form: Form, index: u64, ret: i64) -> Self {
        let words = call.words();
        let address = call.arg(1) + index * 8 * words.size();
        let mut ret = ret;
        if form == Form::Messages {
            if ret == 0 {
                return Self::empty(ret);
            }
            if ret > 0 {
                let len = read::user::<u32>(address + 7 * words.size());
                ret = i64::from(len.unwrap_or(0));
            }
        }
        Self::of_msghdr(words, address, ret)
    }

    /// The message that a `struct msghdr` at `address` describes; without anything where it cannot be read.
    ///
    /// Seven words (`include/linux/socket.h`, `compat_msghdr`), some of which are half used.
    #[inline(always)]
    pub(crate) fn of_msghdr(words: Words, address: u64, ret: i64) -> Self {
        let mut message = Self::empty(ret);
        if let Some([name, name_len, parts, count, control, control_len, _]) =
            words.read::<7>(address)
        {
            message.name = name;
            message.name_len = name_len & 0xffff_ffff;
            message.data = parts;
            message.len = count;
            message.in_parts = true;
            message.control = control;
            message.control_len = control_len;
        }
        message
    }

    /// Appends the beginning of the data, at most `limit` bytes of it; returns how many bytes the
    /// buffers have.
    #[inline(always)]
    pub(crate) fn append_data<T, A: Subject>(
        &self,
        record: &Record<T, A>,
        words: Words,
        limit: u64,
    ) -> u64 {
        let limit = limit.min(MAX_DATA as u64);
        if !self.in_parts {
            record.append_user::<MAX_DATA>(tag::DATA, self.data, self.len.min(limit));
            return self.len;
        }
        let walk = &mut record.scratch().walk;
        walk.position.set(0);
        walk.total.set(0);
        walk.root.set(words.size());
        record.append::<ROOM>(tag::DATA, |_| {
            let complete = self.gather(record, limit);
            let walk = &record.scratch().walk;
            (walk.position.get(), if complete { 0 } else { ITEM_FAULT })
        });
        record.scratch().walk.total.get()
    }

    /// Copies parts to the item being appended, which has `ROOM` bytes, until `limit` bytes are there.
    /// Whether all of them could be read.
    #[inline(always)]
    fn gather<T, A: Subject>(&self, record: &Record<T, A>, limit: u64) -> bool {
        let index = record.scratch().index;
        for part in 0..MAX_DATA_PARTS as u64 {
            if part >= self.len {
                break;
            }
            if copy_part(index, self.data, part, limit) == 0 {
                return false;
            }
        }
        true
    }
}

/// Copies part number `part` of the array of `struct iovec` at `parts`, as far as there are not yet `limit` bytes in the item being
/// appended; 0 if it cannot be read. A function that the verifier checks once and not at every turn of
/// the loop.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn copy_part(index: u32, parts: u64, part: u64, limit: u64) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let words = Words::of_size(scratch.walk.root.get());
    let Some([address, len]) = words.read::<2>(parts + part * 2 * words.size()) else {
        return 0;
    };
    let walk = &mut scratch.walk;
    walk.total.set(walk.total.get().wrapping_add(len));
    let at = walk.position.get() & MASK;
    let len = len.min(limit.saturating_sub(at)).min(MAX_DATA as u64);
    if len == 0 {
        return 1;
    }
    let target = record::appending(scratch).wrapping_add(at as usize);
    // SAFETY: a masked offset and at most MAX_DATA bytes stay inside the item's room.
    if !unsafe { read::user_bytes(target, len as u32, address) } {
        return 0;
    }
    scratch.walk.position.set(at + len);
    1
}
