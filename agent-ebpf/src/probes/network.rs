//! The filter of events about a socket that is there already.

use komainu_common::{
    filter::source,
    sock::{SOCK_RESOLVED, Sock},
};

use crate::{
    filter::{self, Gate},
    maps::Scratch,
    task,
};

/// What stands for a number that there is not; a test of the peer holds for it.
const NONE: i64 = -1;

/// Applies the filter to the call in row `call` of the table; `false` if no rule is left and the event is counted as
/// filtered.
///
/// The peer is left to user space: it may come from the socket or from what the program passed.
#[inline(always)]
pub(super) fn passes(
    scratch: &mut Scratch,
    gate: Option<&Gate>,
    sock: &Sock,
    call: u32,
    ret: i64,
) -> bool {
    let Some(gate) = gate else {
        return true;
    };
    gate.begin(scratch);
    gate.set_common(scratch, task::current(), ret);
    filter::set(scratch, source::CALL, i64::from(call));
    set_socket(scratch, sock);
    gate.test_numbers(scratch) || !gate.reject(scratch)
}

/// Sets what the filter tests of a socket.
#[inline(always)]
pub(super) fn set_socket(scratch: &mut Scratch, sock: &Sock) {
    let family = if sock.facts & SOCK_RESOLVED == 0 {
        NONE
    } else {
        i64::from(sock.family)
    };
    filter::set(scratch, source::FAMILY, family);
    filter::set(scratch, source::PEER_PORT, NONE);
    filter::set(scratch, source::PEER_IPV4, NONE);
}
