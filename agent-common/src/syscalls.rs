//! System call numbers and the interest table.
//!
//! The dispatcher on `sys_exit` looks a number up in the interest table, an array with one word
//! per number: the low half is for a native call, the high half for a 32-bit compat call of the same
//! number. Most words are 0 and end the program there. A half is a handler in its low byte and, where
//! the handler is that of a [`shape`](crate::call::shape), the row of [`call::TABLE`](crate::call::TABLE)
//! in its high byte.

use crate::{Class, call};

/// Slots of the interest table. x32 calls (`__X32_SYSCALL_BIT`) use 512..548 of the native table.
pub const INTEREST_SLOTS: u32 = 1024;

/// Bit that marks an x32 call in `orig_ax`.
pub const X32_BIT: u32 = 0x4000_0000;

/// Handlers the dispatcher can tail-call: index into the program array, 0 is none.
pub mod handler {
    /// No handler.
    pub const NONE: u16 = 0;
    /// `execve`, `execveat` that failed.
    pub const EXEC_FAILED: u16 = 1;
    /// `open`, `openat`, `openat2`, `creat`.
    pub const OPEN: u16 = 2;
    /// `open_by_handle_at`.
    pub const OPEN_BY_HANDLE: u16 = 4;
    /// `connect`.
    pub const CONNECT: u16 = 3;
    /// `call::shape::PLAIN`.
    pub const CALL_PLAIN: u16 = crate::call::shape::PLAIN as u16;
    /// `call::shape::DESCRIPTOR`.
    pub const CALL_DESCRIPTOR: u16 = crate::call::shape::DESCRIPTOR as u16;
    /// `call::shape::PATH`.
    pub const CALL_PATH: u16 = crate::call::shape::PATH as u16;
    /// `call::shape::PATHS`.
    pub const CALL_PATHS: u16 = crate::call::shape::PATHS as u16;
    /// `call::shape::PROCESS`.
    pub const CALL_PROCESS: u16 = crate::call::shape::PROCESS as u16;
    /// `socket`, `socketpair`.
    pub const SOCKET: u16 = 32;
    /// `bind`, `listen`.
    pub const LISTEN: u16 = 33;
    /// `accept`, `accept4`.
    pub const ACCEPT: u16 = 34;
    /// `sendto`, `sendmsg`, `sendmmsg`.
    pub const SEND: u16 = 35;
    /// `recvfrom`, `recvmsg`, `recvmmsg`.
    pub const RECEIVE: u16 = 36;
    /// `openat`, `openat2` of an `io_uring`, when they are submitted.
    pub const RING_OPEN: u16 = 48;
    /// When they end.
    pub const RING_OPEN_END: u16 = 49;
    /// `connect` of an `io_uring`.
    pub const RING_CONNECT: u16 = 50;
    /// Its end.
    pub const RING_CONNECT_END: u16 = 51;
    /// Calls that are rows, of an `io_uring`.
    pub const RING_CALL: u16 = 52;
    /// Their end.
    pub const RING_CALL_END: u16 = 53;
    /// `accept4`, `socket`, `bind`, `listen` of an `io_uring`.
    pub const RING_SOCKET: u16 = 54;
    /// Their end.
    pub const RING_SOCKET_END: u16 = 55;
    /// `sendto`, `sendmsg`, `recvfrom`, `recvmsg` of an `io_uring`.
    pub const RING_MESSAGE: u16 = 56;
    /// Their end.
    pub const RING_MESSAGE_END: u16 = 57;
    /// No program: the handler is that of the sub-call, see
    /// [`socketcall`](super::x86_64::compat::socketcall).
    pub const SOCKETCALL: u16 = 0xff;
    /// Slots of the program array.
    pub const SLOTS: u32 = 64;
}

/// Half a word of the interest table for a row of [`call::TABLE`].
pub const fn half_of_row(row: u8, spec: &call::Spec) -> u16 {
    spec.shape as u16 | (row as u16) << 8
}

/// The handler in half a word of the interest table.
pub const fn handler_of(half: u16) -> u16 {
    half & 0xff
}

/// The row in half a word of the interest table.
pub const fn row_of(half: u16) -> u8 {
    (half >> 8) as u8
}

/// The event class of the records of a handler that serves one class; those of
/// [`shape`](call::shape)s serve many.
pub const fn class_of(handler: u16) -> Option<Class> {
    match handler {
        handler::EXEC_FAILED => Some(Class::EXEC),
        handler::OPEN | handler::OPEN_BY_HANDLE => Some(Class::OPEN),
        handler::CONNECT => Some(Class::CONNECT),
        handler::SOCKET => Some(Class::SOCKET),
        handler::LISTEN => Some(Class::LISTEN),
        handler::ACCEPT => Some(Class::ACCEPT),
        handler::SEND => Some(Class::SEND),
        handler::RECEIVE => Some(Class::RECEIVE),
        _ => None,
    }
}

/// What a number means, so that a handler can find its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall {
    /// Name as in `syscalls(2)`.
    pub name: &'static str,
    /// Handler index.
    pub handler: u16,
    /// Numbers of the native table (x32 included where it differs).
    pub native: &'static [u32],
    /// Numbers of the 32-bit compat table.
    pub compat: &'static [u32],
}

