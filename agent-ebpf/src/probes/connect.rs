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
    let Some(record) = record::begin::<Connect>(Slot::Syscall, Class::CONNECT, task::current())
    else {
        return 0;
    };
    record.set_call(&call, ctx.arg(1));
    let fixed = record.fixed();
    sock::clear(fixed);
    fixed.fd = arguments.fd;
    record.append_user::<MAX_SOCKADDR>(tag::USER_ADDR, arguments.address, arguments.len);
    let target = file::of_descriptor(i64::from(arguments.fd)).and_then(sock::of_file);
    if let Some((sock, inode)) = target {
        sock::fill(sock, inode, fixed);
        if sock::is_unix(fixed.family)
            && let Some((name, len)) = sock::unix_peer_name(sock)
        {
            record.append_kernel::<MAX_SOCKADDR>(tag::UNIX_PATH, name, len);
        }
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
        let [fd, address, len] = read::user::<[u32; 3]>(call.arg(1))?;
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
