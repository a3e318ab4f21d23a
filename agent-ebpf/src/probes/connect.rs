//! Connected sockets: `connect`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, connect::Connect, filter::source, sock::SOCK_RESOLVED, syscalls};

use super::address;
use crate::{
    arch::Call,
    filter::{self, Gate},
    maps::Slot,
    read,
    record::{self, ITEM_HEAD, Record},
    sock::{self, Name},
    task,
};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Bytes of a `struct sockaddr_in` and `sockaddr_in6` that decoding needs to find an address
/// (`sockaddr(3type)`): family, port, address; and between port and address the flow.
const SOCKADDR_IN: u32 = 8;
const SOCKADDR_IN6: u32 = 24;

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
    sock::fill(record.scratch(), target, &mut fixed.sock);
    fixed.fd = fd;
    fixed.reserved = 0;
    let family = fixed.sock.family;
    let len = call.length(2);
    let before = record.scratch().len;
    address::append_asked(&record, call.arg(1), len);
    let gate = Gate::of(record.scratch(), Class::CONNECT);
    if let Some(gate) = gate
        && !passes(&record, &gate, ctx.arg(1), before)
        && gate.reject(record.scratch())
    {
        return 0;
    }
    address::append_name(&record, family, target, Name::Peer);
    record.set_outcome(gate.as_ref());
    record.submit_with_facts();
    0
}

/// Applies the filter; `false` if no rule is left. `item` is where in the record the address asked for
/// begins.
#[inline(always)]
fn passes(record: &Record<Connect>, gate: &Gate, ret: i64, item: u32) -> bool {
    let sock = &record.fixed().sock;
    let family = if sock.facts & SOCK_RESOLVED == 0 {
        -1
    } else {
        i64::from(sock.family)
    };
    let (port, ipv4) = peer(record, item);
    let scratch = record.scratch();
    gate.begin(scratch);
    gate.set_common(scratch, task::current(), ret);
    filter::set(
        scratch,
        source::CALL,
        i64::from(const { syscalls::row("connect") }),
    );
    filter::set(scratch, source::FAMILY, family);
    filter::set(scratch, source::PEER_PORT, port);
    filter::set(scratch, source::PEER_IPV4, ipv4);
    gate.test_numbers(scratch)
}

/// Port and IPv4 address of the peer as decoding finds them: the socket's where it has one, else those
/// asked for; -1 for what there is not.
#[inline(always)]
fn peer(record: &Record<Connect>, item: u32) -> (i64, i64) {
    let sock = &record.fixed().sock;
    if sock.family == AF_INET6 && sock.peer_port != 0 {
        return (i64::from(sock.peer_port), -1);
    }
    if sock.family == AF_INET && sock.peer_port != 0 {
        let [a, b, c, d, ..] = sock.peer;
        return (
            i64::from(sock.peer_port),
            i64::from(u32::from_be_bytes([a, b, c, d])),
        );
    }
    let scratch = record.scratch();
    let start = item + ITEM_HEAD;
    let len = scratch.len.wrapping_sub(start);
    let address = scratch.record.as_ptr() as u64 + u64::from(start);
    let Some([f0, f1, p0, p1, a, b, c, d]) = read::kernel::<[u8; 8]>(address, 0) else {
        return (-1, -1);
    };
    let port = i64::from(u16::from_be_bytes([p0, p1]));
    match u16::from_ne_bytes([f0, f1]) {
        AF_INET if len >= SOCKADDR_IN => (port, i64::from(u32::from_be_bytes([a, b, c, d]))),
        AF_INET6 if len >= SOCKADDR_IN6 => (port, -1),
        _ => (-1, -1),
    }
}
