//! Processes, credentials, namespaces, kernel objects.

use komainu_common::item::tag::{CGROUP_PATH, CWD};

use super::events;
use crate::event::Source::{
    Arg, Args, Bytes, Caller, Comm, Exe, Id, Item, Long, Of, Result, Task, Text, Words,
};
use crate::event::flags::{
    BPF_COMMANDS, CLONE_FLAGS, DELETE_MODULE_FLAGS, EXECVE_FLAGS, FILE_FLAGS, FINIT_MODULE_FLAGS,
    IO_URING_SETUP_FEATS, IO_URING_SETUP_FLAGS, PIDFD_OPEN_FLAGS, PRCTL_OPTIONS, PROT_FLAGS,
    PTRACE_REQUESTS, VFORK_FLAGS, clone_flags, io_uring_flags, low, namespace_flags, open_flags,
    pidfd_flags, prctl_number, ptrace_request,
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
    clone (CLONE) => res: Pid = Result, exe: Text = Exe, args: Bytes = Args,
        tid: Pid = Task(|t| t.tid.into()), pid: Pid = Task(|t| t.tgid.into()),
        ptid: Pid = Task(|t| t.ppid.into()), cwd: Text = Item(CWD),
        fdlimit: Int = Caller(|c| c.usage.fd_limit), pgft_maj: Uint = Caller(|c| c.usage.major_faults),
        pgft_min: Uint = Caller(|c| c.usage.minor_faults), vm_size: Uint = Caller(|c| c.usage.vm_size),
        vm_rss: Uint = Caller(|c| c.usage.vm_rss), vm_swap: Uint = Caller(|c| c.usage.vm_swap),
        comm: Text = Comm, cgroups: Bytes = Item(CGROUP_PATH),
        flags: Flags(CLONE_FLAGS) = Of(|args| clone_flags(args[0])),
        uid: Uint = Task(|t| t.euid.into()), gid: Uint = Task(|t| t.egid.into()),
        vtid: Pid = Task(|t| t.vtid.into()), vpid: Pid = Task(|t| t.vpid.into()),
        pidns_init_start_ts: Uint = Caller(|c| c.pidns_init_start_time);
    clone3 (CLONE) => res: Pid = Result, exe: Text = Exe, args: Bytes = Args,
        tid: Pid = Task(|t| t.tid.into()), pid: Pid = Task(|t| t.tgid.into()),
        ptid: Pid = Task(|t| t.ppid.into()), cwd: Text = Item(CWD),
        fdlimit: Int = Caller(|c| c.usage.fd_limit), pgft_maj: Uint = Caller(|c| c.usage.major_faults),
        pgft_min: Uint = Caller(|c| c.usage.minor_faults), vm_size: Uint = Caller(|c| c.usage.vm_size),
        vm_rss: Uint = Caller(|c| c.usage.vm_rss), vm_swap: Uint = Caller(|c| c.usage.vm_swap),
        comm: Text = Comm, cgroups: Bytes = Item(CGROUP_PATH),
        flags: Flags(CLONE_FLAGS) = Of(|args| clone_flags(args[0])),
        uid: Uint = Task(|t| t.euid.into()), gid: Uint = Task(|t| t.egid.into()),
        vtid: Pid = Task(|t| t.vtid.into()), vpid: Pid = Task(|t| t.vpid.into()),
        pidns_init_start_ts: Uint = Caller(|c| c.pidns_init_start_time);
    fork (CLONE) => res: Pid = Result, exe: Text = Exe, args: Bytes = Args,
        tid: Pid = Task(|t| t.tid.into()), pid: Pid = Task(|t| t.tgid.into()),
        ptid: Pid = Task(|t| t.ppid.into()), cwd: Text = Item(CWD),
        fdlimit: Int = Caller(|c| c.usage.fd_limit), pgft_maj: Uint = Caller(|c| c.usage.major_faults),
        pgft_min: Uint = Caller(|c| c.usage.minor_faults), vm_size: Uint = Caller(|c| c.usage.vm_size),
        vm_rss: Uint = Caller(|c| c.usage.vm_rss), vm_swap: Uint = Caller(|c| c.usage.vm_swap),
        comm: Text = Comm, cgroups: Bytes = Item(CGROUP_PATH),
        flags: Flags(CLONE_FLAGS) = Of(|_| 0),
        uid: Uint = Task(|t| t.euid.into()), gid: Uint = Task(|t| t.egid.into()),
        vtid: Pid = Task(|t| t.vtid.into()), vpid: Pid = Task(|t| t.vpid.into()),
        pidns_init_start_ts: Uint = Caller(|c| c.pidns_init_start_time);
    vfork (CLONE) => res: Pid = Result, exe: Text = Exe, args: Bytes = Args,
        tid: Pid = Task(|t| t.tid.into()), pid: Pid = Task(|t| t.tgid.into()),
        ptid: Pid = Task(|t| t.ppid.into()), cwd: Text = Item(CWD),
        fdlimit: Int = Caller(|c| c.usage.fd_limit), pgft_maj: Uint = Caller(|c| c.usage.major_faults),
        pgft_min: Uint = Caller(|c| c.usage.minor_faults), vm_size: Uint = Caller(|c| c.usage.vm_size),
        vm_rss: Uint = Caller(|c| c.usage.vm_rss), vm_swap: Uint = Caller(|c| c.usage.vm_swap),
        comm: Text = Comm, cgroups: Bytes = Item(CGROUP_PATH),
        flags: Flags(CLONE_FLAGS) = Of(|_| VFORK_FLAGS),
        uid: Uint = Task(|t| t.euid.into()), gid: Uint = Task(|t| t.egid.into()),
        vtid: Pid = Task(|t| t.vtid.into()), vpid: Pid = Task(|t| t.vpid.into()),
        pidns_init_start_ts: Uint = Caller(|c| c.pidns_init_start_time);
    procexit (EXIT) => status: Errno, ret: Errno, sig: Signal, core: Uint, reaper_tid: Pid;
    setns (NAMESPACE) => res: Errno = Result, fd: Fd = Arg(0),
        nstype: Flags(CLONE_FLAGS) = Of(|args| namespace_flags(args[1]));
    unshare (NAMESPACE) => res: Errno = Result,
        flags: Flags(CLONE_FLAGS) = Of(|args| namespace_flags(args[0]));
    setsid (PROPERTY) => res: Pid = Result;
    prctl (PROPERTY) => res: Errno = Result, option: Enum(PRCTL_OPTIONS) = Arg(0),
        arg2_str: Text = Text, arg2_int: Int = Of(prctl_number);
    ptrace (TRACE) => res: Errno = Result, addr: Dynamic = Long(2), data: Dynamic = Long(3),
        request: Enum(PTRACE_REQUESTS) = Of(|args| ptrace_request(args[0])), pid: Pid = Arg(1);
    process_vm_writev (TRACE) => res: Errno = Result, pid: Pid = Arg(0);
    kill (SIGNAL) => res: Errno = Result, pid: Pid = Arg(0), sig: Signal = Arg(1);
    tkill (SIGNAL) => res: Errno = Result, tid: Pid = Arg(0), sig: Signal = Arg(1);
    tgkill (SIGNAL) => res: Errno = Result, pid: Pid = Arg(0), tid: Pid = Arg(1),
        sig: Signal = Arg(2);
    capset (CREDENTIAL) => res: Errno = Result, cap_inheritable: Hex = Task(|t| t.cap_inheritable),
        cap_permitted: Hex = Task(|t| t.cap_permitted), cap_effective: Hex = Task(|t| t.cap_effective);
    setuid (CREDENTIAL) => res: Errno = Result, uid: Uid = Id(0);
    setgid (CREDENTIAL) => res: Errno = Result, gid: Gid = Id(0);
    setresuid (CREDENTIAL) => res: Errno = Result, ruid: Uid = Id(0), euid: Uid = Id(1),
        suid: Uid = Id(2);
    setresgid (CREDENTIAL) => res: Errno = Result, rgid: Gid = Id(0), egid: Gid = Id(1),
        sgid: Gid = Id(2);
    setreuid (CREDENTIAL) => res: Errno = Result, ruid: Uid = Id(0), euid: Uid = Id(1);
    setregid (CREDENTIAL) => res: Errno = Result, rgid: Uid = Id(0), egid: Uid = Id(1);
    setfsuid (CREDENTIAL) => res: Errno = Result, uid: Uid = Id(0);
    setfsgid (CREDENTIAL) => res: Errno = Result, gid: Gid = Id(0);
    mmap (MEMORY) => res: Errno = Result, addr: Hex = Long(0), length: Uint = Long(1),
        prot: Flags(PROT_FLAGS) = Arg(2), flags: Hex = Arg(3), fd: Fd = Arg(4), offset: Uint = Long(5);
    mprotect (MEMORY) => res: Errno = Result, addr: Hex = Long(0), length: Uint = Long(1),
        prot: Flags(PROT_FLAGS) = Arg(2);
    pkey_mprotect (MEMORY) => res: Errno = Result, addr: Hex = Long(0), length: Uint = Long(1),
        prot: Flags(PROT_FLAGS) = Arg(2), pkey: Int = Arg(3);
    keyctl (OBJECT) => res: Errno = Result, cmd: Int = Arg(0), arg2: Hex = Long(1), arg3: Hex = Long(2),
        arg4: Hex = Long(3), arg5: Hex = Long(4);
    perf_event_open (OBJECT) => fd: Fd = Result, pid: Pid = Arg(1), cpu: Int = Arg(2),
        group_fd: Fd = Arg(3), flags: Hex = Long(4);
    pidfd_open (OBJECT) => fd: Fd = Result, pid: Pid = Arg(0),
        flags: Flags(PIDFD_OPEN_FLAGS) = Of(|args| pidfd_flags(args[1]));
    pidfd_getfd (OBJECT) => fd: Fd = Result, pid_fd: Fd = Arg(0), target_fd: Fd = Arg(1), flags: Hex = Arg(2);
    procinfo => cpu_usr: Uint, cpu_sys: Uint;
    brk => res: Hex, vm_size: Uint, vm_rss: Uint, vm_swap: Uint, addr: Hex;
    quotactl => res: Errno, special: Text, quotafilepath: Text, dqb_bhardlimit: Uint,
        dqb_bsoftlimit: Uint, dqb_curspace: Uint, dqb_ihardlimit: Uint, dqb_isoftlimit: Uint,
        dqb_btime: Duration, dqb_itime: Duration, dqi_bgrace: Duration, dqi_igrace: Duration,
        dqi_flags: Flags(&[]), quota_fmt_out: Flags(&[]), cmd: Flags(&[]), type: Flags(&[]),
        id: Uint, quota_fmt: Flags(&[]);
    init_module (MODULE) => res: Errno = Result, img: Bytes = Bytes, length: Uint = Long(1),
        uargs: Text = Text;
    finit_module (MODULE) => res: Errno = Result, fd: Fd = Arg(0), uargs: Text = Text,
        flags: Flags(FINIT_MODULE_FLAGS) = Arg(2);
    delete_module (MODULE) => res: Errno = Result, name: Text = Text,
        flags: Flags(DELETE_MODULE_FLAGS) = Arg(1);
    bpf (OBJECT) => fd: Fd = Result, cmd: Enum(BPF_COMMANDS) = Arg(0);
    userfaultfd (OBJECT) => res: Errno = Result,
        flags: Flags(FILE_FLAGS) = Of(|args| open_flags(low(args[0])));
    notification => id: Text, desc: Text;
    io_uring_setup (IO_URING) => res: Errno = Result, entries: Uint = Arg(0),
        sq_entries: Uint = Words(|words| words[0].into()),
        cq_entries: Uint = Words(|words| words[1].into()),
        flags: Flags(IO_URING_SETUP_FLAGS) = Words(|words| io_uring_flags(words[2])),
        sq_thread_cpu: Uint = Words(|words| words[3].into()),
        sq_thread_idle: Uint = Words(|words| words[4].into()),
        features: Flags(IO_URING_SETUP_FEATS) = Words(|words| words[5].into());
}
