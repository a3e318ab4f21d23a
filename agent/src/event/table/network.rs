//! Sockets.

use super::events;
use crate::event::flags::{
    FILE_FLAGS, SHUTDOWN_HOW, SOCKET_FAMILIES, SOCKOPT_LEVELS, SOCKOPT_OPTIONS,
};

events! {
    socket => fd: Fd, domain: Enum(SOCKET_FAMILIES), type: Uint, proto: Uint,
        flags: Flags(FILE_FLAGS);
    bind => res: Errno, addr: Addr, fd: Fd;
    connect (CONNECT) => res: Errno, tuple: Tuple, fd: Fd, addr: Addr;
    listen => res: Errno, fd: Fd, backlog: Int;
    accept => fd: Fd, tuple: Tuple, queuepct: Uint, queuelen: Uint, queuemax: Uint;
    accept4 => fd: Fd, tuple: Tuple, queuepct: Uint, queuelen: Uint, queuemax: Uint, flags: Int;
    sendto => res: Errno, data: Bytes, fd: Fd, size: Uint, tuple: Tuple;
    recvfrom => res: Errno, data: Bytes, tuple: Tuple, fd: Fd, size: Uint;
    shutdown => res: Errno, fd: Fd, how: Enum(SHUTDOWN_HOW);
    socketpair => res: Errno, fd1: Fd, fd2: Fd, source: Hex, peer: Hex,
        domain: Enum(SOCKET_FAMILIES), type: Uint, proto: Uint;
    getsockopt => res: Errno, fd: Fd, level: Enum(SOCKOPT_LEVELS), optname: Enum(SOCKOPT_OPTIONS),
        val: Dynamic, optlen: Uint;
    sendmsg => res: Errno, data: Bytes, fd: Fd, size: Uint, tuple: Tuple;
    sendmmsg => res: Errno, fd: Fd, size: Uint, data: Bytes, tuple: Tuple;
    recvmsg => res: Errno, size: Uint, data: Bytes, tuple: Tuple, msgcontrol: Bytes, fd: Fd;
    recvmmsg => res: Errno, fd: Fd, size: Uint, data: Bytes, tuple: Tuple, msgcontrol: Bytes;
    getsockname =>;
}
