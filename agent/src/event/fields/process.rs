//! Fields of the calling process, its thread and its ancestors: `proc.*`, `thread.*`.

use komainu_common::facts::{DESCRIPTORS, STDIO};
use komainu_common::{Task, Usage};

use super::FieldType::{Bool, Double, Duration, Int64, Text, Time, Uint32, Uint64};
use super::{ArgKind, Availability, Field, FieldArg, FieldValue, Getter, Many, Scope};
use crate::event::{ExeFacts, Process, Stream};

const CPU_TIME: Availability = Availability::Never("CPU time is not recorded with events");
const CGROUPS: Availability = Availability::Never(
    "the one cgroup that names the process is recorded, not one of each subsystem",
);
const PROBES: Availability = Availability::Never(
    "CRI knows no health checks, and the command of a probe may be anybody's: see docs/exec-sessions.md",
);

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("proc.pid", Int64, |s, _| int(s.event.task.tgid), "Process id in the initial pid namespace."),
    Field::one("proc.ppid", Int64, |s, _| parent_id(s), "Process id of the parent; absent without one."),
    Field::one("proc.vpid", Int64, |s, _| int(s.event.task.vpid), "Process id in the process's own pid namespace."),
    Field::one("proc.pvpid", Int64, |s, _| int(s.lineage(1)?.task.as_ref()?.vpid), "`proc.vpid` of the parent."),
    Field::one("proc.name", Text, |s, _| Some(FieldValue::Bytes(comm(s))),
        "Name of the process as of its last exec or clone (`comm`, at most 15 bytes)."),
    Field::one("proc.exe", Text, |s, _| bytes(&s.process()?.exe), "`argv[0]`, which the caller chose freely."),
    Field::one("proc.exepath", Text, |s, _| bytes(&s.process()?.exe_path),
        "Kernel path of the executable; `memfd:NAME` for a memfd."),
    Field::one("proc.args", Text, args, "Arguments without the first, joined with spaces; `[n]`: one of them.")
        .arg(ArgKind::OptionalIndex),
    Field::one("proc.cmdline", Text, |s, _| bytes(&s.process()?.cmdline), "`proc.name`, a space, `proc.args`."),
    Field::one("proc.exeline", Text, |s, _| s.process().map(|p| FieldValue::Bytes(exe_line(s, p))),
        "`proc.exe`, a space, `proc.args`."),
    Field::one("proc.cmdnargs", Uint64, |s, _| count(list(&s.process()?.args).count()), "Number of arguments."),
    Field::one("proc.cmdlenargs", Uint64, |s, _| count(list(&s.process()?.args).map(<[u8]>::len).sum()),
        "Bytes of all arguments."),
    Field::one("proc.env", Text, environment,
        "Environment joined with spaces; `[NAME]`: one variable's value, empty without it.").arg(ArgKind::Optional),
    Field::one("proc.cwd", Text, |s, _| bytes(&s.process()?.cwd), "Current directory, with a trailing slash."),
    Field::one("proc.tty", Uint32, |s, _| uint(s.event.task.tty), "Device number of the controlling terminal; 0 for none."),
    Field::one("proc.sid", Int64, |s, _| int(s.event.task.sid), "Session id."),
    Field::one("proc.sname", Text, |s, _| Some(FieldValue::Bytes(session_name(s))),
        "Name of the oldest ancestor in the same session; empty if there is none."),
    Field::one("proc.sid.exe", Text, |s, _| bytes(&leader(s, s.event.task.sid)?.exe), "`proc.exe` of the session leader."),
    Field::one("proc.sid.exepath", Text, |s, _| bytes(&leader(s, s.event.task.sid)?.exe_path), "`proc.exepath` of the session leader."),
    Field::one("proc.pgid", Int64, |s, _| int(s.event.task.pgid), "Process group id."),
    Field::one("proc.pgid.name", Text, |s, _| bytes(&leader(s, s.event.task.pgid)?.comm), "`proc.name` of the group leader."),
    Field::one("proc.pgid.exe", Text, |s, _| bytes(&leader(s, s.event.task.pgid)?.exe), "`proc.exe` of the group leader."),
    Field::one("proc.pgid.exepath", Text, |s, _| bytes(&leader(s, s.event.task.pgid)?.exe_path), "`proc.exepath` of the group leader."),
    Field::one("proc.vpgid", Int64, |s, _| int(s.event.task.vpgid), "Process group id in the own pid namespace."),
    Field::one("proc.vpgid.name", Text, |s, _| bytes(&leader(s, s.event.task.pgid)?.comm), "`proc.name` of the group leader."),
    Field::one("proc.vpgid.exe", Text, |s, _| bytes(&leader(s, s.event.task.pgid)?.exe), "`proc.exe` of the group leader."),
    Field::one("proc.vpgid.exepath", Text, |s, _| bytes(&leader(s, s.event.task.pgid)?.exe_path), "`proc.exepath` of the group leader."),
    Field::one("proc.is_sid_leader", Bool, |s, _| yes(s.event.task.sid == s.event.task.tgid), "Whether the process leads its session."),
    Field::one("proc.is_pgid_leader", Bool, |s, _| yes(s.event.task.pgid == s.event.task.tgid), "Whether it leads its process group."),
    Field::one("proc.is_vpgid_leader", Bool, |s, _| yes(s.event.task.vpgid == s.event.task.vpid),
        "The same, with the ids of the own pid namespace."),
    Field::one("proc.duration", Duration, |s, _| age(s, s.process()?), "Nanoseconds since the process was cloned."),
    Field::one("proc.ppid.duration", Duration, |s, _| age(s, s.lineage(1)?), "The same for the parent."),
    Field::one("proc.pid.ts", Time, |s, _| nonzero(s.process()?.clone_time), "When the process was cloned."),
    Field::one("proc.ppid.ts", Time, |s, _| nonzero(s.lineage(1)?.clone_time), "When the parent was cloned."),
    Field::one("proc.is_exe_writable", Bool, |s, _| exe(s, |e| e.writable), "Whether the caller could write to its executable."),
    Field::one("proc.is_exe_upper_layer", Bool, |s, _| exe(s, |e| e.upper_layer),
        "Whether the executable is in the upper layer of an overlayfs: not from the image."),
    Field::one("proc.is_exe_lower_layer", Bool, |s, _| exe(s, |e| e.lower_layer), "Whether the executable is in the lower layer."),
    Field::one("proc.is_exe_from_memfd", Bool, |s, _| exe(s, |e| e.memfd), "Whether the executable is a memfd."),
    Field::one("proc.exe_ino", Int64, |s, _| nonzero(s.process()?.exe_file.inode), "Inode number of the executable."),
    Field::one("proc.exe_ino.ctime", Time, |s, _| nonzero(s.process()?.exe_file.ctime), "Inode change time of the executable."),
    Field::one("proc.exe_ino.mtime", Time, |s, _| nonzero(s.process()?.exe_file.mtime), "Modification time of the executable."),
    Field::one("proc.exe_ino.ctime_duration_proc_start", Time, |s, _| since_ctime(s, |p| p.clone_time),
        "Nanoseconds from the executable's change to the clone of the process."),
    Field::one("proc.exe_ino.ctime_duration_pidns_start", Time, |s, _| since_ctime(s, |p| p.pidns_init_time),
        "Nanoseconds from the executable's change to the start of the pid namespace."),
    Field::one("proc.pidns_init_start_ts", Time, |s, _| nonzero(s.process()?.pidns_init_time), "When init of the pid namespace started."),
    Field::one("thread.cap_permitted", Text, |s, _| Some(FieldValue::Bytes(capabilities(s, s.event.task.cap_permitted))),
        "Permitted capabilities as names joined with spaces."),
    Field::one("thread.cap_inheritable", Text, |s, _| Some(FieldValue::Bytes(capabilities(s, s.event.task.cap_inheritable))),
        "Inheritable capabilities."),
    Field::one("thread.cap_effective", Text, |s, _| Some(FieldValue::Bytes(capabilities(s, s.event.task.cap_effective))),
        "Effective capabilities."),
    Field::one("thread.tid", Int64, |s, _| int(s.event.task.tid), "Thread id in the initial pid namespace."),
    Field::one("thread.vtid", Int64, |s, _| int(s.event.task.vtid), "Thread id in the own pid namespace."),
    Field::one("thread.ismain", Bool, |s, _| yes(s.event.task.tid == s.event.task.tgid), "Whether this is the main thread."),
    Field::one("proc.loginshellid", Int64, |s, _| login_shell(s),
        "Process id of the oldest ancestor, or else the process itself, whose name ends in `sh`; absent without one."),
    Field::absent("proc.is_container_healthcheck", Bool, PROBES, "Whether the process is a health check."),
    Field::absent("proc.is_container_liveness_probe", Bool, PROBES, "Whether the process is a liveness probe."),
    Field::absent("proc.is_container_readiness_probe", Bool, PROBES, "Whether the process is a readiness probe."),
    Field::one("proc.fdopencount", Uint64, |s, _| s.event.open_descriptors.map(|n| FieldValue::Uint(n.into())),
        "Number of open descriptors at the event, of the first 4096.").facts(DESCRIPTORS),
    Field::one("proc.fdlimit", Int64, |s, _| fd_limit(s), "Soft limit of open descriptors (`RLIMIT_NOFILE`), as of the last exec or clone."),
    Field::one("proc.fdusage", Double, |s, _| descriptor_usage(s), "Per cent of the limit that is open.").facts(DESCRIPTORS),
    Field::one("proc.vmsize", Uint64, |s, _| used(s, |u| u.vm_size), "Virtual memory in KiB, as of the last exec or clone."),
    Field::one("proc.vmrss", Uint64, |s, _| used(s, |u| u.vm_rss), "Resident memory in KiB, as of the last exec or clone."),
    Field::one("proc.vmswap", Uint64, |s, _| used(s, |u| u.vm_swap), "Swapped memory in KiB, as of the last exec or clone."),
    Field::one("proc.nthreads", Uint64, |s, _| Some(FieldValue::Uint(s.event.task.threads.into())),
        "Number of threads of the process at the event, the main thread included."),
    Field::one("proc.nchilds", Uint64, |s, _| Some(FieldValue::Uint(s.event.task.threads.saturating_sub(1).into())),
        "Number of threads beside the main thread."),
    Field::one("proc.stdin.type", Text, |s, _| stream(s, 0).map(|held| FieldValue::text(held.kind.name())),
        "Kind of descriptor 0 at the event, as in `fd.type`; absent where it is not open.").facts(STDIO),
    Field::one("proc.stdout.type", Text, |s, _| stream(s, 1).map(|held| FieldValue::text(held.kind.name())),
        "Kind of descriptor 1 at the event, as in `fd.type`; absent where it is not open.").facts(STDIO),
    Field::one("proc.stderr.type", Text, |s, _| stream(s, 2).map(|held| FieldValue::text(held.kind.name())),
        "Kind of descriptor 2 at the event, as in `fd.type`; absent where it is not open.").facts(STDIO),
    Field::one("proc.stdin.name", Text, |s, _| stream_name(s, 0),
        "Name of descriptor 0 at the event: the kernel's path, or both ends of a socket.").facts(STDIO),
    Field::one("proc.stdout.name", Text, |s, _| stream_name(s, 1),
        "Name of descriptor 1 at the event: the kernel's path, or both ends of a socket.").facts(STDIO),
    Field::one("proc.stderr.name", Text, |s, _| stream_name(s, 2),
        "Name of descriptor 2 at the event: the kernel's path, or both ends of a socket.").facts(STDIO),
    Field::one("thread.pfmajor", Uint64, |s, _| used(s, |u| u.major_faults), "Major page faults, as of the last exec or clone."),
    Field::one("thread.pfminor", Uint64, |s, _| used(s, |u| u.minor_faults), "Minor page faults, as of the last exec or clone."),
    Field::absent("thread.cpu", Double, CPU_TIME, "CPU use in the last second."),
    Field::absent("thread.cpu.user", Double, CPU_TIME, "User CPU use in the last second."),
    Field::absent("thread.cpu.system", Double, CPU_TIME, "System CPU use in the last second."),
    Field::absent("thread.exectime", Duration, CPU_TIME, "CPU time since scheduled."),
    Field::absent("thread.totexectime", Duration, CPU_TIME, "CPU time since the capture began."),
    Field::absent("thread.cgroups", Text, CGROUPS, "All cgroups."),
    Field::absent("thread.cgroup", Text, CGROUPS, "cgroup of one subsystem.").arg(ArgKind::Suffix),
    Field::one("thread.vmsize", Uint64, |s, _| used(s, |u| u.vm_size), "The same as `proc.vmsize`."),
    Field::one("thread.vmrss", Uint64, |s, _| used(s, |u| u.vm_rss), "The same as `proc.vmrss`."),
];