/// x86-64: `arch/x86/entry/syscalls/syscall_64.tbl` and `syscall_32.tbl`.
pub mod x86_64 {
    use super::{Syscall, handler};

    /// `open` and `openat` and so on, by number.
    pub const OPEN: u32 = 2;
    /// `connect(2)`.
    pub const CONNECT: u32 = 42;
    /// `socket(2)`.
    pub const SOCKET: u32 = 41;
    /// `accept(2)`.
    pub const ACCEPT: u32 = 43;
    /// `sendto(2)`.
    pub const SENDTO: u32 = 44;
    /// `recvfrom(2)`.
    pub const RECVFROM: u32 = 45;
    /// `sendmsg(2)`.
    pub const SENDMSG: u32 = 46;
    /// `recvmsg(2)`.
    pub const RECVMSG: u32 = 47;
    /// `bind(2)`.
    pub const BIND: u32 = 49;
    /// `listen(2)`.
    pub const LISTEN: u32 = 50;
    /// `socketpair(2)`.
    pub const SOCKETPAIR: u32 = 53;
    /// `accept4(2)`.
    pub const ACCEPT4: u32 = 288;
    /// `recvmmsg(2)`.
    pub const RECVMMSG: u32 = 299;
    /// `sendmmsg(2)`.
    pub const SENDMMSG: u32 = 307;
    /// x32 `recvfrom`.
    pub const X32_RECVFROM: u32 = 517;
    /// x32 `sendmsg`.
    pub const X32_SENDMSG: u32 = 518;
    /// x32 `recvmsg`.
    pub const X32_RECVMSG: u32 = 519;
    /// x32 `recvmmsg`.
    pub const X32_RECVMMSG: u32 = 537;
    /// x32 `sendmmsg`.
    pub const X32_SENDMMSG: u32 = 538;
    /// `execve(2)`.
    pub const EXECVE: u32 = 59;
    /// `creat(2)`.
    pub const CREAT: u32 = 85;
    /// `openat(2)`.
    pub const OPENAT: u32 = 257;
    /// `open_by_handle_at(2)`.
    pub const OPEN_BY_HANDLE_AT: u32 = 304;
    /// `execveat(2)`.
    pub const EXECVEAT: u32 = 322;
    /// `openat2(2)`.
    pub const OPENAT2: u32 = 437;
    /// x32 `execve`.
    pub const X32_EXECVE: u32 = 520;
    /// x32 `execveat`.
    pub const X32_EXECVEAT: u32 = 545;

    /// Numbers of the 32-bit compat table.
    pub mod compat {
        /// `open(2)`.
        pub const OPEN: u32 = 5;
        /// `creat(2)`.
        pub const CREAT: u32 = 8;
        /// `execve(2)`.
        pub const EXECVE: u32 = 11;
        /// `socketcall(2)`.
        pub const SOCKETCALL: u32 = 102;
        /// From here on the interest table has the sub-calls of `socketcall`, as if they were calls.
        pub const SOCKETCALL_BASE: u32 = 1000;
        /// Largest sub-call, `SYS_SENDMMSG` (`include/uapi/linux/net.h`).
        pub const SOCKETCALL_LAST: u32 = 20;

        /// Number that stands for a sub-call of `socketcall`, in records too.
        pub const fn socketcall(operation: u32) -> u32 {
            SOCKETCALL_BASE.saturating_add(operation)
        }
        /// `openat(2)`.
        pub const OPENAT: u32 = 295;
        /// `open_by_handle_at(2)`.
        pub const OPEN_BY_HANDLE_AT: u32 = 342;
        /// `execveat(2)`.
        pub const EXECVEAT: u32 = 358;
        /// `connect(2)`.
        pub const CONNECT: u32 = 362;
        /// `openat2(2)`.
        pub const OPENAT2: u32 = 437;
        /// `recvmmsg(2)`.
        pub const RECVMMSG: u32 = 337;
        /// `sendmmsg(2)`.
        pub const SENDMMSG: u32 = 345;
        /// `socket(2)`.
        pub const SOCKET: u32 = 359;
        /// `socketpair(2)`.
        pub const SOCKETPAIR: u32 = 360;
        /// `bind(2)`.
        pub const BIND: u32 = 361;
        /// `listen(2)`.
        pub const LISTEN: u32 = 363;
        /// `accept4(2)`.
        pub const ACCEPT4: u32 = 364;
        /// `sendto(2)`.
        pub const SENDTO: u32 = 369;
        /// `sendmsg(2)`.
        pub const SENDMSG: u32 = 370;
        /// `recvfrom(2)`.
        pub const RECVFROM: u32 = 371;
        /// `recvmsg(2)`.
        pub const RECVMSG: u32 = 372;
        /// `recvmmsg_time64(2)`.
        pub const RECVMMSG_TIME64: u32 = 417;
        /// `SYS_SEND` of `socketcall(2)`.
        pub const SEND: u32 = socketcall(9);
        /// `SYS_RECV` of `socketcall(2)`.
        pub const RECV: u32 = socketcall(10);
    }

