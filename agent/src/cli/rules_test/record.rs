//! The record that the kernel half would send for the facts of a test.
//!
//! Rule tests go through decode like real events, so that a test sees exactly what a rule will see.

use komainu_common::{
    Class, Header, Task, Usage,
    arch::{Numbers, THIS},
    call,
    exec::{EXEC_FAILED, EXEC_LOWER_LAYER, EXEC_MEMFD, EXEC_UPPER_LAYER, Exec},
    exit::Exit,
    header::{HEADER_COMPAT, NO_SYSCALL},
    item::{ItemHeader, tag},
    open::{OPEN_CREATED, OPEN_LOWER_LAYER, OPEN_RESOLVED, OPEN_UPPER_LAYER, Open},
    syscalls::{TABLE, class_of},
};
use zerocopy::IntoBytes;

use super::case::{Argument, Case, FileFacts, LayerName, Outcome, ProcessFacts};
use super::network;
use crate::event::errno_name;
use crate::event::flags::{O_DIRECTORY, O_TMPFILE};

/// cgroup ids of the fixture: on the host, and in the container.
pub(super) const HOST_CGROUP: u64 = 1;
pub(super) const CONTAINER_CGROUP: u64 = 2;

const PID: u32 = 1000;
/// Descriptor of the event where the test does not say.
pub(super) const DESCRIPTOR: i64 = 3;
pub(super) const AT_FDCWD: i32 = -100;
const SECOND: u64 = 1_000_000_000;
/// Time of the event since boot; processes started earlier, ancestors before their children.
pub(super) const NOW: u64 = 10_000 * SECOND;
const NO_LOGIN: u32 = u32::MAX;

/// Names of open flags and their values (`asm-generic/fcntl.h`), beside those that are facts.
pub(super) const OPEN_FLAGS: &[(&str, u32)] = &[
    ("O_RDONLY", 0),
    ("O_WRONLY", 0o1),
    ("O_RDWR", 0o2),
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_TRUNC", 0o1000),
    ("O_APPEND", 0o2000),
    ("O_NONBLOCK", 0o4000),
    ("O_DSYNC", 0o10_000),
    ("O_DIRECT", THIS.o_direct),
    ("O_LARGEFILE", THIS.o_largefile),
    ("O_DIRECTORY", O_DIRECTORY),
    ("O_CLOEXEC", 0o2_000_000),
    ("O_SYNC", 0o4_010_000),
    ("O_TMPFILE", O_TMPFILE),
];

/// What the kernel found out about an open.
pub(super) const OPEN_FACTS: &[(&str, u32)] = &[
    ("O_F_CREATED", OPEN_CREATED),
    ("FD_UPPER_LAYER", OPEN_UPPER_LAYER),
    ("FD_LOWER_LAYER", OPEN_LOWER_LAYER),
];

/// Bytes of the record; the error says what the test lacks.
pub(super) fn encode(case: &Case) -> Result<Vec<u8>, String> {
    let ty = case.event.ty.as_str();
    if let Some((index, row)) = (0..).zip(call::TABLE).find(|(_, row)| row.name == ty) {
        return super::call::encode(case, index, row);
    }
    if ty == "procexit" {
        return exit(case);
    }
    if !case.event.args.is_empty() {
        return Err(format!("`{ty}` takes no `args`"));
    }
    let syscall = TABLE
        .iter()
        .find(|syscall| syscall.name == ty)
        .ok_or_else(|| format!("no probe delivers `{ty}` yet"))?;
    let entry = Entry::of(&syscall.native, &syscall.compat);
    match ty {
        "execve" | "execveat" => exec(case, entry),
        _ => match class_of(syscall.handler) {
            None | Some(Class::OPEN) => open(case, entry),
            Some(class) => network::encode(case, class, entry),
        },
    }
}

/// How a call came into the kernel.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    number: u32,
    /// Of the record's header.
    flags: u16,
}

impl Entry {
    /// Not by a system call.
    const NONE: Self = Self {
        number: NO_SYSCALL,
        flags: 0,
    };