#[rustfmt::skip]
pub(super) static LINEAGE: &[Field] = &[
    Field::one("proc.pname", Text, |s, _| bytes(&s.lineage(1)?.comm), "`proc.name` of the parent."),
    Field::one("proc.pexe", Text, |s, _| bytes(&s.lineage(1)?.exe), "`proc.exe` of the parent."),
    Field::one("proc.pexepath", Text, |s, _| bytes(&s.lineage(1)?.exe_path), "`proc.exepath` of the parent."),
    Field::one("proc.pcmdline", Text, |s, _| bytes(&s.lineage(1)?.cmdline), "`proc.cmdline` of the parent."),
    above("proc.aname", Text, |s, a, e| each(s, a, e, |_, p| &p.comm),
        "`proc.name` of an ancestor: `[0]` the process itself, `[1]` its parent. Without number, a condition holds \
         for any ancestor, and an output shows all of them."),
    above("proc.aexe", Text, |s, a, e| each(s, a, e, |_, p| &p.exe), "`proc.exe` of an ancestor."),
    above("proc.aexepath", Text, |s, a, e| each(s, a, e, |_, p| &p.exe_path), "`proc.exepath` of an ancestor."),
    above("proc.acmdline", Text, |s, a, e| each(s, a, e, |_, p| &p.cmdline), "`proc.cmdline` of an ancestor."),
    above("proc.aargs", Text, |s, a, e| each(s, a, e, |s, p| s.spaced(&p.args)), "`proc.args` of an ancestor."),
    above("proc.aenv", Text, ancestor_environment,
        "`proc.env` of an ancestor; `[NAME]`: that variable in the nearest ancestor that has it.").arg(ArgKind::Optional),
    above("proc.apid", Int64, |s, a, e| walk(s, a, &mut |p| e(FieldValue::Int(p.tgid.into()))), "`proc.pid` of an ancestor. Without number, an output shows the process's own id, as the reference implementation does.")
        .shown(|s, _| int(s.event.task.tgid)),
];

