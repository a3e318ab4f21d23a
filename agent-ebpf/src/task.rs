//! Facts about a task: ids, credentials, terminal, session, namespaces, ancestors.

use aya_ebpf::helpers::generated::bpf_get_current_task;
use komainu_common::{Task, exec::Ancestor, offsets::ABSENT};

use crate::{maps::offset, read};

/// `PIDTYPE_PGID` and `PIDTYPE_SID` (`include/linux/pid_types.h`).
const PIDTYPE_PGID: u32 = 2;
const PIDTYPE_SID: u32 = 3;

/// Address of the current `task_struct`.
#[inline(always)]
pub(crate) fn current() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_get_current_task() }
}

/// `group_leader->start_boottime`, nanoseconds; 0 if unreadable.
#[inline(always)]
pub(crate) fn start_time(task: u64) -> u64 {
    read::pointer(task, offset!(task_group_leader))
        .and_then(|leader| read::kernel(leader, offset!(task_start_boottime)))
        .unwrap_or(0)
}

/// Process id in the initial namespace.
#[inline(always)]
pub(crate) fn tgid(task: u64) -> u32 {
    read::kernel(task, offset!(task_tgid)).unwrap_or(0)
}

/// Thread id in the initial namespace.
#[inline(always)]
pub(crate) fn tid(task: u64) -> u32 {
    read::kernel(task, offset!(task_pid)).unwrap_or(0)
}

/// Address of the `struct path` of the task's current directory.
#[inline(always)]
pub(crate) fn pwd(task: u64) -> Option<u64> {
    read::pointer(task, offset!(task_fs)).map(|fs| fs + u64::from(offset!(fs_pwd)))
}

/// Address of the `struct path` of the task's root directory.
#[inline(always)]
pub(crate) fn root(task: u64) -> Option<u64> {
    read::pointer(task, offset!(task_fs)).map(|fs| fs + u64::from(offset!(fs_root)))
}

/// Whether every thread of the task's process has ended.
#[inline(always)]
pub(crate) fn is_last_thread(task: u64) -> bool {
    read::pointer(task, offset!(task_signal))
        .and_then(|signal| read::kernel::<u32>(signal, offset!(signal_live)))
        == Some(0)
}

/// Fills every field of `out` about `task`.
///
/// # Safety
/// `out` must be valid for writes.
#[inline(never)]
pub(crate) unsafe fn fill(task: u64, out: *mut Task) {
    // SAFETY: the caller's guarantee.
    let out = unsafe { &mut *out };
    out.reserved = 0;
    out.tgid = tgid(task);
    out.tid = tid(task);
    out.start_time = start_time(task);
    out.comm = read::kernel(task, offset!(task_comm)).unwrap_or([0; 16]);
    let parent = read::pointer(task, offset!(task_real_parent)).unwrap_or(0);
    out.ppid = tgid(parent);
    out.parent_start_time = start_time(parent);
    fill_audit(task, out);
    fill_credentials(task, out);
    fill_session(task, out);
    fill_namespaces(task, out);
}

#[inline(always)]
fn fill_audit(task: u64, out: &mut Task) {
    out.loginuid = u32::MAX;
    out.sessionid = u32::MAX;
    if offset!(task_loginuid) != ABSENT {
        out.loginuid = read::kernel(task, offset!(task_loginuid)).unwrap_or(u32::MAX);
    }
    if offset!(task_sessionid) != ABSENT {
        out.sessionid = read::kernel(task, offset!(task_sessionid)).unwrap_or(u32::MAX);
    }
}

#[inline(always)]
fn fill_credentials(task: u64, out: &mut Task) {
    let cred = read::pointer(task, offset!(task_cred)).unwrap_or(0);
    out.uid = read::kernel(cred, offset!(cred_uid)).unwrap_or(u32::MAX);
    out.gid = read::kernel(cred, offset!(cred_gid)).unwrap_or(u32::MAX);
    out.euid = read::kernel(cred, offset!(cred_euid)).unwrap_or(u32::MAX);
    out.egid = read::kernel(cred, offset!(cred_egid)).unwrap_or(u32::MAX);
    out.cap_inheritable = read::kernel(cred, offset!(cred_cap_inheritable)).unwrap_or(0);
    out.cap_permitted = read::kernel(cred, offset!(cred_cap_permitted)).unwrap_or(0);
    out.cap_effective = read::kernel(cred, offset!(cred_cap_effective)).unwrap_or(0);
    out.user_ns = read::pointer(cred, offset!(cred_user_ns))
        .and_then(|ns| read::kernel(ns, offset!(userns_inum)))
        .unwrap_or(0);
}