    /// Natively or, where the architecture has the call for 32-bit programs only, as these do.
    pub(super) const fn of(native: &Numbers, compat: &Numbers) -> Self {
        match (native.first(), compat.first()) {
            (Some(number), _) => Self { number, flags: 0 },
            (None, Some(number)) => Self {
                number,
                flags: HEADER_COMPAT,
            },
            (None, None) => Self::NONE,
        }
    }
}

/// The `generation`-th process of the test: 0 is the one that acts, 1 its parent.
pub(super) fn task(case: &Case, generation: usize) -> Task {
    let facts = |generation: usize| match generation.checked_sub(1) {
        None => Some(&case.process),
        Some(above) => case.parents.get(above),
    };
    let default = ProcessFacts::default();
    let process = facts(generation).unwrap_or(&default);
    let tgid = pid(process, generation);
    let parent = facts(generation + 1);
    let mut comm = [0; 16];
    for (to, from) in comm.iter_mut().zip(process.comm()) {
        *to = *from;
    }
    Task {
        start_time: start_time(generation),
        parent_start_time: parent.map_or(0, |_| start_time(generation + 1)),
        cap_effective: 0,
        cap_permitted: 0,
        cap_inheritable: 0,
        tgid,
        tid: tgid,
        ppid: parent.map_or(0, |parent| pid(parent, generation + 1)),
        vpid: process.vpid.unwrap_or(tgid),
        vtid: process.vpid.unwrap_or(tgid),
        uid: process.uid,
        gid: process.gid,
        euid: process.uid,
        egid: process.gid,
        loginuid: process.loginuid.unwrap_or(NO_LOGIN),
        sessionid: NO_LOGIN,
        tty: process.tty,
        sid: tgid,
        pgid: tgid,
        vpgid: process.vpid.unwrap_or(tgid),
        mnt_ns: 1,
        pid_ns: 1,
        net_ns: 1,
        user_ns: 1,
        threads: 1,
        comm,
    }
}

fn pid(process: &ProcessFacts, generation: usize) -> u32 {
    let default = || PID - u32::try_from(generation).unwrap_or(PID).min(PID);
    process.pid.unwrap_or_else(default)
}

fn start_time(generation: usize) -> u64 {
    let generation = u64::try_from(generation).unwrap_or_default();
    NOW - (generation + 1).min(1000) * SECOND
}

/// The end of the process, with the status that the parameter `status` gives, else 0.
fn exit(case: &Case) -> Result<Vec<u8>, String> {
    let mut code = 0;
    for (name, value) in &case.event.args {
        code = match (name.as_str(), value) {
            ("status", Argument::Number(status)) => u32::try_from(*status).ok(),
            ("status", _) => None,
            _ => {
                return Err(format!(
                    "of `procexit` only `status` can be given, not `{name}`"
                ));
            }
        }
        .ok_or("`status` must be a number, as in wait(2)")?;
    }
    let exit = Exit {
        code,
        reaper_tid: 0,
    };
    Ok(record(
        case,
        Class::EXIT,
        Entry::NONE,
        0,
        exit.as_bytes(),
        &[],
    ))
}

fn exec(case: &Case, entry: Entry) -> Result<Vec<u8>, String> {
    let ret = result(case, 0)?;
    let process = &case.process;
    let mut flags = match process.layer {
        Some(LayerName::Upper) => EXEC_UPPER_LAYER,
        Some(LayerName::Lower) => EXEC_LOWER_LAYER,
        None => 0,
    };
    if process.memfd {
        flags |= EXEC_MEMFD;
    }
    if ret < 0 {
        flags |= EXEC_FAILED;
    }
    let fixed = Exec {
        inode: 1,
        ctime: 1,
        mtime: 1,
        pidns_init_start_time: SECOND,
        usage: Usage::default(),
        dev: 1,
        flags,
        mode: 0o100_755,
        owner: 0,
        group: 0,
        reserved: 0,
        dirfd: AT_FDCWD,
        at_flags: 0,
    };
    let mut argv = process.argv0().to_vec();
    for arg in &process.args {
        argv.push(0);
        argv.extend(arg.as_bytes());
    }
    let exe_path = process.exe_path();
    let items = [
        (tag::USER_PATH, exe_path.as_bytes()),
        (tag::KERNEL_PATH, exe_path.as_bytes()),
        (tag::ARGV, &argv),
        (tag::CWD, process.directory().as_bytes()),
    ];
    Ok(record(
        case,
        Class::EXEC,
        entry,
        ret,
        fixed.as_bytes(),
        &items,
    ))
}

