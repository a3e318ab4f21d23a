//! The frozen settings of the kernel half.

wire! {
    /// Read-only for the life of a loaded object; the verifier treats it as constants and removes
    /// dead branches.
    pub struct Settings {
        /// 1 to record the environment of a started program, up to
        /// [`MAX_ENV`](crate::limits::MAX_ENV) bytes.
        pub record_env: u32,
        /// Index of the cgroup v1 subsystem in `css_set.subsys` that names processes which are in
        /// the root of the v2 hierarchy; [`ABSENT`](crate::offsets::ABSENT) for none.
        pub cgroup_v1_subsys: u32,
        /// Bytes that wait in a ring before its reader is woken.
        pub wakeup_bytes: u32,
        /// Bytes of the bulk ring, a power of two.
        pub bulk_bytes: u32,
        /// 1 where programs may follow typed kernel pointers with plain loads: the kernel has
        /// `bpf_get_current_task_btf` and `bpf_task_pt_regs` (5.15).
        pub typed: u32,
        /// Number of the kernel's struct, in its BTF, as which any of its memory is read word by word with plain
        /// loads; 0 where the kernel has no [`CAST`] (before 6.2).
        pub words: u32,
        /// KiB of a page of memory.
        pub page_kib: u32,
    }
}

impl Settings {
    /// Placeholder in the object file, replaced before load.
    pub const DEFAULT: Self = Self {
        record_env: 0,
        cgroup_v1_subsys: crate::offsets::ABSENT,
        wakeup_bytes: 0,
        bulk_bytes: 4096,
        typed: 0,
        words: 0,
        page_kib: 4,
    };
}

/// What stands in the object for a call of `bpf_rdonly_cast` (`kernel/bpf/helpers.c`): no helper has this number. The
/// loader writes the call of the kernel's function in its place.
pub const CAST: i32 = 0x6b6f_6d61;

/// Words that a struct named by [`Settings::words`] has at least.
pub const CAST_WORDS: usize = 8;
