//! Facts about a task: ids, credentials, terminal, session, namespaces, ancestors.

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf};
use komainu_common::{Task, exec::Ancestor, offsets::ABSENT};

use crate::{
    cgroup,
    maps::{self, Scratch, offset, setting},
    read::{self, Address, Typed},
    record,
};

/// `PIDTYPE_PGID` and `PIDTYPE_SID` (`include/linux/pid_types.h`).
const PIDTYPE_PGID: u32 = 2;
const PIDTYPE_SID: u32 = 3;

/// The current `task_struct`.
#[inline(always)]
pub(crate) fn current() -> Typed {
    let address = if setting!(typed) == 0 {
        // SAFETY: no preconditions.
        unsafe { bpf_get_current_task() }
    } else {
        // SAFETY: no preconditions.
        unsafe { bpf_get_current_task_btf() as u64 }
    };
    // SAFETY: typed, or `Settings::typed` is 0.
    unsafe { Typed::new(address) }
}

/// A task that records are about.
pub(crate) trait Subject: Address {
    /// Its cgroup id, see `Header::cgroup`; 0 if unreadable.
    fn cgroup(self) -> u64;
    /// Its real user id in the initial user namespace.
    fn uid(self) -> u32;
    /// Writes cgroup and task into the header of the record in `scratch`.
    fn describe(self, scratch: &mut Scratch);
}

/// The current task: [`current`] is where typed pointers to tasks come from. By functions that the verifier
/// checks once: for every pointer that it sees followed from a typed one it searches the kernel's types by name.
impl Subject for Typed {
    #[inline(always)]
    fn cgroup(self) -> u64 {
        current_cgroup()
    }

    #[inline(always)]
    fn uid(self) -> u32 {
        current_uid()
    }

    #[inline(always)]
    fn describe(self, scratch: &mut Scratch) {
        describe_current(scratch.index);
    }
}

/// Any other task.
impl Subject for u64 {
    #[inline(always)]
    fn cgroup(self) -> u64 {
        cgroup::id(self)
    }

    #[inline(always)]
    fn uid(self) -> u32 {
        uid(self)
    }