fn open(case: &Case, entry: Entry) -> Result<Vec<u8>, String> {
    let file = case.file.as_ref().ok_or("an open needs `file`")?;
    let ret = result(case, DESCRIPTOR)?;
    let flags = bits(file, OPEN_FLAGS)?;
    let mut facts = bits(file, OPEN_FACTS)?;
    if ret >= 0 {
        facts |= OPEN_RESOLVED;
    }
    let fixed = Open {
        inode: 1,
        resolve: 0,
        flags,
        mode: file.mode,
        dirfd: AT_FDCWD,
        dev: 1,
        inode_mode: 0o100_644,
        facts,
    };
    let mut items = vec![(tag::USER_PATH, file.name.as_bytes())];
    if !file.name.starts_with('/') {
        items.push((tag::BASE_PATH, case.process.directory().as_bytes()));
    }
    if ret >= 0 {
        let resolved = file.resolved.as_ref().unwrap_or(&file.name);
        items.push((tag::KERNEL_PATH, resolved.as_bytes()));
    }
    Ok(record(
        case,
        Class::OPEN,
        entry,
        ret,
        fixed.as_bytes(),
        &items,
    ))
}

/// The return value of the case, `default` where it says none.
pub(super) fn result(case: &Case, default: i64) -> Result<i64, String> {
    match &case.event.result {
        None => Ok(default),
        Some(Outcome::Number(number)) => Ok(*number),
        Some(Outcome::Error(name)) => (1..200)
            .find(|number| errno_name(*number) == Some(name))
            .map(|number| -number)
            .ok_or_else(|| format!("`{name}` is no name of an error")),
    }
}

/// The bits of the flags that are in `table`. A name in neither table is an error.
fn bits(file: &FileFacts, table: &[(&str, u32)]) -> Result<u32, String> {
    let known = |name: &str| {
        OPEN_FLAGS
            .iter()
            .chain(OPEN_FACTS)
            .any(|(known, _)| *known == name)
    };
    if let Some(name) = file.flags.iter().find(|name| !known(name)) {
        return Err(format!("`{name}` is no name of an open flag"));
    }
    let value = |name: &String| {
        table
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, bit)| *bit)
    };
    Ok(file
        .flags
        .iter()
        .filter_map(value)
        .fold(0, |bits, bit| bits | bit))
}

/// Header, fixed part and items of a record.
pub(super) fn record(
    case: &Case,
    class: Class,
    entry: Entry,
    ret: i64,
    fixed: &[u8],
    items: &[(u8, &[u8])],
) -> Vec<u8> {
    let mut tail = fixed.to_vec();
    for (tag, value) in items {
        // A longer value is cut, as the kernel half does.
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let head = ItemHeader {
            tag: *tag,
            flags: 0,
            len,
        };
        tail.extend(head.as_bytes());
        tail.extend(value.iter().take(len.into()));
    }
    let header = Header {
        size: u32::try_from(size_of::<Header>() + tail.len()).unwrap_or(u32::MAX),
        class: class.0,
        flags: entry.flags,
        time: NOW,
        ret,
        cgroup: if case.container.is_some() {
            CONTAINER_CGROUP
        } else {
            HOST_CGROUP
        },
        syscall: entry.number,
        cpu: 0,
        conjunctions: [0; komainu_common::filter::WORDS],
        plan: 0,
        reserved: 0,
        task: task(case, 0),
    };
    [header.as_bytes(), &tail].concat()
}
