//! Sockets: `accept4`, `socket`, `bind`, `listen`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, accept::Accept, item::tag, listen::Listen, ring::op, socket::Socket};

use super::{Request, append_copied_address};
use crate::{
    maps::offset,
    probes::address,
    sock::{self, Name, Target},
};

/// `IORING_ACCEPT_MULTISHOT`: an answer for each connection.
const MULTISHOT: u32 = 1;

/// Records the submission.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_socket(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(0)) else {
        return 0;
    };
    match request.operation.opcode {
        op::ACCEPT => submit_accept(request),
        op::SOCKET => submit_socket(request),
        opcode => submit_listen(request, opcode == op::BIND),
    }
    0
}

#[inline(always)]
fn submit_accept(request: Request) {
    let Some(record) = request.draft::<Accept>(Class::ACCEPT) else {
        return;
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), Target::NONE, &mut fixed.sock);
    fixed.listener = request.descriptor();
    fixed.flags = request.command(offset!(uring_accept_flags));
    fixed.queue_len = 0;
    fixed.queue_max = 0;
    let more = request.command::<u32>(offset!(uring_accept_more)) & MULTISHOT != 0;
    let has_an_end = !more && request.flags() & super::SKIP_SUCCESS == 0;
    request.keep_if(has_an_end, Class::ACCEPT, record);
}

#[inline(always)]
fn submit_socket(request: Request) {
    let Some(record) = request.draft::<Socket>(Class::SOCKET) else {
        return;
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), Target::NONE, &mut fixed.sock);
    fixed.fd = -1;
    fixed.second = -1;
    fixed.domain = request.command(offset!(uring_socket_domain));
    fixed.kind = request.command(offset!(uring_socket_type));
    fixed.protocol = request.command(offset!(uring_socket_protocol));
    fixed.reserved = 0;
    request.keep_or_send(Class::SOCKET, record);
}

#[inline(always)]
fn submit_listen(request: Request, is_bind: bool) {
    let Some(record) = request.draft::<Listen>(Class::LISTEN) else {
        return;
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), Target::NONE, &mut fixed.sock);
    fixed.fd = request.descriptor();
    if is_bind {
        fixed.backlog = 0;
        let len = request.command(offset!(uring_bind_len));
        append_copied_address(&record, tag::USER_ADDR, request, len);
    } else {
        fixed.backlog = request.command(offset!(uring_listen_backlog));
    }
    request.keep_or_send(Class::LISTEN, record);
}

/// Records the end.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_socket_end(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(1)) else {
        return 0;
    };
    match request.operation.opcode {
        op::ACCEPT => end_accept(request),
        op::SOCKET => end_socket(request),
        _ => end_listen(request),
    }
    0
}

#[inline(always)]
fn end_accept(request: Request) {
    let Some(record) = request.resume::<Accept>(Class::ACCEPT) else {
        return;
    };
    let ret = record.header().ret;
    let listener = request.socket();
    let target = if ret >= 0 {
        let slot = request.command(offset!(uring_accept_slot));
        sock::of_file(request.made(ret, slot))
    } else {
        listener
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    if !request.passes_socket(&record, &fixed.sock) {
        return;
    }
    (fixed.queue_len, fixed.queue_max) = sock::backlog(listener);
    let family = fixed.sock.family;
    address::append_name(&record, family, target, Name::Own);
    record.send();
}

#[inline(always)]
fn end_socket(request: Request) {
    let Some(record) = request.resume::<Socket>(Class::SOCKET) else {
        return;
    };
    let ret = record.header().ret;
    if ret >= 0 {
        let slot = request.command(offset!(uring_socket_slot));
        let fixed = record.fixed();
        let target = sock::of_file(request.made(ret, slot));
        sock::fill(record.scratch(), target, &mut fixed.sock);
        if slot == 0 {
            fixed.fd = ret as i32;
        }
    }
    if request.passes_socket(&record, &record.fixed().sock) {
        record.send();
    }
}

#[inline(always)]
fn end_listen(request: Request) {
    let Some(record) = request.resume::<Listen>(Class::LISTEN) else {
        return;
    };
    let target = request.socket();
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    if !request.passes_socket(&record, &fixed.sock) {
        return;
    }
    let family = fixed.sock.family;
    address::append_name(&record, family, target, Name::Own);
    record.send();
}