const fn above(
    name: &'static str,
    ty: super::FieldType,
    get: super::GetMany,
    doc: &'static str,
) -> Field {
    Field::with(name, ty, Getter::Many(Many::Ancestors, get), doc)
        .arg(ArgKind::OptionalIndex)
        .no_transformer()
}

/// What a standard descriptor stands for.
fn stream<'a>(scope: &Scope<'a>, number: usize) -> Option<&'a Stream<'a>> {
    scope.event.stdio.get(number)?.as_ref()
}

fn stream_name<'a>(scope: &Scope<'a>, number: usize) -> Option<FieldValue<'a>> {
    let stream = stream(scope, number)?;
    Some(FieldValue::Bytes(match &stream.socket {
        Some(socket) => super::socket::name(scope, socket),
        None => stream.name,
    }))
}

/// Per cent of the limit of descriptors; absent without a limit.
fn descriptor_usage<'a>(scope: &Scope<'_>) -> Option<FieldValue<'a>> {
    let open = f64::from(scope.event.open_descriptors?);
    let limit = u32::try_from(scope.process()?.usage.fd_limit).ok()?;
    (limit != 0).then(|| FieldValue::Double(open * 100.0 / f64::from(limit)))
}

/// An id; the kernel's "none", all bits set, is -1.
#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn int<'a>(value: u32) -> Option<FieldValue<'a>> {
    let value = if value == u32::MAX { -1 } else { value.into() };
    Some(FieldValue::Int(value))
}

