//! Started programs, and those that could not be.

use komainu_common::{
    Class, Task, Usage,
    exec::{
        EXEC_DELETED, EXEC_FAILED, EXEC_LOWER_LAYER, EXEC_MEMFD, EXEC_READ_ONLY, EXEC_UPPER_LAYER,
        Exec,
    },
    item::tag,
};

use super::{Ancestors, Body, DecodeError, Items};
use crate::event::{Event, ExeFacts, PathArg, Value, event_type};

const CAP_DAC_OVERRIDE: u64 = 1 << 1;

/// A process runs a new program.
#[derive(Clone, Debug)]
pub struct ExecRecord<'a> {
    /// The process, with the credentials of the new image.
    pub task: Task,
    /// When, nanoseconds since the Unix epoch.
    pub time: u64,
    /// cgroup id.
    pub cgroup: u64,
    /// Start of init of the pid namespace, nanoseconds since the Unix epoch.
    pub pidns_init_time: u64,
    /// Memory and limits of the new image.
    pub usage: Usage,
    /// `argv`, NUL-separated, without a NUL at the end.
    pub argv: &'a [u8],
    /// Environment, likewise.
    pub env: &'a [u8],
    /// Current directory.
    pub cwd: &'a [u8],
    /// Kernel path of the executable.
    pub exe_path: &'a [u8],
    /// Facts about the executable.
    pub exe_file: ExeFacts,
    /// Ancestors, nearest first.
    pub ancestors: Ancestors<'a>,
    /// Path of the cgroup; `None` where it could not be read whole.
    pub cgroup_path: Option<&'a [u8]>,
}

pub(super) fn decode<'a>(
    body: &Body<'a>,
) -> Result<(Option<ExecRecord<'a>>, Event<'a>), DecodeError> {
    let (exec, items) = body.parts::<Exec>()?;
    let failed = exec.flags & EXEC_FAILED != 0;
    // A started program is an `execve` to rules, whichever call started it.
    let name = if failed {
        body.syscall(Class::EXEC)?
    } else {
        "execve"
    };
    let unknown = DecodeError::Syscall {
        class: Class::EXEC,
        number: body.header.syscall,
    };
    let ty = event_type(name).ok_or(unknown)?;
    let facts = exe_facts(&exec, &body.header.task);
    let mut event = body.event(ty, Some(body.header.ret), &items);
    push_params(&mut event, body, &items, &exec, &facts);
    let lifecycle = (!failed).then(|| ExecRecord {
        task: body.header.task,
        time: body.clock.unix(body.header.time),
        cgroup: body.header.cgroup,
        pidns_init_time: body.clock.unix(exec.pidns_init_start_time),
        usage: exec.usage,
        argv: strings(&items, tag::ARGV),
        env: strings(&items, tag::ENV),
        cwd: items.bytes(tag::CWD).unwrap_or_default(),
        exe_path: items.bytes(tag::KERNEL_PATH).unwrap_or_default(),
        exe_file: facts,
        ancestors: items.ancestors(),
        cgroup_path: items.whole(tag::CGROUP_PATH),
    });
    Ok((lifecycle, event))
}

/// A NUL-separated list without the NUL at its end.
pub(super) fn strings<'a>(items: &Items<'a>, tag: u8) -> &'a [u8] {
    let bytes = items.bytes(tag).unwrap_or_default();
    bytes.strip_suffix(b"\0").unwrap_or(bytes)
}

fn exe_facts(exec: &Exec, task: &Task) -> ExeFacts {
    let has = |bit: u32| exec.flags & bit != 0;
    ExeFacts {
        inode: exec.inode,
        ctime: exec.ctime,
        mtime: exec.mtime,
        upper_layer: has(EXEC_UPPER_LAYER),
        lower_layer: has(EXEC_LOWER_LAYER),
        memfd: has(EXEC_MEMFD),
        deleted: has(EXEC_DELETED),
        writable: exec.inode != 0 && !has(EXEC_READ_ONLY) && writable(exec, task),
    }
}

/// Whether mode, owner and capabilities let the process write its executable. ACLs, supplementary groups and
/// mounts that are read-only while their filesystem is not are not looked at.
fn writable(exec: &Exec, task: &Task) -> bool {
    let bit = if exec.owner == task.euid {
        0o200
    } else if exec.group == task.egid {
        0o020
    } else {
        0o002
    };
    exec.mode & bit != 0 || task.cap_effective & CAP_DAC_OVERRIDE != 0
}

/// `argv[0]` and the rest of a NUL-separated list without a NUL at its end.
///
/// Both empty where the program was started without arguments at all.
pub fn split_argv(argv: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(0, argv).unwrap_or(argv.len());
    let (exe, rest) = argv.split_at(end);
    (exe, rest.get(1..).unwrap_or_default())
}

/// In the order of the event table, which a test compares.
fn push_params<'a>(
    event: &mut Event<'a>,
    body: &Body<'a>,
    items: &Items<'a>,
    exec: &Exec,
    facts: &ExeFacts,
) {
    let task = &body.header.task;
    let failed = exec.flags & EXEC_FAILED != 0;
    let usage = &exec.usage;
    let (exe, args) = split_argv(strings(items, tag::ARGV));
    let number = |value: u32| Value::Uint(u64::from(value));
    let pid = |value: u32| Value::Int(i64::from(value));
    let text = |tag: u8| items.bytes(tag).map_or(Value::Absent, Value::Bytes);
    let filename = PathArg {
        raw: items.bytes(tag::USER_PATH).unwrap_or_default(),
        base: items.bytes(tag::CWD),
        resolved: items.bytes(tag::KERNEL_PATH),
    };
    event.params.extend([
        Value::Int(body.header.ret),
        Value::Bytes(exe),
        Value::Bytes(args),
        pid(task.tid),
        pid(task.tgid),
        pid(task.ppid),
        text(tag::CWD),
        Value::Uint(usage.fd_limit),
        Value::Uint(usage.major_faults),
        Value::Uint(usage.minor_faults),
        Value::Uint(usage.vm_size),
        Value::Uint(usage.vm_rss),
        Value::Uint(usage.vm_swap),
        Value::Bytes(body.comm()),
        text(tag::CGROUP_PATH),
        Value::Bytes(strings(items, tag::ENV)),
        number(task.tty),
        pid(task.vpgid),
        number(task.loginuid),
        Value::Uint(if failed { 0 } else { exe_flags(facts) }),
        Value::Uint(task.cap_inheritable),
        Value::Uint(task.cap_permitted),
        Value::Uint(task.cap_effective),
        Value::Uint(facts.inode),
        Value::Uint(facts.ctime),
        Value::Uint(facts.mtime),
        number(task.euid),
        text(tag::KERNEL_PATH),
        pid(task.pgid),
        number(task.egid),
    ]);
    // The table gives `filename` to execve alone.
    if event.params.len() < event.ty.params.len() {
        event.params.push(Value::Path(filename));
    }
}

/// `evt.arg.flags` of an exec.
fn exe_flags(facts: &ExeFacts) -> u64 {
    u64::from(facts.writable)
        | u64::from(facts.upper_layer) << 1
        | u64::from(facts.memfd) << 2
        | u64::from(facts.lower_layer) << 3
}
