//! Processes, credentials, namespaces, kernel objects.

use super::events;
use crate::event::flags::{
    BPF_COMMANDS, CLONE_FLAGS, EXECVE_FLAGS, FILE_FLAGS, FINIT_MODULE_FLAGS, IO_URING_SETUP_FEATS,
    IO_URING_SETUP_FLAGS, PIDFD_OPEN_FLAGS, PRCTL_OPTIONS, PTRACE_REQUESTS,
};

events! {
    execve (EXEC) => res: Errno, exe: Text, args: Bytes, tid: Pid, pid: Pid, ptid: Pid, cwd: Text,
        fdlimit: Uint, pgft_maj: Uint, pgft_min: Uint, vm_size: Uint, vm_rss: Uint, vm_swap: Uint,
        comm: Text, cgroups: Bytes, env: Bytes, tty: Uint, vpgid: Pid, loginuid: Uid,
        flags: Flags(EXECVE_FLAGS), cap_inheritable: Hex, cap_permitted: Hex, cap_effective: Hex,
        exe_ino: Uint, exe_ino_ctime: Time, exe_ino_mtime: Time, uid: Uid, trusted_exepath: Path,
        pgid: Pid, gid: Gid, filename: Path;
    execveat (EXEC) => res: Errno, exe: Text, args: Bytes, tid: Pid, pid: Pid, ptid: Pid,
        cwd: Text, fdlimit: Uint, pgft_maj: Uint, pgft_min: Uint, vm_size: Uint, vm_rss: Uint,
        vm_swap: Uint, comm: Text, cgroups: Bytes, env: Bytes, tty: Uint, vpgid: Pid,
        loginuid: Uid, flags: Flags(EXECVE_FLAGS), cap_inheritable: Hex, cap_permitted: Hex,
        cap_effective: Hex, exe_ino: Uint, exe_ino_ctime: Time, exe_ino_mtime: Time, uid: Uid,
        trusted_exepath: Path, pgid: Pid, gid: Gid;
    clone => res: Pid, exe: Text, args: Bytes, tid: Pid, pid: Pid, ptid: Pid, cwd: Text,
        fdlimit: Int, pgft_maj: Uint, pgft_min: Uint, vm_size: Uint, vm_rss: Uint, vm_swap: Uint,
        comm: Text, cgroups: Bytes, flags: Flags(CLONE_FLAGS), uid: Uint, gid: Uint, vtid: Pid,
        vpid: Pid, pidns_init_start_ts: Uint;
    clone3 => res: Pid, exe: Text, args: Bytes, tid: Pid, pid: Pid, ptid: Pid, cwd: Text,
        fdlimit: Int, pgft_maj: Uint, pgft_min: Uint, vm_size: Uint, vm_rss: Uint, vm_swap: Uint,
        comm: Text, cgroups: Bytes, flags: Flags(CLONE_FLAGS), uid: Uint, gid: Uint, vtid: Pid,
        vpid: Pid, pidns_init_start_ts: Uint;
    fork => res: Pid, exe: Text, args: Bytes, tid: Pid, pid: Pid, ptid: Pid, cwd: Text,
        fdlimit: Int, pgft_maj: Uint, pgft_min: Uint, vm_size: Uint, vm_rss: Uint, vm_swap: Uint,
        comm: Text, cgroups: Bytes, flags: Flags(CLONE_FLAGS), uid: Uint, gid: Uint, vtid: Pid,
        vpid: Pid, pidns_init_start_ts: Uint;
    vfork => res: Pid, exe: Text, args: Bytes, tid: Pid, pid: Pid, ptid: Pid, cwd: Text,
        fdlimit: Int, pgft_maj: Uint, pgft_min: Uint, vm_size: Uint, vm_rss: Uint, vm_swap: Uint,
        comm: Text, cgroups: Bytes, flags: Flags(CLONE_FLAGS), uid: Uint, gid: Uint, vtid: Pid,
        vpid: Pid, pidns_init_start_ts: Uint;
    procexit => status: Errno, ret: Errno, sig: Signal, core: Uint, reaper_tid: Pid;
    setns => res: Errno, fd: Fd, nstype: Flags(CLONE_FLAGS);
    unshare => res: Errno, flags: Flags(CLONE_FLAGS);
    setsid => res: Pid;
    prctl => res: Errno, option: Enum(PRCTL_OPTIONS), arg2_str: Text, arg2_int: Int;
    ptrace => res: Errno, addr: Dynamic, data: Dynamic, request: Enum(PTRACE_REQUESTS), pid: Pid;
    capset => res: Errno, cap_inheritable: Hex, cap_permitted: Hex, cap_effective: Hex;
    setuid => res: Errno, uid: Uid;
    setgid => res: Errno, gid: Gid;
    setresuid => res: Errno, ruid: Uid, euid: Uid, suid: Uid;
    setresgid => res: Errno, rgid: Gid, egid: Gid, sgid: Gid;
    setreuid => res: Errno, ruid: Uid, euid: Uid;
    setregid => res: Errno, rgid: Uid, egid: Uid;
    pidfd_open => fd: Fd, pid: Pid, flags: Flags(PIDFD_OPEN_FLAGS);
    pidfd_getfd => fd: Fd, pid_fd: Fd, target_fd: Fd, flags: Hex;
    procinfo => cpu_usr: Uint, cpu_sys: Uint;
    brk => res: Hex, vm_size: Uint, vm_rss: Uint, vm_swap: Uint, addr: Hex;
    quotactl => res: Errno, special: Text, quotafilepath: Text, dqb_bhardlimit: Uint,
        dqb_bsoftlimit: Uint, dqb_curspace: Uint, dqb_ihardlimit: Uint, dqb_isoftlimit: Uint,
        dqb_btime: Duration, dqb_itime: Duration, dqi_bgrace: Duration, dqi_igrace: Duration,
        dqi_flags: Flags(&[]), quota_fmt_out: Flags(&[]), cmd: Flags(&[]), type: Flags(&[]),
        id: Uint, quota_fmt: Flags(&[]);
    init_module => res: Errno, img: Bytes, length: Uint, uargs: Text;
    finit_module => res: Errno, fd: Fd, uargs: Text, flags: Flags(FINIT_MODULE_FLAGS);
    bpf => fd: Fd, cmd: Enum(BPF_COMMANDS);
    userfaultfd => res: Errno, flags: Flags(FILE_FLAGS);
    notification => id: Text, desc: Text;
    io_uring_setup => res: Errno, entries: Uint, sq_entries: Uint, cq_entries: Uint,
        flags: Flags(IO_URING_SETUP_FLAGS), sq_thread_cpu: Uint, sq_thread_idle: Uint,
        features: Flags(IO_URING_SETUP_FEATS);
}