#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn uint<'a>(value: u32) -> Option<FieldValue<'a>> {
    Some(FieldValue::Uint(value.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn yes<'a>(value: bool) -> Option<FieldValue<'a>> {
    Some(FieldValue::Bool(value))
}

fn count<'a>(value: usize) -> Option<FieldValue<'a>> {
    u64::try_from(value).ok().map(FieldValue::Uint)
}

fn nonzero<'a>(value: u64) -> Option<FieldValue<'a>> {
    (value != 0).then_some(FieldValue::Uint(value))
}

#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn bytes(value: &[u8]) -> Option<FieldValue<'_>> {
    Some(FieldValue::Bytes(value))
}

/// Name of the process; the kernel's where the table does not know it.
pub(super) fn comm<'a>(scope: &Scope<'a>) -> &'a [u8] {
    if let Some(process) = scope.process() {
        return &process.comm;
    }
    let task: &'a Task = &scope.event.task;
    task.comm
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
}

fn parent_id<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    match scope.lineage(1) {
        Some(parent) => int(parent.tgid),
        None => Some(scope.event.task.ppid)
            .filter(|id| *id != 0)
            .and_then(int),
    }
}

/// Items of a NUL-separated list.
fn list(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let items = (!list.is_empty()).then(|| list.split(|byte| *byte == 0));
    items.into_iter().flatten()
}