#[inline(always)]
fn fill_session(task: u64, out: &mut Task) {
    let signal = read::pointer(task, offset!(task_signal)).unwrap_or(0);
    let pgrp = read::pointer(signal, offset!(signal_pids) + 8 * PIDTYPE_PGID).unwrap_or(0);
    let session = read::pointer(signal, offset!(signal_pids) + 8 * PIDTYPE_SID).unwrap_or(0);
    out.sid = pid_number(session, 0);
    out.pgid = pid_number(pgrp, 0);
    out.tty = tty(signal);

    let thread_pid = read::pointer(task, offset!(task_thread_pid)).unwrap_or(0);
    let leader_pid = read::pointer(task, offset!(task_group_leader))
        .and_then(|leader| read::pointer(leader, offset!(task_thread_pid)))
        .unwrap_or(0);
    let level = level(thread_pid);
    out.vtid = pid_number(thread_pid, level);
    out.vpid = pid_number(leader_pid, level);
    out.vpgid = pid_number(pgrp, level);
    out.pid_ns = pid_namespace(thread_pid, level)
        .and_then(|ns| read::kernel(ns, offset!(pidns_inum)))
        .unwrap_or(0);
}

#[inline(always)]
fn fill_namespaces(task: u64, out: &mut Task) {
    // Null for a task that is past exit_task_namespaces().
    let nsproxy = read::pointer(task, offset!(task_nsproxy)).unwrap_or(0);
    out.mnt_ns = read::pointer(nsproxy, offset!(nsproxy_mnt))
        .and_then(|ns| read::kernel(ns, offset!(mntns_inum)))
        .unwrap_or(0);
    out.net_ns = read::pointer(nsproxy, offset!(nsproxy_net))
        .and_then(|ns| read::kernel(ns, offset!(net_inum)))
        .unwrap_or(0);
}

/// Nesting level of a `struct pid`'s namespace.
#[inline(always)]
fn level(pid: u64) -> u32 {
    // MAX_PID_NS_LEVEL is 32.
    read::kernel::<u32>(pid, offset!(pid_level)).unwrap_or(0) & 31
}

/// `pid->numbers[level].nr`; 0 where the pid is of a namespace above that level and has no number
/// there.
#[inline(always)]
fn pid_number(pid: u64, wanted: u32) -> u32 {
    if wanted > level(pid) {
        return 0;
    }
    let level = wanted;
    let entry = offset!(pid_numbers) + level * offset!(upid_size);
    read::kernel(pid, entry + offset!(upid_nr)).unwrap_or(0)
}

#[inline(always)]
fn pid_namespace(pid: u64, level: u32) -> Option<u64> {
    let entry = offset!(pid_numbers) + level * offset!(upid_size);
    read::pointer(pid, entry + offset!(upid_ns))
}

/// `start_boottime` of init of the task's pid namespace, nanoseconds; 0 if unreadable.
#[inline(always)]
pub(crate) fn pidns_init_start_time(task: u64) -> u64 {
    let thread_pid = read::pointer(task, offset!(task_thread_pid)).unwrap_or(0);
    pid_namespace(thread_pid, level(thread_pid))
        .and_then(|ns| read::pointer(ns, offset!(pidns_child_reaper)))
        .and_then(|init| read::kernel(init, offset!(task_start_boottime)))
        .unwrap_or(0)
}

/// Controlling terminal in user space's `dev_t` encoding (`new_encode_dev`); 0 for none.
#[inline(always)]
fn tty(signal: u64) -> u32 {
    let Some(tty) = read::pointer(signal, offset!(signal_tty)) else {
        return 0;
    };
    let Some(driver) = read::pointer(tty, offset!(tty_driver)) else {
        return 0;
    };
    let index = read::kernel::<u32>(tty, offset!(tty_index)).unwrap_or(0);
    let major = read::kernel::<u32>(driver, offset!(tty_driver_major)).unwrap_or(0);
    let first = read::kernel::<u32>(driver, offset!(tty_driver_minor_start)).unwrap_or(0);
    let minor = first + index;
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// Fills `out` about `task`'s real parent and returns the parent; 0 ends the chain.
#[inline(always)]
pub(crate) fn ancestor(task: u64, out: &mut Ancestor) -> u64 {
    let Some(parent) = read::pointer(task, offset!(task_real_parent)) else {
        return 0;
    };
    out.tgid = tgid(parent);
    if parent == task || out.tgid == 0 {
        return 0;
    }
    out.start_time = start_time(parent);
    out.comm = read::kernel(parent, offset!(task_comm)).unwrap_or([0; 16]);
    out.sid = read::pointer(parent, offset!(task_signal))
        .and_then(|signal| read::pointer(signal, offset!(signal_pids) + 8 * PIDTYPE_SID))
        .map_or(0, |pid| pid_number(pid, 0));
    parent
}
