//! Connects.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, connect::Connect, item::tag, limits::MAX_SOCKADDR, offsets::ABSENT};

use super::{Request, append_copied_address};
use crate::{
    maps::offset,
    probes::address,
    record::Record,
    sock::{self, Name, Target},
};

/// Records the submission.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_connect(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(0)) else {
        return 0;
    };
    let Some(record) = request.draft::<Connect>(Class::CONNECT) else {
        return 0;
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), Target::NONE, &mut fixed.sock);
    fixed.reserved = 0;
    fixed.fd = request.descriptor();
    append_address(&record, request);
    request.keep_or_send(Class::CONNECT, record);
    0
}

/// Appends the address asked for: the kernel's copy of it, where there is one already.
#[inline(always)]
fn append_address(record: &Record<Connect>, request: Request) {
    let len: u32 = request.command(offset!(uring_connect_len));
    if offset!(uring_async_connect) == ABSENT {
        append_copied_address(record, tag::USER_ADDR, request, len);
    } else {
        let address = request.command(offset!(uring_connect_addr));
        record.append_user::<MAX_SOCKADDR>(tag::USER_ADDR, address, u64::from(len));
    }
}

/// Records the end.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_connect_end(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(1)) else {
        return 0;
    };
    let Some(record) = request.resume::<Connect>(Class::CONNECT) else {
        return 0;
    };
    let target = request.socket();
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    if !request.passes_socket(&record, &fixed.sock) {
        return 0;
    }
    let family = fixed.sock.family;
    address::append_name(&record, family, target, Name::Peer);
    record.send();
    0
}
