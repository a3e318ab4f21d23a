//! Operations of an `io_uring` that do what a system call does, and raise its event.

use crate::arch::native;
use crate::call;
use crate::filter::row_of_call;
use crate::syscalls::{self, handler};

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `IORING_OP_*` (`include/uapi/linux/io_uring.h`).
    pub opcode: u8,
    /// Number of the native system call that does the same.
    pub syscall: u32,
    /// The call's row, as `filter::source::CALL` has it.
    pub row: u32,
    /// Handler of its submission.
    pub begin: u16,
    /// Handler of its end.
    pub end: u16,
}

/// `IORING_OP_*` that a handler tells apart.
pub mod op {
    /// Submits a `struct msghdr`.
    pub const SENDMSG: u8 = 9;
    /// Receives into a `struct msghdr`.
    pub const RECVMSG: u8 = 10;
    /// `accept4(2)`.
    pub const ACCEPT: u8 = 13;
    /// `connect(2)`.
    pub const CONNECT: u8 = 16;
    /// `openat(2)`.
    pub const OPENAT: u8 = 18;
    /// `sendto(2)`.
    pub const SEND: u8 = 26;
    /// `recv(2)`.
    pub const RECV: u8 = 27;
    /// `openat2(2)`.
    pub const OPENAT2: u8 = 28;
    /// `shutdown(2)`.
    pub const SHUTDOWN: u8 = 34;
    /// `renameat2(2)`.
    pub const RENAMEAT: u8 = 35;
    /// `unlinkat(2)`.
    pub const UNLINKAT: u8 = 36;
    /// `mkdirat(2)`.
    pub const MKDIRAT: u8 = 37;
    /// `symlinkat(2)`.
    pub const SYMLINKAT: u8 = 38;
    /// `linkat(2)`.
    pub const LINKAT: u8 = 39;
    /// `socket(2)`.
    pub const SOCKET: u8 = 45;
    /// `sendto(2)` without copying.
    pub const SEND_ZC: u8 = 47;
    /// `sendmsg(2)` without copying.
    pub const SENDMSG_ZC: u8 = 48;
    /// `bind(2)`.
    pub const BIND: u8 = 56;
    /// `listen(2)`.
    pub const LISTEN: u8 = 57;
}

/// Every operation that raises an event.
pub const TABLE: &[Operation] = &[
    row(op::OPENAT, "openat", OPEN),
    row(op::OPENAT2, "openat2", OPEN),
    row(op::CONNECT, "connect", CONNECT),
    row(op::SHUTDOWN, "shutdown", CALL),
    row(op::RENAMEAT, "renameat2", CALL),
    row(op::UNLINKAT, "unlinkat", CALL),
    row(op::MKDIRAT, "mkdirat", CALL),
    row(op::SYMLINKAT, "symlinkat", CALL),
    row(op::LINKAT, "linkat", CALL),
    row(op::ACCEPT, "accept4", SOCKET),
    row(op::SOCKET, "socket", SOCKET),
    row(op::BIND, "bind", SOCKET),
    row(op::LISTEN, "listen", SOCKET),
    row(op::SEND, "sendto", MESSAGE),
    row(op::SEND_ZC, "sendto", MESSAGE),
    row(op::SENDMSG, "sendmsg", MESSAGE),
    row(op::SENDMSG_ZC, "sendmsg", MESSAGE),
    row(op::RECV, "recvfrom", MESSAGE),
    row(op::RECVMSG, "recvmsg", MESSAGE),
];

const OPEN: [u16; 2] = [handler::RING_OPEN, handler::RING_OPEN_END];
const CONNECT: [u16; 2] = [handler::RING_CONNECT, handler::RING_CONNECT_END];
const CALL: [u16; 2] = [handler::RING_CALL, handler::RING_CALL_END];
const SOCKET: [u16; 2] = [handler::RING_SOCKET, handler::RING_SOCKET_END];
const MESSAGE: [u16; 2] = [handler::RING_MESSAGE, handler::RING_MESSAGE_END];

const fn row(opcode: u8, name: &str, [begin, end]: [u16; 2]) -> Operation {
    let syscall = native(name);
    Operation {
        opcode,
        syscall,
        row: row_of_number(syscall),
        begin,
        end,
    }
}

/// Row of the native call with this number, in either table; past their ends for none.
const fn row_of_number(number: u32) -> u32 {
    let mut row: u32 = 0;
    while (row as usize) < syscalls::TABLE.len() {
        if syscalls::TABLE[row as usize].native.has(number) {
            return row;
        }
        row += 1;
    }
    row = 0;
    while (row as usize) < call::TABLE.len() && !call::TABLE[row as usize].native.has(number) {
        row += 1;
    }
    row_of_call(row)
}

/// Operations that the kernel half looks at; a power of two.
pub const OPCODES: usize = 64;

/// [`TABLE`] by opcode; `begin` is 0 where there is none.
pub const BY_OPCODE: [Operation; OPCODES] = {
    let mut all = [row(0, "", [handler::NONE; 2]); OPCODES];
    let mut at = 0;
    while at < TABLE.len() {
        all[TABLE[at].opcode as usize] = TABLE[at];
        at += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    /// An operation stands for a call that has an event, of the kind that its handler records.
    #[test]
    fn operations_stand_for_calls() {
        for operation in TABLE {
            let own = syscalls::find(operation.syscall, false);
            let row = call::TABLE
                .iter()
                .find(|row| row.native.has(operation.syscall));
            assert!(own.is_some() != row.is_some(), "{operation:?}");
            let at = operation.row as usize;
            let name = syscalls::TABLE.get(at).map(|row| row.name);
            let of_call = || {
                call::TABLE
                    .get(at - syscalls::TABLE.len())
                    .map(|row| row.name)
            };
            let expected = own.map(|own| own.name).or(row.map(|row| row.name));
            assert_eq!(name.or_else(of_call), expected);
            let is_row = operation.begin == handler::RING_CALL;
            assert_eq!(row.is_some(), is_row, "{operation:?}");
            if let Some(own) = own {
                assert!(syscalls::class_of(own.handler).is_some());
            }
            assert_eq!(BY_OPCODE[usize::from(operation.opcode)], *operation);
        }
    }
}
