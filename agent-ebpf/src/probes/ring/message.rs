//! Data: `sendto`, `sendmsg`, `recvfrom`, `recvmsg`.
//!
//! What is sent is read when it is submitted, what is received when the operation ends.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    item::tag,
    limits::{MAX_CONTROL, MAX_DATA, MAX_SOCKADDR},
    offsets::ABSENT,
    receive::Receive,
    ring::op,
    send::Send,
};

use super::Request;
use crate::{
    arch::Words,
    maps::offset,
    probes::{address, message::Message},
    read,
    record::Record,
    sock::{self, Name, Target},
};

/// `IORING_RECV_MULTISHOT`: an answer for each arrival.
const MULTISHOT: u16 = 2;

/// Records the submission.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_message(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(0)) else {
        return 0;
    };
    match request.operation.opcode {
        op::RECV | op::RECVMSG => submit_receive(request),
        _ => submit_send(request),
    }
    0
}

#[inline(always)]
fn submit_send(request: Request) {
    let Some(record) = request.draft::<Send>(Class::SEND) else {
        return;
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), Target::NONE, &mut fixed.sock);
    fixed.fd = request.descriptor();
    fixed.reserved = 0;
    let message = message(request, 0);
    record.fixed().size = message.append_data(&record, Words::current(), MAX_DATA as u64);
    if message.name != 0 && message.name_len != 0 {
        address::append_asked(&record, message.name, message.name_len);
    } else {
        append_copied_name(&record, request);
    }
    request.keep_or_send(Class::SEND, record);
}

#[inline(always)]
fn submit_receive(request: Request) {
    let Some(record) = request.draft::<Receive>(Class::RECEIVE) else {
        return;
    };
    let fixed = record.fixed();
    sock::fill(record.scratch(), Target::NONE, &mut fixed.sock);
    fixed.fd = request.descriptor();
    fixed.size = 0;
    fixed.reserved = 0;
    let more = request.command::<u16>(offset!(uring_message_flags)) & MULTISHOT != 0;
    let has_an_end = !more && request.flags() & super::SKIP_SUCCESS == 0;
    request.keep_if(has_an_end, Class::RECEIVE, record);
}

/// What is sent or received, as the program describes it.
#[inline(always)]
fn message(request: Request, ret: i64) -> Message {
    let buffer = request.command(offset!(uring_message_buffer));
    if matches!(
        request.operation.opcode,
        op::SENDMSG | op::SENDMSG_ZC | op::RECVMSG
    ) {
        return Message::of_msghdr(Words::current(), buffer, ret);
    }
    let len: u32 = request.command(offset!(uring_message_len));
    Message::of_bytes(buffer, len.into(), ret)
}

/// Appends the address that the kernel has copied for a `sendto` with one.
#[inline(always)]
fn append_copied_name(record: &Record<Send>, request: Request) {
    if offset!(uring_msghdr_name) == ABSENT || offset!(uring_msghdr_namelen) == ABSENT {
        return;
    }
    let Some(copy) = read::pointer(request.address, offset!(uring_async_data)) else {
        return;
    };
    if let Some(name) = read::pointer(copy, offset!(uring_msghdr_name)) {
        let len = read::kernel::<u32>(copy, offset!(uring_msghdr_namelen)).unwrap_or(0);
        record.append_kernel::<MAX_SOCKADDR>(tag::USER_ADDR, name, u64::from(len));
    }
}

/// Records the end.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_message_end(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(1)) else {
        return 0;
    };
    match request.operation.opcode {
        op::RECV | op::RECVMSG => end_receive(request),
        _ => end_send(request),
    }
    0
}

#[inline(always)]
fn end_send(request: Request) {
    let Some(record) = request.resume::<Send>(Class::SEND) else {
        return;
    };
    let target = request.socket();
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    if !request.passes_socket(&record, &fixed.sock) {
        return;
    }
    let family = fixed.sock.family;
    address::append_name(&record, family, target, Name::Peer);
    record.send();
}

#[inline(always)]
fn end_receive(request: Request) {
    let Some(record) = request.resume::<Receive>(Class::RECEIVE) else {
        return;
    };
    let ret = record.header().ret;
    let target = request.socket();
    let fixed = record.fixed();
    sock::fill(record.scratch(), target, &mut fixed.sock);
    if !request.passes_socket(&record, &fixed.sock) {
        return;
    }
    let family = fixed.sock.family;
    let message = message(request, ret);
    let received = if ret < 0 { 0 } else { ret as u64 };
    record.fixed().size = message.append_data(&record, Words::current(), received);
    if ret >= 0 {
        if message.name != 0 && message.name_len != 0 {
            address::append_asked(&record, message.name, message.name_len);
        }
        if message.control_len != 0 {
            record.append_user::<MAX_CONTROL>(tag::CONTROL, message.control, message.control_len);
        }
    }
    address::append_name(&record, family, target, Name::Peer);
    record.send();
}
