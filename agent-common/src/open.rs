//! [`Class::OPEN`](crate::Class::OPEN): a file was opened, or could not be.
//!
//! `Header::ret` is the new descriptor or `-errno`. Inode facts and `KERNEL_PATH` exist on success
//! only: a failed open leaves no kernel object behind.
//!
//! Items: `USER_PATH` (not of `open_by_handle_at`), `KERNEL_PATH`, `BASE_PATH` (only where `USER_PATH` is
//! relative).

wire! {
    /// Fixed part.
    pub struct Open {
        /// Inode number.
        pub inode: u64,
        /// `open_how.resolve` of `openat2`.
        pub resolve: u64,
        /// `O_*` as passed (creat: `O_CREAT | O_WRONLY | O_TRUNC`).
        pub flags: u32,
        /// Mode as passed.
        pub mode: u32,
            /// Directory descriptor as passed (`open_by_handle_at`: of the mount); `AT_FDCWD` for `open` and
        /// `creat`.
        pub dirfd: i32,
        /// Device of the filesystem, in the kernel's encoding (`s_dev`).
        pub dev: u32,
        /// `i_mode` of the opened inode.
        pub inode_mode: u32,
        /// `OPEN_*` bits.
        pub facts: u32,
    }
}

/// This call created the file (`FMODE_CREATED`).
pub const OPEN_CREATED: u32 = 1;
/// The file lives in an overlayfs and has an upper-layer inode.
pub const OPEN_UPPER_LAYER: u32 = 1 << 1;
/// The file lives in an overlayfs and has no upper-layer inode.
pub const OPEN_LOWER_LAYER: u32 = 1 << 2;
/// Inode facts are filled.
pub const OPEN_RESOLVED: u32 = 1 << 3;
