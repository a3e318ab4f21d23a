//! [`Class::FORK`](crate::Class::FORK): a new process. The header's task is the child.
//!
//! Items: `CGROUP_PATH`.

wire! {
    /// Fixed part.
    pub struct Fork {
        /// Process that called `fork`, `vfork`, `clone` or `clone3`; with `CLONE_PARENT` not the
        /// child's parent.
        pub creator_tgid: u32,
        /// Its calling thread.
        pub creator_tid: u32,
        /// `group_leader->start_boottime` of the creator, nanoseconds.
        pub creator_start_time: u64,
        /// `start_boottime` of init of the child's pid namespace, nanoseconds.
        pub pidns_init_start_time: u64,
        /// Of the child.
        pub usage: crate::Usage,
    }
}