fn args<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    let process = scope.process()?;
    Some(FieldValue::Bytes(match arg.index() {
        Some(index) => list(&process.args)
            .nth(usize::try_from(index).ok()?)
            .unwrap_or_default(),
        None => joined_args(scope, process),
    }))
}

/// Arguments joined with spaces; the command line already holds them that way.
fn joined_args<'a>(scope: &Scope<'a>, process: &'a Process) -> &'a [u8] {
    let after_name = process.cmdline.get(process.comm.len() + 1..);
    match after_name {
        Some(args) if args.len() == process.args.len() => args,
        _ => scope.spaced(&process.args),
    }
}

fn exe_line<'a>(scope: &Scope<'a>, process: &'a Process) -> &'a [u8] {
    scope.concat(&[&process.exe, b" ", scope.spaced(&process.args)])
}

fn environment<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    let env = &scope.process()?.env;
    Some(FieldValue::Bytes(match arg {
        FieldArg::None => scope.spaced(env),
        FieldArg::Index(index) => variable(env, index.to_string().as_bytes()).unwrap_or_default(),
        FieldArg::Key(name) => variable(env, name.as_bytes()).unwrap_or_default(),
    }))
}

/// Value of one variable of an environment.
fn variable<'a>(env: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    list(env).find_map(|entry| entry.strip_prefix(name)?.strip_prefix(b"="))
}

fn ancestor_environment<'a>(
    scope: &Scope<'a>,
    arg: &FieldArg,
    each: &mut dyn FnMut(FieldValue<'a>),
) {
    let FieldArg::Key(name) = arg else {
        walk(scope, arg, &mut |process| {
            each(FieldValue::Bytes(scope.spaced(&process.env)));
        });
        return;
    };
    let mut chain = scope.ancestors().iter();
    let found = chain.find_map(|process| variable(&process.env, name.as_bytes()));
    each(FieldValue::Bytes(found.unwrap_or_default()));
}

