//! What every record begins with.

use crate::filter::Vector;

wire! {
    /// First part of every record.
    pub struct Header {
        /// Bytes of the whole record, this header included.
        pub size: u32,
        /// [`Class`](crate::Class) number.
        pub class: u16,
        /// `HEADER_*` bits.
        pub flags: u16,
        /// `CLOCK_BOOTTIME` in nanoseconds, when the record was begun.
        pub time: u64,
        /// Return value of the system call; 0 where the hook has none.
        pub ret: i64,
        /// cgroup id of the process, see [`CGROUP_V1`].
        pub cgroup: u64,
        /// System call number as the program used it (see [`HEADER_COMPAT`]), or [`NO_SYSCALL`]. Sub-calls
        /// of `socketcall`: see [`socketcall`](crate::arch::x86_64::socketcall).
        pub syscall: u32,
        /// CPU the event happened on.
        pub cpu: u32,
        /// Conjunctions of the filter plan that this event may satisfy; meaningless where `plan` is 0.
        pub conjunctions: Vector,
        /// Generation of the plan that `conjunctions` is of; 0 where no plan was applied.
        pub plan: u32,
        /// Unused, zero.
        pub reserved: u32,
        /// The process that caused the event.
        pub task: Task,
    }
}

wire! {
    /// Facts about one thread and its process, from `task_struct`, `cred`, `signal_struct` and the
    /// namespaces. Process ids are those of the initial pid namespace unless named `v…`.
    pub struct Task {
        /// `group_leader->start_boottime`, nanoseconds: with `tgid`, the identity of a process.
        pub start_time: u64,
        /// The same for `real_parent`; 0 where there is none.
        pub parent_start_time: u64,
        /// Effective capability set.
        pub cap_effective: u64,
        /// Permitted capability set.
        pub cap_permitted: u64,
        /// Inheritable capability set.
        pub cap_inheritable: u64,
        /// Process id.
        pub tgid: u32,
        /// Thread id.
        pub tid: u32,
        /// Process id of `real_parent`.
        pub ppid: u32,
        /// Process id in the process's own pid namespace.
        pub vpid: u32,
        /// Thread id in the process's own pid namespace.
        pub vtid: u32,
        /// Real user id.
        pub uid: u32,
        /// Real group id.
        pub gid: u32,
        /// Effective user id.
        pub euid: u32,
        /// Effective group id.
        pub egid: u32,
        /// Audit login user id; `u32::MAX` where unset.
        pub loginuid: u32,
        /// Audit session id; `u32::MAX` where unset.
        pub sessionid: u32,
        /// Controlling terminal as a `dev_t` in user space's encoding; 0 where there is none.
        pub tty: u32,
        /// Session id.
        pub sid: u32,
        /// Process group id.
        pub pgid: u32,
        /// Process group id in the process's own pid namespace.
        pub vpgid: u32,
        /// Mount namespace inode.
        pub mnt_ns: u32,
        /// Pid namespace inode.
        pub pid_ns: u32,
        /// Network namespace inode.
        pub net_ns: u32,
        /// User namespace inode.
        pub user_ns: u32,
        /// Threads of the process, `signal->nr_threads`.
        pub threads: u32,
        /// `task->comm`, NUL-padded.
        pub comm: [u8; 16],
    }
}

/// The system call came through the 32-bit compatibility entry; its number is of that table.
pub const HEADER_COMPAT: u16 = 1;
/// A part of the record did not fit into the record buffer and was left out.
pub const HEADER_OVERFLOW: u16 = 1 << 1;

/// The operation came through an `io_uring`; `Header::syscall` is the native call that does the same.
pub const HEADER_IO_URING: u16 = 1 << 8;
/// Recorded when the operation was submitted: `Header::ret` is 0 and stands for success, and no
/// kernel object is known. The kernel half does not see the end of it.
pub const HEADER_UNFINISHED: u16 = 1 << 9;

/// `Header::syscall` of a record that no system call caused.
pub const NO_SYSCALL: u32 = u32::MAX;

/// Set in a cgroup id that comes from a cgroup v1 hierarchy. Ids are unique within a hierarchy
/// only, so the bit keeps v1 and v2 ids of a hybrid host apart.
pub const CGROUP_V1: u64 = 1 << 63;

const _: () = assert!(size_of::<Task>() == 5 * 8 + 20 * 4 + 16);
const _: () = assert!(size_of::<Header>() == 80 + size_of::<Task>());
