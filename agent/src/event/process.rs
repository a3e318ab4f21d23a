//! What is known of a process beyond one event.

use std::sync::Arc;

use komainu_common::Task;

/// Identity of a process: its id, and its start time because ids are reused.
///
/// The start time is in clock ticks (`USER_HZ`, 10 ms), the resolution of `/proc/PID/stat`
/// (`proc_pid_stat(5)`), so that entries read from `/proc` and from kernel records agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcKey {
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// Start time since boot, in ticks of 10 ms.
    pub start_ticks: u64,
}

impl ProcKey {
    /// Nanoseconds per tick of `USER_HZ`.
    pub const TICK: u64 = 10_000_000;

    /// From a start time in nanoseconds since boot.
    pub const fn new(tgid: u32, start_ns: u64) -> Self {
        Self {
            tgid,
            start_ticks: start_ns / Self::TICK,
        }
    }

    /// The process that a thread is of.
    pub const fn of(task: &Task) -> Self {
        Self::new(task.tgid, task.start_time)
    }

    /// The parent of that process; `None` where it has none.
    pub fn parent_of(task: &Task) -> Option<Self> {
        (task.ppid != 0).then(|| Self::new(task.ppid, task.parent_start_time))
    }
}

/// A text of a process. A child shares those of its parent until it runs a program of its own, and
/// the same environment after that.
pub type Text = Arc<[u8]>;

/// One process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Start time of the process (its clone), nanoseconds since the Unix epoch; 0 where unknown.
    pub clone_time: u64,
    /// Identity of the parent.
    pub parent: Option<ProcKey>,
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// `comm` as of the last exec or clone.
    pub comm: Text,
    /// `argv[0]`.
    pub exe: Text,
    /// `argv[1..]`, NUL-separated (no trailing NUL).
    pub args: Text,
    /// `comm`, a space, `argv[1..]` joined with spaces; made once, because most rules print it.
    pub cmdline: Text,
    /// Kernel path of the executable, in its mount namespace; `memfd:NAME` for a memfd.
    pub exe_path: Text,
    /// Environment, NUL-separated.
    pub env: Text,
    /// Current directory as of exec, with trailing slash.
    pub cwd: Text,
    /// Facts about the executable file.
    pub exe_file: ExeFacts,
    /// Memory, faults and limits as of its last clone or exec, or when `/proc` was read.
    pub usage: komainu_common::Usage,
    /// Credentials, terminal, session, namespaces as of the last event of the process.
    pub task: Option<Box<Task>>,
    /// cgroup id.
    pub cgroup: u64,
    /// Start time of init of the pid namespace, nanoseconds since the Unix epoch; 0 where unknown.
    pub pidns_init_time: u64,
}

/// Facts about an executable file.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExeFacts {
    /// Inode number.
    pub inode: u64,
    /// Inode change time, nanoseconds since the Unix epoch.
    pub ctime: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub mtime: u64,
    /// In the upper layer of an overlayfs.
    pub upper_layer: bool,
    /// In the lower layer of an overlayfs.
    pub lower_layer: bool,
    /// A memfd.
    pub memfd: bool,
    /// Has no name any more.
    pub deleted: bool,
    /// The caller could write it.
    pub writable: bool,
}
