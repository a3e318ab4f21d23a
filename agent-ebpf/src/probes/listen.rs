//! Sockets that others can reach: `bind`, `listen`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    listen::Listen,
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

/// Records a bind or listen.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn listen(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::of_socket(ctx.arg(0)) else {
        return 0;
    };
    let fd = call.descriptor();
    // First of all: another thread may replace the descriptor any moment.
    let target = sock::of_descriptor(i64::from(fd));
    let Some(record) = record::begin::<Listen, _>(Slot::Syscall, Class::LISTEN, task::current())
    else {
        return 0;
    };
    record.set_call(&call, ctx.arg(1));
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    let gate = Gate::of(record.scratch(), Class::LISTEN);
    let row = if is_listen(&call) {
        const { row("listen") }
    } else {
        const { row("bind") }
    };
    let ret = ctx.arg(1);
    if !network::passes(record.scratch(), gate.as_ref(), &fixed.sock, row, ret) {
        return 0;
    }
    fixed.fd = fd;
    let family = fixed.sock.family;
    if is_listen(&call) {
        fixed.backlog = call.arg(1) as i32;
    } else {
        fixed.backlog = 0;
        let len = call.length(2);
        address::append_asked(&record, call.arg(1), len);
    }
    address::append_name(&record, family, target, Name::Own);
    record.set_outcome(gate.as_ref());
    record.submit();
    0
}

#[inline(always)]
fn is_listen(call: &Call) -> bool {
    const LISTEN: Syscall = TABLE[row("listen") as usize];
    call.is(&LISTEN.native, &LISTEN.compat)
}
