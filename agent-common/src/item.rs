//! Variable-length parts of a record.
//!
//! An item is an [`ItemHeader`] followed by its bytes, unaligned. Strings carry no NUL; whether
//! one was cut is a flag, never guessed from its length.

wire! {
    /// Head of an item.
    pub struct ItemHeader {
        /// One of [`tag`].
        pub tag: u8,
        /// `ITEM_*` bits.
        pub flags: u8,
        /// Bytes that follow.
        pub len: u16,
    }
}

/// The value was longer than the buffer; what is here is its beginning (for kernel paths: its end).
pub const ITEM_CUT: u8 = 1;
/// Kernel path of a file without a name any more (unlinked, memfd).
pub const ITEM_DELETED: u8 = 1 << 1;
/// Reading the value failed with a fault before its end.
pub const ITEM_FAULT: u8 = 1 << 2;

/// Kernel path on a mount outside of the task's mount namespace (`open_tree`, `umount -l`, a descriptor
/// from elsewhere): from the root of its filesystem.
pub const ITEM_DETACHED: u8 = 1 << 3;

/// What an item holds.
pub mod tag {
    /// The path string as the program passed it, from user memory (exec: from `bprm->filename`).
    pub const USER_PATH: u8 = 1;
    /// Path of the object by dentry walk, from the root of its mount namespace.
    pub const KERNEL_PATH: u8 = 2;
    /// Directory that `USER_PATH` is relative to (cwd or dirfd), by dentry walk.
    pub const BASE_PATH: u8 = 3;
    /// `argv`, NUL-separated, from `mm->arg_start`.
    pub const ARGV: u8 = 4;
    /// Environment, NUL-separated, from `mm->env_start`.
    pub const ENV: u8 = 5;
    /// Current directory by dentry walk.
    pub const CWD: u8 = 6;
    /// Ancestors, nearest first: an array of [`Ancestor`](crate::exec::Ancestor).
    pub const ANCESTORS: u8 = 7;
    /// Path of the process's cgroup in the hierarchy that `Header::cgroup` is of.
    pub const CGROUP_PATH: u8 = 8;
    /// Interpreter that the kernel runs for a script, from `bprm->interp`.
    pub const INTERP: u8 = 9;
    /// Socket address as the program passed it, raw `struct sockaddr` bytes.
    pub const USER_ADDR: u8 = 10;
    /// Path or abstract name (leading NUL) of a unix socket, from kernel objects: the peer's, or its own
    /// where the peer has none; `accept` and `bind`: its own first.
    pub const UNIX_PATH: u8 = 11;
    /// [`USER_PATH`] of the second path of a call.
    pub const USER_PATH_2: u8 = 16;
    /// [`KERNEL_PATH`] of the second path.
    pub const KERNEL_PATH_2: u8 = 17;
    /// [`BASE_PATH`] of the second path.
    pub const BASE_PATH_2: u8 = 18;
    /// A string argument that is no path, from user memory.
    pub const STRING: u8 = 19;
    /// A second one.
    pub const STRING_2: u8 = 20;
    /// Bytes that an argument points to, from user memory.
    pub const BYTES: u8 = 21;
    /// The socket that a descriptor stands for: a [`Sock`](crate::sock::Sock).
    pub const SOCKET: u8 = 22;
    /// Beginning of the data sent or received, at most [`MAX_DATA`](crate::limits::MAX_DATA) bytes.
    pub const DATA: u8 = 24;
    /// Beginning of the control messages received (`cmsg(3)`).
    pub const CONTROL: u8 = 25;
    /// What the caller of a call that makes a process is and uses: a [`Caller`](crate::call::Caller).
    pub const CALLER: u8 = 26;
    /// What descriptor 0 stands for: a [`Held`](crate::facts::Held) and its name.
    pub const STDIN: u8 = 27;
    /// Descriptor 1.
    pub const STDOUT: u8 = 28;
    /// Descriptor 2.
    pub const STDERR: u8 = 29;
    /// How many descriptors are open: a `u32`.
    pub const DESCRIPTORS: u8 = 30;
}

const _: () = assert!(size_of::<ItemHeader>() == 4);
