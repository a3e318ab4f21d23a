//! What a process uses of memory and descriptors, part of exec and fork records.

wire! {
    /// Taken when the record is made. All zero where the process has no memory of its own.
    #[derive(Default)]
    pub struct Usage {
        /// Soft limit of open descriptors, `signal->rlim[RLIMIT_NOFILE].rlim_cur` (`getrlimit(2)`);
        /// all bits set for no limit.
        pub fd_limit: u64,
        /// Major page faults of the thread, `task->maj_flt`.
        pub major_faults: u64,
        /// Minor page faults of the thread, `task->min_flt`.
        pub minor_faults: u64,
        /// Virtual memory in KiB, `mm->total_vm`: `VmSize` of `proc_pid_status(5)`.
        pub vm_size: u64,
        /// Resident memory in KiB, `mm->rss_stat`. Since Linux 6.2 without what the CPUs have not
        /// added up yet: at most 32 pages or two per CPU, whichever is more, for each CPU and each of
        /// file, anonymous and shared memory.
        pub vm_rss: u64,
        /// Swapped memory in KiB, with the same reservation.
        pub vm_swap: u64,
    }
}