    #[inline(always)]
    fn describe(self, scratch: &mut Scratch) {
        let header = record::header(scratch);
        header.cgroup = cgroup::id(self);
        fill(self, &mut header.task);
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn current_cgroup() -> u64 {
    cgroup::id(current())
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn current_uid() -> u32 {
    uid(current())
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn describe_current(index: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let header = record::header(scratch);
    header.cgroup = current_cgroup();
    fill(current(), &mut header.task);
    0
}

/// `group_leader->start_boottime`, nanoseconds; 0 if unreadable.
#[inline(always)]
pub(crate) fn start_time<A: Address>(task: A) -> u64 {
    task.follow(offset!(task_group_leader))
        .and_then(|leader| leader.load(offset!(task_start_boottime)))
        .unwrap_or(0)
}

/// Process id in the initial namespace.
#[inline(always)]
pub(crate) fn tgid<A: Address>(task: A) -> u32 {
    task.load(offset!(task_tgid)).unwrap_or(0)
}

/// Thread id in the initial namespace.
#[inline(always)]
pub(crate) fn tid<A: Address>(task: A) -> u32 {
    task.load(offset!(task_pid)).unwrap_or(0)
}

/// Real user id in the initial user namespace.
#[inline(always)]
fn uid(task: impl Address) -> u32 {
    task.follow(offset!(task_cred))
        .and_then(|cred| cred.load(offset!(cred_uid)))
        .unwrap_or(u32::MAX)
}

/// Address of the `struct path` of the task's current directory.
#[inline(always)]
pub(crate) fn pwd<A: Address>(task: A) -> Option<u64> {
    task.follow(offset!(task_fs))
        .map(|fs| fs.raw() + u64::from(offset!(fs_pwd)))
}

/// Address of the `struct path` of the task's root directory.
#[inline(always)]
pub(crate) fn root<A: Address>(task: A) -> Option<u64> {
    task.follow(offset!(task_fs))
        .map(|fs| fs.raw() + u64::from(offset!(fs_root)))
}

/// Whether every thread of the task's process has ended.
#[inline(always)]
pub(crate) fn is_last_thread<A: Address>(task: A) -> bool {
    task.follow(offset!(task_signal))
        .and_then(|signal| signal.load::<u32>(offset!(signal_live)))
        == Some(0)
}

/// What a task points at.
#[derive(Clone, Copy)]
struct Parts<A> {
    leader: A,
    cred: A,
    signal: A,
    pid: A,
    nsproxy: A,
}

impl<A: Address> Parts<A> {
    /// In one go, before anything branches: the verifier searches the kernel's types by name for each pointer
    /// that it sees followed from a trusted one, on every path, 2 ms each time (`btf_nested_type_is_trusted`).
    /// What is further than one step from the task is read by address for the same reason.
    #[inline(always)]
    fn of(task: A) -> Self {
        Self {
            leader: task.hop(offset!(task_group_leader)),
            cred: task.hop(offset!(task_cred)),
            signal: task.hop(offset!(task_signal)),
            pid: task.hop(offset!(task_thread_pid)),
            // Null for a task that is past exit_task_namespaces().
            nsproxy: task.hop(offset!(task_nsproxy)),
        }
    }
}

/// Fills every field of `out` about `task`.
#[inline(always)]
fn fill<A: Address>(task: A, out: &mut Task) {
    let parts = Parts::of(task);
    out.tgid = tgid(task);
    out.tid = tid(task);
    out.start_time = parts.leader.load(offset!(task_start_boottime)).unwrap_or(0);
    out.comm = read::kernel_16(task.raw(), offset!(task_comm));
    let parent = read::pointer(task.raw(), offset!(task_real_parent)).unwrap_or(0);
    out.ppid = tgid(parent);
    out.parent_start_time = start_time(parent);
    fill_audit(task, out);
    fill_credentials(parts.cred, out);
    fill_session(parts, out);
    fill_namespaces(parts.nsproxy, out);
}

#[inline(always)]
fn fill_audit<A: Address>(task: A, out: &mut Task) {
    out.loginuid = u32::MAX;
    out.sessionid = u32::MAX;
    if offset!(task_loginuid) != ABSENT {
        out.loginuid = task.load(offset!(task_loginuid)).unwrap_or(u32::MAX);
    }
    if offset!(task_sessionid) != ABSENT {
        out.sessionid = task.load(offset!(task_sessionid)).unwrap_or(u32::MAX);
    }
}

#[inline(always)]
fn fill_credentials<A: Address>(cred: A, out: &mut Task) {
    out.uid = cred.load(offset!(cred_uid)).unwrap_or(u32::MAX);
    out.gid = cred.load(offset!(cred_gid)).unwrap_or(u32::MAX);
    out.euid = cred.load(offset!(cred_euid)).unwrap_or(u32::MAX);
    out.egid = cred.load(offset!(cred_egid)).unwrap_or(u32::MAX);
    out.cap_inheritable = cred.load(offset!(cred_cap_inheritable)).unwrap_or(0);
    out.cap_permitted = cred.load(offset!(cred_cap_permitted)).unwrap_or(0);
    out.cap_effective = cred.load(offset!(cred_cap_effective)).unwrap_or(0);
    out.user_ns = cred
        .follow(offset!(cred_user_ns))
        .and_then(|ns| ns.load(offset!(userns_inum)))
        .unwrap_or(0);
}

#[inline(always)]
fn fill_session<A: Address>(parts: Parts<A>, out: &mut Task) {
    let signal = parts.signal;
    let (mut pgrp, mut session) = (A::NULL, A::NULL);
    out.tty = 0;
    out.threads = 0;
    if signal.raw() != 0 {
        pgrp = signal.hop(offset!(signal_pids) + 8 * PIDTYPE_PGID);
        session = signal.hop(offset!(signal_pids) + 8 * PIDTYPE_SID);
        out.tty = tty(signal);
        out.threads = signal.load(offset!(signal_threads)).unwrap_or(0);
    }
    out.sid = pid_number(session, 0);
    out.pgid = pid_number(pgrp, 0);

    let thread_pid = parts.pid;
    let leader_pid = read::pointer(parts.leader.raw(), offset!(task_thread_pid)).unwrap_or(0);
    let level = level(thread_pid);
    out.vtid = pid_number(thread_pid, level);
    out.vpid = pid_number(leader_pid, level);
    out.vpgid = pid_number(pgrp, level);
    out.pid_ns = pid_namespace(thread_pid, level)
        .and_then(|ns| read::kernel(ns, offset!(pidns_inum)))
        .unwrap_or(0);
}

#[inline(always)]
fn fill_namespaces<A: Address>(nsproxy: A, out: &mut Task) {
    out.mnt_ns = nsproxy
        .follow(offset!(nsproxy_mnt))
        .and_then(|ns| ns.load(offset!(mntns_inum)))
        .unwrap_or(0);
    out.net_ns = nsproxy
        .follow(offset!(nsproxy_net))
        .and_then(|ns| ns.load(offset!(net_inum)))
        .unwrap_or(0);
}

/// Nesting level of a `struct pid`'s namespace.
#[inline(always)]
fn level<A: Address>(pid: A) -> u32 {
    // MAX_PID_NS_LEVEL is 32.
    pid.load::<u32>(offset!(pid_level)).unwrap_or(0) & 31
}

/// `pid->numbers[level].nr`; 0 where the pid is of a namespace above that level and has no number
/// there.
#[inline(always)]
fn pid_number<A: Address>(pid: A, wanted: u32) -> u32 {
    if wanted > level(pid) {
        return 0;
    }
    if wanted == 0 {
        return pid
            .load(offset!(pid_numbers) + offset!(upid_nr))
            .unwrap_or(0);
    }
    let entry = offset!(pid_numbers) + wanted * offset!(upid_size);
    // The level is not known before the program runs, which a typed pointer does not allow.
    read::kernel(pid.raw(), entry + offset!(upid_nr)).unwrap_or(0)
}

#[inline(always)]
fn pid_namespace<A: Address>(pid: A, level: u32) -> Option<u64> {
    let entry = offset!(pid_numbers) + level * offset!(upid_size);
    read::pointer(pid.raw(), entry + offset!(upid_ns))
}

/// `start_boottime` of init of the task's pid namespace, nanoseconds; 0 if unreadable.
#[inline(always)]
pub(crate) fn pidns_init_start_time<A: Address>(task: A) -> u64 {
    let thread_pid = task.follow(offset!(task_thread_pid)).unwrap_or(A::NULL);
    pid_namespace(thread_pid, level(thread_pid))
        .and_then(|ns| ns.follow(offset!(pidns_child_reaper)))
        .and_then(|init| init.load(offset!(task_start_boottime)))
        .unwrap_or(0)
}

/// Controlling terminal in user space's `dev_t` encoding (`new_encode_dev`); 0 for none.
#[inline(always)]
fn tty<A: Address>(signal: A) -> u32 {
    let Some(tty) = signal.follow(offset!(signal_tty)) else {
        return 0;
    };
    let Some(driver) = tty.follow(offset!(tty_driver)) else {
        return 0;
    };
    let index = tty.load::<u32>(offset!(tty_index)).unwrap_or(0);
    let major = driver.load::<u32>(offset!(tty_driver_major)).unwrap_or(0);
    let first = driver
        .load::<u32>(offset!(tty_driver_minor_start))
        .unwrap_or(0);
    let minor = first + index;
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// Fills `out` about `task`'s real parent and returns the parent; `None` ends the chain.
#[inline(always)]
pub(crate) fn ancestor<A: Address>(task: A, out: &mut Ancestor) -> Option<A> {
    let parent = task.follow(offset!(task_real_parent))?;
    out.tgid = tgid(parent);
    if parent.raw() == task.raw() || out.tgid == 0 {
        return None;
    }
    out.start_time = start_time(parent);
    out.comm = read::kernel_16(parent.raw(), offset!(task_comm));
    out.sid = parent
        .follow(offset!(task_signal))
        .and_then(|signal| signal.follow(offset!(signal_pids) + 8 * PIDTYPE_SID))
        .map_or(0, |pid| pid_number(pid, 0));
    Some(parent)
}

/// Generations that are searched for a reaper.
const MAX_REAPER_DEPTH: u32 = 16;
/// `is_child_subreaper` and `has_child_subreaper` of `signal_struct`.
const IS_SUBREAPER: u8 = 1;
const HAS_SUBREAPER: u8 = 2;

/// Thread id of the process that gets the children of `task`, the last thread of its process, when it ends;
/// 0 if it has none, or if that cannot be told (`find_new_reaper`, `kernel/exit.c`).
#[inline(always)]
pub(crate) fn reaper(task: Typed) -> u32 {
    let children = task.raw() + u64::from(offset!(task_children));
    // An empty list points to itself.
    let first = task.load::<u64>(offset!(task_children)).unwrap_or(children);
    if first == children || offset!(signal_subreaper) == ABSENT {
        return 0;
    }
    let thread_pid = task.follow(offset!(task_thread_pid)).unwrap_or(Typed::NULL);
    let own_level = level(thread_pid);
    if subreaper(task) & HAS_SUBREAPER != 0 {
        let mut at = task.raw();
        for _ in 0..MAX_REAPER_DEPTH {
            let Some(parent) = read::pointer(at, offset!(task_real_parent)) else {
                return 0;
            };
            let its_pid = read::pointer(parent, offset!(task_thread_pid)).unwrap_or(0);
            if tgid(parent) == 0 || level(its_pid) != own_level {
                break;
            }
            if subreaper(parent) & IS_SUBREAPER != 0 {
                return tid(parent);
            }
            at = parent;
        }
    }
    pid_namespace(thread_pid, own_level)
        .and_then(|ns| ns.follow(offset!(pidns_child_reaper)))
        .map_or(0, tid)
}

#[inline(always)]
fn subreaper<A: Address>(task: A) -> u8 {
    task.follow(offset!(task_signal))
        .and_then(|signal| read::kernel(signal.raw(), offset!(signal_subreaper)))
        .unwrap_or(0)
}
