//! System call numbers and the interest table.
//!
//! The dispatcher on `sys_exit` looks a number up in the interest table, an array with one word
//! per number: the low half is the handler for a native call, the high half the one for a 32-bit
//! compat call of the same number. Most words are 0 and end the program there.

use crate::Class;

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
    /// `connect` (and `socketcall` 3).
    pub const CONNECT: u16 = 3;
    /// Slots of the program array.
    pub const SLOTS: u32 = 64;
}

/// The event class a handler's records are of.
pub const fn class_of(handler: u16) -> Option<Class> {
    match handler {
        handler::EXEC_FAILED => Some(Class::EXEC),
        handler::OPEN => Some(Class::OPEN),
        handler::CONNECT => Some(Class::CONNECT),
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
    /// `execve(2)`.
    pub const EXECVE: u32 = 59;
    /// `creat(2)`.
    pub const CREAT: u32 = 85;
    /// `openat(2)`.
    pub const OPENAT: u32 = 257;
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
        /// `openat(2)`.
        pub const OPENAT: u32 = 295;
        /// `execveat(2)`.
        pub const EXECVEAT: u32 = 358;
        /// `connect(2)`.
        pub const CONNECT: u32 = 362;
        /// `openat2(2)`.
        pub const OPENAT2: u32 = 437;
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
            name: "connect",
            handler: handler::CONNECT,
            native: &[CONNECT],
            compat: &[compat::CONNECT, compat::SOCKETCALL],
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
    pub const fn row(name: &str) -> u32 {
        let mut index = 0;
        while index < TABLE.len() {
            if is_same(TABLE[index].name.as_bytes(), name.as_bytes()) {
                return index as u32;
            }
            index += 1;
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
