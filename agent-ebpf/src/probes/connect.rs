//! Connected sockets: `connect`, and `socketcall` as 32-bit programs use it.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class, connect::Connect, item::tag, limits::MAX_SOCKADDR, syscalls::x86_64::compat,
};

use crate::{arch::Call, file, maps::Slot, read, record, sock, task};

/// `SYS_CONNECT` of `socketcall(2)`.
const SYS_CONNECT: u64 = 3;

/// Arguments of `connect(2)`, wherever they were.
#[derive(Clone, Copy)]
struct Arguments {
    fd: i32,
    address: u64,
    len: u64,
}

/// Records a connect.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn connect(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::new(ctx.arg(0)) else {
        return 0;
    };
    let Some(arguments) = arguments(&call) else {
        return 0;
    };
    // First of all: another thread may replace the descriptor any moment.
    let target = file::of_descriptor(i64::from(arguments.fd)).and_then(sock::of_file);
    let Some(record) = record::begin::<Connect, _>(Slot::Syscall, Class::CONNECT, task::current())
    else {
        return 0;
    };
    record.set_call(&call, ctx.arg(1));
    let fixed = record.fixed();
    sock::clear(fixed);
    fixed.fd = arguments.fd;
    if let Some((sock, inode)) = target {
        sock::fill(sock, inode, fixed);
    }
    let is_unix = sock::is_unix(fixed.family);
    record.append_user::<MAX_SOCKADDR>(tag::USER_ADDR, arguments.address, arguments.len);
    if is_unix
        && let Some((sock, _)) = target
        && let Some((name, len)) = sock::unix_peer_name(sock)
    {
        record.append_kernel::<MAX_SOCKADDR>(tag::UNIX_PATH, name, len);
    }
    record.submit();
    0
}

/// `None` for a `socketcall` that is not a connect.
#[inline(always)]
fn arguments(call: &Call) -> Option<Arguments> {
    if call.compat && call.number == compat::SOCKETCALL {
        if call.arg(0) != SYS_CONNECT {
            return None;
        }
        // Gone meanwhile: it is a connect all the same.
        let unreadable = [u32::MAX, 0, 0];
        let [fd, address, len] = read::user::<[u32; 3]>(call.arg(1)).unwrap_or(unreadable);
        return Some(Arguments {
            fd: fd as i32,
            address: u64::from(address),
            len: u64::from(len),
        });
    }
    Some(Arguments {
        fd: call.arg(0) as i32,
        address: call.arg(1),
        // The kernel takes an int.
        len: call.arg(2) & 0xffff_ffff,
    })
}
