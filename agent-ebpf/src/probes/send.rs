//! Sent data: `sendto`, `sendmsg`, `sendmmsg`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    arch::{Numbers, THIS},
    limits::MAX_DATA,
    send::Send,
    syscalls::{Syscall, TABLE, handler, row as row_of},
};

use super::{
    address,
    message::{self, Form, Message},
    network,
};
use crate::{
    arch::Call,
    filter::Gate,
    maps::Slot,
    record,
    sock::{self, Name, Target},
    task,
};

/// Calls with message headers.
const MESSAGE: Syscall = TABLE[row_of("sendmsg") as usize];
const MESSAGES: Syscall = TABLE[row_of("sendmmsg") as usize];
/// `send(2)`, which has no address: a call of its own, or a sub-call of `socketcall(2)`.
const WITHOUT_ADDRESS: Numbers = Numbers::of(THIS.compat, &["send", "SYS_SEND"]);

/// Records what was sent.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn send(ctx: RawTracePointContext) -> i32 {
    message::each(&ctx, (Class::SEND, handler::SEND), form, message, report);
    0
}

#[inline(always)]
fn form(call: &Call) -> Form {
    Form::of(call, &MESSAGE, &MESSAGES)
}

#[inline(always)]
fn message(call: &Call, form: Form, index: u64, ret: i64) -> Message {
    if form != Form::Buffer {
        return Message::of_header(call, form, index, ret);
    }
    if call.compat && WITHOUT_ADDRESS.has(call.number) {
        return Message::of_buffer(call, ret, 0, 0);
    }
    Message::of_buffer(call, ret, call.arg(4), call.length(5))
}

/// The row of the calls of a form.
#[inline(always)]
fn row(form: Form) -> u32 {
    match form {
        Form::Buffer => const { row_of("sendto") },
        Form::Message => const { row_of("sendmsg") },
        Form::Messages => const { row_of("sendmmsg") },
    }
}

#[inline(always)]
fn report(call: &Call, form: Form, fd: i32, target: Target, message: &Message) {
    let Some(record) = record::begin::<Send, _>(Slot::Syscall, Class::SEND, task::current()) else {
        return;
    };
    record.set_call(call, message.ret);
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    let gate = Gate::of(record.scratch(), Class::SEND);
    if !network::passes(
        record.scratch(),
        gate.as_ref(),
        &fixed.sock,
        row(form),
        message.ret,
    ) {
        return;
    }
    fixed.fd = fd;
    fixed.reserved = 0;
    let family = fixed.sock.family;
    // What could not be sent is of interest too.
    let limit = if message.ret < 0 {
        MAX_DATA as u64
    } else {
        message.ret as u64
    };
    record.fixed().size = message.append_data(&record, call.words(), limit);
    if message.name != 0 && message.name_len != 0 {
        address::append_asked(&record, message.name, message.name_len);
    }
    address::append_name(&record, family, target, Name::Peer);
    record.set_outcome(gate.as_ref());
    record.submit();
}
