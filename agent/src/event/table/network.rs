//! Sockets.

use super::events;
use crate::event::Source::{Arg, Result};
use crate::event::flags::{
    FILE_FLAGS, SHUTDOWN_HOW, SOCKET_FAMILIES, SOCKOPT_LEVELS, SOCKOPT_OPTIONS,
};

events! {
    socket (SOCKET) => fd: Fd, domain: Enum(SOCKET_FAMILIES), type: Uint, proto: Uint,
        flags: Flags(FILE_FLAGS);
    bind (LISTEN) => res: Errno, addr: Addr, fd: Fd;
    connect (CONNECT) => res: Errno, tuple: Tuple, fd: Fd, addr: Addr;
    listen (LISTEN) => res: Errno, fd: Fd, backlog: Int;
    accept (ACCEPT) => fd: Fd, tuple: Tuple, queuepct: Uint, queuelen: Uint, queuemax: Uint;
    accept4 (ACCEPT) => fd: Fd, tuple: Tuple, queuepct: Uint, queuelen: Uint, queuemax: Uint, flags: Int;
    sendto (SEND) => res: Errno, data: Bytes, fd: Fd, size: Uint, tuple: Tuple;
    recvfrom (RECEIVE) => res: Errno, data: Bytes, tuple: Tuple, fd: Fd, size: Uint;
    shutdown (SHUTDOWN) => res: Errno = Result, fd: Fd = Arg(0), how: Enum(SHUTDOWN_HOW) = Arg(1);
    socketpair (SOCKET) => res: Errno, fd1: Fd, fd2: Fd, source: Hex, peer: Hex,
        domain: Enum(SOCKET_FAMILIES), type: Uint, proto: Uint;
    getsockopt => res: Errno, fd: Fd, level: Enum(SOCKOPT_LEVELS), optname: Enum(SOCKOPT_OPTIONS),
        val: Dynamic, optlen: Uint;
    sendmsg (SEND) => res: Errno, data: Bytes, fd: Fd, size: Uint, tuple: Tuple;
    sendmmsg (SEND) => res: Errno, fd: Fd, size: Uint, data: Bytes, tuple: Tuple;
    recvmsg (RECEIVE) => res: Errno, size: Uint, data: Bytes, tuple: Tuple, msgcontrol: Bytes, fd: Fd;
    recvmmsg (RECEIVE) => res: Errno, fd: Fd, size: Uint, data: Bytes, tuple: Tuple, msgcontrol: Bytes;
    getsockname =>;
}
