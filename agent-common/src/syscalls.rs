//! System call numbers and the interest table.
//!
//! The dispatcher on `sys_exit` looks a number up in the interest table, an array with one word
//! per number: the low half is for a native call, the high half for a 32-bit compat call of the same
//! number. Most words are 0 and end the program there. A half is a handler in its low byte and, where
//! the handler is that of a [`shape`](crate::call::shape), the row of [`call::TABLE`](crate::call::TABLE)
//! in its high byte.

use crate::{
    Class,
    arch::{Numbers, THIS, is_same},
    call,
};

/// Slots of the interest table. Numbers of calls end below 512; x32 calls use 512..548 of the native table, and the
/// sub-calls of `socketcall(2)` 1000..1021 of the other.
pub const INTEREST_SLOTS: u32 = 1024;

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
    /// [`socketcall`](crate::arch::x86_64::socketcall).
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
    /// Names that it has in the kernel's table of 32-bit calls, where these are others.
    pub compat_names: [&'static str; 4],
    /// Numbers of the native table (x32 included where it differs).
    pub native: Numbers,
    /// Numbers of the 32-bit compat table.
    pub compat: Numbers,
}

const fn call(name: &'static str, handler: u16) -> Syscall {
    call_with(name, handler, [name, "", "", ""])
}

const fn call_with(name: &'static str, handler: u16, compat_names: [&'static str; 4]) -> Syscall {
    Syscall {
        name,
        handler,
        compat_names,
        native: Numbers::of(THIS.native, &[name]),
        compat: Numbers::of(THIS.compat, &compat_names),
    }
}

/// Every system call that has a handler of its own. Which of them an architecture has is for its table to say: one
/// without numbers never happens there.
#[rustfmt::skip]
pub const TABLE: &[Syscall] = &[
    call("open", handler::OPEN),
    call("creat", handler::OPEN),
    call("openat", handler::OPEN),
    call("openat2", handler::OPEN),
    call("open_by_handle_at", handler::OPEN_BY_HANDLE),
    call_with("connect", handler::CONNECT, ["connect", "SYS_CONNECT", "", ""]),
    call_with("socket", handler::SOCKET, ["socket", "SYS_SOCKET", "", ""]),
    call_with("socketpair", handler::SOCKET, ["socketpair", "SYS_SOCKETPAIR", "", ""]),
    call_with("bind", handler::LISTEN, ["bind", "SYS_BIND", "", ""]),
    call_with("listen", handler::LISTEN, ["listen", "SYS_LISTEN", "", ""]),
    call_with("accept", handler::ACCEPT, ["accept", "SYS_ACCEPT", "", ""]),
    call_with("accept4", handler::ACCEPT, ["accept4", "SYS_ACCEPT4", "", ""]),
    // `send` and `recv` are `sendto` and `recvfrom` without an address.
    call_with("sendto", handler::SEND, ["sendto", "send", "SYS_SEND", "SYS_SENDTO"]),
    call_with("sendmsg", handler::SEND, ["sendmsg", "SYS_SENDMSG", "", ""]),
    call_with("sendmmsg", handler::SEND, ["sendmmsg", "SYS_SENDMMSG", "", ""]),
    call_with("recvfrom", handler::RECEIVE, ["recvfrom", "recv", "SYS_RECV", "SYS_RECVFROM"]),
    call_with("recvmsg", handler::RECEIVE, ["recvmsg", "SYS_RECVMSG", "", ""]),
    call_with("recvmmsg", handler::RECEIVE, ["recvmmsg", "recvmmsg_time64", "SYS_RECVMMSG", ""]),
    call("execve", handler::EXEC_FAILED),
    call("execveat", handler::EXEC_FAILED),
];

/// Index of the call's row.
///
/// # Panics
/// If there is none; in a constant this is an error of the compiler.
#[expect(clippy::panic, reason = "the panic of a constant is a compile error")]
pub const fn row(name: &str) -> u32 {
    let (mut index, mut row) = (0, 0);
    while index < TABLE.len() {
        if is_same(TABLE[index].name, name) {
            return row;
        }
        (index, row) = (index + 1, row + 1);
    }
    panic!("no such system call in the table")
}

/// The system call that `number` of the given table stands for.
pub fn find(number: u32, compat: bool) -> Option<&'static Syscall> {
    let has = |s: &&Syscall| if compat { s.compat } else { s.native }.has(number);
    TABLE.iter().find(has)
}
