//! New sockets: `socket`, `socketpair`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    socket::Socket,
    syscalls::{Syscall, TABLE, row},
};

use super::network;
use crate::{arch::Call, filter::Gate, maps::Slot, read, record, sock, task};

/// Records a new socket.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn socket(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::of_socket(ctx.arg(0)) else {
        return 0;
    };
    let ret: i64 = ctx.arg(1);
    let [fd, second] = descriptors(&call, ret);
    // First of all: another thread may replace the descriptor any moment.
    let target = sock::of_descriptor(i64::from(fd));
    let Some(record) = record::begin::<Socket, _>(Slot::Syscall, Class::SOCKET, task::current())
    else {
        return 0;
    };
    record.set_call(&call, ret);
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    let gate = Gate::of(record.scratch(), Class::SOCKET);
    let row = if is_pair(&call) {
        const { row("socketpair") }
    } else {
        const { row("socket") }
    };
    if !network::passes(record.scratch(), gate.as_ref(), &fixed.sock, row, ret) {
        return 0;
    }
    fixed.fd = fd;
    fixed.second = second;
    fixed.domain = call.arg(0) as u32;
    fixed.kind = call.arg(1) as u32;
    fixed.protocol = call.arg(2) as u32;
    fixed.reserved = 0;
    record.set_outcome(gate.as_ref());
    record.submit();
    0
}

#[inline(always)]
fn is_pair(call: &Call) -> bool {
    const SOCKETPAIR: Syscall = TABLE[row("socketpair") as usize];
    call.is(&SOCKETPAIR.native, &SOCKETPAIR.compat)
}

/// The new descriptors; -1 for none.
#[inline(always)]
fn descriptors(call: &Call, ret: i64) -> [i32; 2] {
    const NONE: [i32; 2] = [-1, -1];
    if ret < 0 {
        return NONE;
    }
    if is_pair(call) {
        read::user(call.arg(3)).unwrap_or(NONE)
    } else {
        [ret as i32, -1]
    }
}