    /// Every system call the kernel half handles.
    pub const TABLE: &[Syscall] = &[
        Syscall {
            name: "open",
            handler: handler::OPEN,
            native: &[OPEN],
            compat: &[compat::OPEN],
        },
        Syscall {
            name: "creat",
            handler: handler::OPEN,
            native: &[CREAT],
            compat: &[compat::CREAT],
        },
        Syscall {
            name: "openat",
            handler: handler::OPEN,
            native: &[OPENAT],
            compat: &[compat::OPENAT],
        },
        Syscall {
            name: "openat2",
            handler: handler::OPEN,
            native: &[OPENAT2],
            compat: &[compat::OPENAT2],
        },
        Syscall {
            name: "open_by_handle_at",
            handler: handler::OPEN_BY_HANDLE,
            native: &[OPEN_BY_HANDLE_AT],
            compat: &[compat::OPEN_BY_HANDLE_AT],
        },
        Syscall {
            name: "connect",
            handler: handler::CONNECT,
            native: &[CONNECT],
            compat: &[compat::CONNECT, compat::socketcall(3)],
        },
        Syscall {
            name: "socket",
            handler: handler::SOCKET,
            native: &[SOCKET],
            compat: &[compat::SOCKET, compat::socketcall(1)],
        },
        Syscall {
            name: "socketpair",
            handler: handler::SOCKET,
            native: &[SOCKETPAIR],
            compat: &[compat::SOCKETPAIR, compat::socketcall(8)],
        },
        Syscall {
            name: "bind",
            handler: handler::LISTEN,
            native: &[BIND],
            compat: &[compat::BIND, compat::socketcall(2)],
        },
        Syscall {
            name: "listen",
            handler: handler::LISTEN,
            native: &[LISTEN],
            compat: &[compat::LISTEN, compat::socketcall(4)],
        },
        Syscall {
            name: "accept",
            handler: handler::ACCEPT,
            native: &[ACCEPT],
            compat: &[compat::socketcall(5)],
        },
        Syscall {
            name: "accept4",
            handler: handler::ACCEPT,
            native: &[ACCEPT4],
            compat: &[compat::ACCEPT4, compat::socketcall(18)],
        },
        // The `send` and `recv` of socketcall are `sendto` and `recvfrom` without an address.
        Syscall {
            name: "sendto",
            handler: handler::SEND,
            native: &[SENDTO],
            compat: &[compat::SENDTO, compat::SEND, compat::socketcall(11)],
        },
        Syscall {
            name: "sendmsg",
            handler: handler::SEND,
            native: &[SENDMSG, X32_SENDMSG],
            compat: &[compat::SENDMSG, compat::socketcall(16)],
        },
        Syscall {
            name: "sendmmsg",
            handler: handler::SEND,
            native: &[SENDMMSG, X32_SENDMMSG],
            compat: &[compat::SENDMMSG, compat::socketcall(20)],
        },
        Syscall {
            name: "recvfrom",
            handler: handler::RECEIVE,
            native: &[RECVFROM, X32_RECVFROM],
            compat: &[compat::RECVFROM, compat::RECV, compat::socketcall(12)],
        },
        Syscall {
            name: "recvmsg",
            handler: handler::RECEIVE,
            native: &[RECVMSG, X32_RECVMSG],
            compat: &[compat::RECVMSG, compat::socketcall(17)],
        },
        Syscall {
            name: "recvmmsg",
            handler: handler::RECEIVE,
            native: &[RECVMMSG, X32_RECVMMSG],
            compat: &[
                compat::RECVMMSG,
                compat::RECVMMSG_TIME64,
                compat::socketcall(19),
            ],
        },
        Syscall {
            name: "execve",
            handler: handler::EXEC_FAILED,
            native: &[EXECVE, X32_EXECVE],
            compat: &[compat::EXECVE],
        },
        Syscall {
            name: "execveat",
            handler: handler::EXEC_FAILED,
            native: &[EXECVEAT, X32_EXECVEAT],
            compat: &[compat::EXECVEAT],
        },
    ];

    /// Index of the call's row.
    ///
    /// # Panics
    /// If there is none; in a constant this is an error of the compiler.
    #[expect(clippy::panic, reason = "the panic of a constant is a compile error")]
    pub const fn row(name: &str) -> u32 {
        let (mut index, mut row) = (0, 0);
        while index < TABLE.len() {
            if is_same(TABLE[index].name.as_bytes(), name.as_bytes()) {
                return row;
            }
            (index, row) = (index + 1, row + 1);
        }
        panic!("no such system call in the table")
    }

    const fn is_same(left: &[u8], right: &[u8]) -> bool {
        let mut index = 0;
        while index < left.len() && index < right.len() && left[index] == right[index] {
            index += 1;
        }
        index == left.len() && index == right.len()
    }

    /// The system call that `number` of the given table stands for.
    pub fn find(number: u32, compat: bool) -> Option<&'static Syscall> {
        let table = |s: &&Syscall| if compat { s.compat } else { s.native }.contains(&number);
        TABLE.iter().find(table)
    }
}
