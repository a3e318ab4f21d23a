//! Connected sockets: `connect`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, connect::Connect};

use super::address;
use crate::{
    arch::Call,
    maps::Slot,
    record,
    sock::{self, Name},
    task,
};

/// Records a connect.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn connect(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::of_socket(ctx.arg(0)) else {
        return 0;
    };
    let fd = call.descriptor();
    // First of all: another thread may replace the descriptor any moment.
    let target = sock::of_descriptor(i64::from(fd));
    let Some(record) = record::begin::<Connect, _>(Slot::Syscall, Class::CONNECT, task::current())
    else {
        return 0;
    };
    record.set_call(&call, ctx.arg(1));
    let fixed = record.fixed();
    sock::fill(target, &mut fixed.sock);
    fixed.fd = fd;
    fixed.reserved = 0;
    let family = fixed.sock.family;
    // The kernel takes an int.
    let len = call.arg(2) & 0xffff_ffff;
    address::append_asked(&record, call.arg(1), len);
    address::append_name(&record, family, target, Name::Peer);
    record.submit();
    0
}
