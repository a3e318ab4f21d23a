//! Received data: `recvfrom`, `recvmsg`, `recvmmsg`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    arch::{Numbers, THIS},
    item::tag,
    limits::MAX_CONTROL,
    receive::Receive,
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
    read, record,
    sock::{self, Name, Target},
    task,
};

/// Calls with message headers.
const MESSAGE: Syscall = TABLE[row_of("recvmsg") as usize];
const MESSAGES: Syscall = TABLE[row_of("recvmmsg") as usize];
/// `recv(2)`, which has no address: a call of its own, or a sub-call of `socketcall(2)`.
const WITHOUT_ADDRESS: Numbers = Numbers::of(THIS.compat, &["recv", "SYS_RECV"]);

/// Records what was received.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn receive(ctx: RawTracePointContext) -> i32 {
    message::each(
        &ctx,
        (Class::RECEIVE, handler::RECEIVE),
        form,
        message,
        report,
    );
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
    // The kernel has written the length of the address back.
    let len = match call.arg(5) {
        0 => 0,
        address => read::user::<u32>(address).unwrap_or(0),
    };
    Message::of_buffer(call, ret, call.arg(4), u64::from(len))
}

/// The row of the calls of a form.
#[inline(always)]
fn row(form: Form) -> u32 {
    match form {
        Form::Buffer => const { row_of("recvfrom") },
        Form::Message => const { row_of("recvmsg") },
        Form::Messages => const { row_of("recvmmsg") },
    }
}

#[inline(always)]
fn report(call: &Call, form: Form, fd: i32, target: Target, message: &Message) {
    let Some(record) = record::begin::<Receive, _>(Slot::Syscall, Class::RECEIVE, task::current())
    else {
        return;
    };
    record.set_call(call, message.ret);
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    let gate = Gate::of(record.scratch(), Class::RECEIVE);
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
    let received = if message.ret < 0 {
        0
    } else {
        message.ret as u64
    };
    record.fixed().size = message.append_data(&record, call.words(), received);
    // A failed call has written nothing.
    if message.ret >= 0 {
        if message.name != 0 && message.name_len != 0 {
            address::append_asked(&record, message.name, message.name_len);
        }
        if message.control_len != 0 {
            record.append_user::<MAX_CONTROL>(tag::CONTROL, message.control, message.control_len);
        }
    }
    address::append_name(&record, family, target, Name::Peer);
    record.set_outcome(gate.as_ref());
    record.submit();
}
