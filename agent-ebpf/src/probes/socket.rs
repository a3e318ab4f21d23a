//! New sockets: `socket`, `socketpair`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    socket::Socket,
    syscalls::x86_64::{self as native, compat},
};

use crate::{arch::Call, maps::Slot, read, record, sock, task, words};

/// `SYS_SOCKETPAIR` of `socketcall(2)`.
const SYS_SOCKETPAIR: u32 = compat::socketcall(8);

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
    words::copy(sock::read(record.scratch(), target), &mut fixed.sock);
    fixed.fd = fd;
    fixed.second = second;
    fixed.domain = call.arg(0) as u32;
    fixed.kind = call.arg(1) as u32;
    fixed.protocol = call.arg(2) as u32;
    fixed.reserved = 0;
    record.submit();
    0
}

/// The new descriptors; -1 for none.
#[inline(always)]
fn descriptors(call: &Call, ret: i64) -> [i32; 2] {
    const NONE: [i32; 2] = [-1, -1];
    if ret < 0 {
        return NONE;
    }
    let is_pair = if call.compat {
        call.number == compat::SOCKETPAIR || call.number == SYS_SOCKETPAIR
    } else {
        call.number == native::SOCKETPAIR
    };
    if is_pair {
        read::user(call.arg(3)).unwrap_or(NONE)
    } else {
        [ret as i32, -1]
    }
}