/// Hands over the ancestor that the argument names, or all of them.
fn walk<'a>(scope: &Scope<'a>, arg: &FieldArg, each: &mut dyn FnMut(&'a Process)) {
    match arg.index() {
        Some(index) => {
            let process = usize::try_from(index)
                .ok()
                .and_then(|index| scope.lineage(index));
            process.into_iter().for_each(each);
        }
        None => scope.ancestors().iter().copied().for_each(each),
    }
}

fn each<'a>(
    scope: &Scope<'a>,
    arg: &FieldArg,
    each: &mut dyn FnMut(FieldValue<'a>),
    read: for<'b> fn(&Scope<'b>, &'b Process) -> &'b [u8],
) {
    walk(scope, arg, &mut |process| {
        each(FieldValue::Bytes(read(scope, process)));
    });
}

/// The process with this id among the caller and its ancestors.
fn leader<'a>(scope: &Scope<'a>, tgid: u32) -> Option<&'a Process> {
    let own = scope.process().into_iter();
    own.chain(scope.ancestors().iter().copied())
        .find(|process| process.tgid == tgid)
}

/// The oldest process of the lineage that looks like a shell.
fn login_shell<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let own = scope.process().into_iter();
    own.chain(scope.ancestors().iter().copied())
        .rfind(|process| process.comm.ends_with(b"sh"))
        .and_then(|process| int(process.tgid))
}

/// A figure of the process; absent where nothing of it was ever read.
fn used<'a>(scope: &Scope<'_>, read: fn(&Usage) -> u64) -> Option<FieldValue<'a>> {
    let usage = &scope.process()?.usage;
    (*usage != Usage::default()).then(|| FieldValue::Uint(read(usage)))
}

/// The limit of descriptors, signed as in the reference implementation: no limit is -1.
fn fd_limit<'a>(scope: &Scope<'_>) -> Option<FieldValue<'a>> {
    match used(scope, |usage| usage.fd_limit)? {
        FieldValue::Uint(limit) => Some(FieldValue::Int(limit.cast_signed())),
        _ => None,
    }
}

fn session_name<'a>(scope: &Scope<'a>) -> &'a [u8] {
    let sid = scope.event.task.sid;
    let same = |process: &&&Process| process.task.as_ref().is_some_and(|task| task.sid == sid);
    let oldest = scope.ancestors().iter().take_while(same).last();
    match oldest {
        Some(process) => &process.comm,
        None if sid == scope.event.task.tgid => comm(scope),
        None => b"",
    }
}

fn age<'a>(scope: &Scope<'_>, process: &Process) -> Option<FieldValue<'a>> {
    let start = Some(process.clone_time).filter(|time| *time != 0)?;
    Some(FieldValue::Uint(scope.event.time.saturating_sub(start)))
}

fn exe<'a>(scope: &Scope<'_>, read: fn(&ExeFacts) -> bool) -> Option<FieldValue<'a>> {
    scope
        .process()
        .map(|process| FieldValue::Bool(read(&process.exe_file)))
}

/// Time from the executable's change to an instant; wraps where the change came later.
fn since_ctime<'a>(scope: &Scope<'_>, instant: fn(&Process) -> u64) -> Option<FieldValue<'a>> {
    let process = scope.process()?;
    let (ctime, instant) = (process.exe_file.ctime, instant(process));
    if ctime == 0 || instant == 0 {
        return None;
    }
    nonzero(instant.wrapping_sub(ctime))
}

/// Names of capabilities, `capabilities(7)`, from bit 0.
#[rustfmt::skip]
const CAPABILITIES: &[&str] = &[
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
    "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
];

fn capabilities<'a>(scope: &Scope<'a>, set: u64) -> &'a [u8] {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    let held = CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(bit, _)| set >> bit & 1 == 1);
    for (_, name) in held {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
    out.into_bump_slice()
}
