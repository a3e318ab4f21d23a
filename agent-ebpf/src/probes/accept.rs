//! Accepted connections: `accept`, `accept4`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    accept::Accept,
    syscalls::{Syscall, TABLE, row},
};

use super::{address, network};
use crate::{
    arch::Call,
    filter::Gate,
    maps::Slot,
    record,
    sock::{self, Name},
    task,
};

/// Records an accept.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn accept(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::of_socket(ctx.arg(0)) else {
        return 0;
    };
    let ret: i64 = ctx.arg(1);
    let listener = call.descriptor();
    // First of all: another thread may replace the descriptors any moment.
    let queue = sock::backlog(sock::of_descriptor(i64::from(listener)));
    let fd = if ret >= 0 { ret } else { i64::from(listener) };
    let target = sock::of_descriptor(fd);
    let Some(record) = record::begin::<Accept, _>(Slot::Syscall, Class::ACCEPT, task::current())
    else {
        return 0;
    };
    record.set_call(&call, ret);
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    let gate = Gate::of(record.scratch(), Class::ACCEPT);
    let row = if has_flags(&call) {
        const { row("accept4") }
    } else {
        const { row("accept") }
    };
    if !network::passes(record.scratch(), gate.as_ref(), &fixed.sock, row, ret) {
        return 0;
    }
    fixed.listener = listener;
    fixed.flags = if has_flags(&call) {
        call.arg(3) as u32
    } else {
        0
    };
    (fixed.queue_len, fixed.queue_max) = queue;
    let family = fixed.sock.family;
    address::append_name(&record, family, target, Name::Own);
    record.set_outcome(gate.as_ref());
    record.submit();
    0
}

#[inline(always)]
fn has_flags(call: &Call) -> bool {
    const ACCEPT4: Syscall = TABLE[row("accept4") as usize];
    call.is(&ACCEPT4.native, &ACCEPT4.compat)
}
