//! System calls that are rows of a table: one wire struct, one table, a handful of programs.
//!
//! Most calls that rules name differ only in where their arguments stand: which one is the directory
//! descriptor, which the path, which the descriptor. So a call is a [`Row`] of [`TABLE`]: the name of
//! its event, its class, its numbers and a [`Spec`] that says where its arguments stand. Each
//! [`shape`] of arguments has one program, which reads the spec and sends a [`Call`] and items.
//!
//! `Header::ret` is the result. Items: `USER_PATH`, `BASE_PATH` and `KERNEL_PATH` of the first path or of
//! the object; `USER_PATH_2` and so on of the second path; `STRING`, `STRING_2`, `BYTES`; `SOCKET` and
//! `UNIX_PATH` where the object is a socket; `CALLER`, `ARGV`, `CWD` and `CGROUP_PATH` of calls that make a
//! process.

mod spec;
mod table;

pub use spec::{Guard, NO_ARGUMENT, PathSpec, Row, Spec, object, shape};
pub use table::TABLE;

wire! {
    /// Fixed part.
    pub struct Call {
        /// The arguments as passed; of 32-bit calls zero-extended. Of `clone3`, in the place of the pointer, the flags
        /// that it points to.
        pub args: [u64; 6],
        /// Inode number of the object.
        pub inode: u64,
        /// Index into [`TABLE`].
        pub row: u32,
        /// Device of the object's filesystem, in the kernel's encoding (`s_dev`).
        pub dev: u32,
        /// `i_mode` of the object's inode.
        pub inode_mode: u32,
        /// `CALL_*` bits.
        pub facts: u32,
    }
}

wire! {
    /// What the caller is and uses, in the item `CALLER`.
    pub struct Caller {
        /// Memory, faults and limits, after the call.
        pub usage: crate::Usage,
        /// `start_boottime` of init of the pid namespace, nanoseconds.
        pub pidns_init_start_time: u64,
    }
}

/// The object was there and its inode's facts are filled.
pub const CALL_RESOLVED: u32 = 1;
/// The object lives in an overlayfs and has an upper-layer inode.
pub const CALL_UPPER_LAYER: u32 = 1 << 1;
/// The object lives in an overlayfs and has no upper-layer inode.
pub const CALL_LOWER_LAYER: u32 = 1 << 2;

/// The object is a pidfd, which has no path.
pub const CALL_PIDFD: u32 = 1 << 3;

/// Rows that the interest table has room for: eight bits of its entry are the row.
pub const MAX_ROWS: usize = 256;

/// Every [`Spec`] by row, for the kernel half: filled up so that any eight bits are an index.
pub const SPECS: [Spec; MAX_ROWS] = {
    let mut specs = [Spec::NONE; MAX_ROWS];
    let mut row = 0;
    while row < TABLE.len() {
        specs[row] = TABLE[row].spec;
        row += 1;
    }
    specs
};

const _: () = assert!(TABLE.len() <= MAX_ROWS);
