//! [`Class::CGROUP`](crate::Class::CGROUP): a cgroup was made or removed. The header's task is who did it, in a cgroup of
//! its own.
//!
//! Items: `CGROUP_PATH`, for one that was made.

wire! {
    /// Fixed part.
    pub struct Cgroup {
        /// Which one, numbered as [`Header::cgroup`](crate::Header::cgroup).
        pub id: u64,
        /// 1 if it was removed, 0 if it was made.
        pub is_removed: u64,
    }
}
