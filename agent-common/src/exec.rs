//! [`Class::EXEC`](crate::Class::EXEC): a program was started, or could not be.
//!
//! `Header::ret` is 0 for success. On success the facts are those of the new image and come from
//! kernel objects; on failure they are the caller's, and only `USER_PATH` and `ARGV` (from user
//! memory) tell what was attempted.
//!
//! Items: `USER_PATH`, `KERNEL_PATH` (the executable), `INTERP`, `ARGV`, `ENV`, `CWD`,
//! `ANCESTORS`, `CGROUP_PATH`.

wire! {
    /// Fixed part.
    pub struct Exec {
        /// Inode number of the executable.
        pub inode: u64,
        /// Inode change time of the executable, nanoseconds since the epoch.
        pub ctime: u64,
        /// Modification time of the executable, nanoseconds since the epoch.
        pub mtime: u64,
        /// `start_boottime` of init of the pid namespace, nanoseconds.
        pub pidns_init_start_time: u64,
        /// Of the new image; of the caller where the call failed.
        pub usage: crate::Usage,
        /// Device of the executable's filesystem, in the kernel's encoding (`s_dev`).
        pub dev: u32,
        /// `EXEC_*` bits.
        pub flags: u32,
        /// `i_mode` of the executable.
        pub mode: u32,
        /// Owner of the executable.
        pub owner: u32,
        /// Group of the executable.
        pub group: u32,
        /// Unused, zero.
        pub reserved: u32,
        /// `dirfd` of a failed `execveat`, as passed.
        pub dirfd: i32,
        /// `flags` of a failed `execveat`, as passed.
        pub at_flags: u32,
    }
}

wire! {
    /// One ancestor process.
    pub struct Ancestor {
        /// `start_boottime`, nanoseconds.
        pub start_time: u64,
        /// Process id.
        pub tgid: u32,
        /// Session id of the ancestor; 0 where unknown.
        pub sid: u32,
        /// `task->comm`, NUL-padded.
        pub comm: [u8; 16],
    }
}

/// The executable lives in an overlayfs and its inode has an upper-layer file.
pub const EXEC_UPPER_LAYER: u32 = 1;
/// The executable lives in an overlayfs and its inode has no upper-layer file.
pub const EXEC_LOWER_LAYER: u32 = 1 << 1;
/// The executable is a memfd.
pub const EXEC_MEMFD: u32 = 1 << 2;
/// The executable has no name any more.
pub const EXEC_DELETED: u32 = 1 << 3;
/// Nobody may write the executable: its filesystem is read-only, or it is immutable.
pub const EXEC_READ_ONLY: u32 = 1 << 5;
/// The record is of a failed call; the executable's facts are the caller's own.
pub const EXEC_FAILED: u32 = 1 << 4;
