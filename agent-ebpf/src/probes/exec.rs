//! Started programs, and those that could not be.
//!
//! tracepoint: `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    exec::{
        Ancestor, EXEC_DELETED, EXEC_FAILED, EXEC_LOWER_LAYER, EXEC_MEMFD, EXEC_READ_ONLY,
        EXEC_UPPER_LAYER, Exec,
    },
    item::{ITEM_CUT, ITEM_DELETED, ITEM_FAULT, tag},
    limits::{MAX_ANCESTORS, MAX_ARGV, MAX_ENV, MAX_FAILED_ARG, MAX_FAILED_ARGS, MAX_USER_PATH},
    syscalls::{Syscall, TABLE, row},
};

use crate::{
    arch::Call,
    cgroup,
    file::{self, Layer},
    maps::{self, PATH_AREA, Slot, offset, setting},
    pathname::AT_FDCWD,
    probes::syscall::is_own_process,
    read::{self, Address as _, Typed},
    record::{self, Record},
    task, usage,
};

/// Records a started program.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn exec(ctx: RawTracePointContext) -> i32 {
    // The tracepoint's task is the current one.
    let subject = task::current();
    let bprm: u64 = ctx.arg(2);
    if is_own_process() {
        return 0;
    }
    let Some(record) = record::begin::<Exec, _>(Slot::Exec, Class::EXEC, subject) else {
        return 0;
    };
    clear(record.fixed(), subject);
    // What says who it is comes before strings of the program's choice, which may fill the record.
    let flags = cgroup::build_path(record.scratch(), subject);
    record.append_path(tag::CGROUP_PATH, flags);
    append_ancestors(&record, subject);
    if let Some(filename) = read::pointer(bprm, offset!(bprm_filename)) {
        record.append_kernel_str::<MAX_USER_PATH>(tag::USER_PATH, filename);
        if let Some(interp) = read::pointer(bprm, offset!(bprm_interp))
            && interp != filename
        {
            record.append_kernel_str::<MAX_USER_PATH>(tag::INTERP, interp);
        }
    }
    append_executable(record.scratch().index);
    if let Some(mm) = subject.follow(offset!(task_mm)) {
        append_argv(&record, mm);
        if setting!(record_env) != 0 {
            let (start, len) = range(mm, offset!(mm_env_start), offset!(mm_env_end));
            record.append_user::<MAX_ENV>(tag::ENV, start, len);
        }
    }
    append_cwd(&record, subject);
    record.submit_with_facts();
    0
}

/// Records an `execve` or `execveat` that failed. The successful ones are [`exec`]'s: at their
/// `sys_exit` the arguments are gone.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn exec_failed(ctx: RawTracePointContext) -> i32 {
    let ret: i64 = ctx.arg(1);
    if ret >= 0 {
        return 0;
    }
    let Some(call) = Call::new(ctx.arg(0)) else {
        return 0;
    };
    let subject = task::current();
    let Some(record) = record::begin::<Exec, _>(Slot::Syscall, Class::EXEC, subject) else {
        return 0;
    };
    let record = record.in_bulk();
    record.set_call(&call, ret);
    let fixed = record.fixed();
    clear(fixed, subject);
    fixed.flags = EXEC_FAILED;
    let (filename, argv) = if is_execveat(&call) {
        fixed.dirfd = call.arg(0) as i32;
        fixed.at_flags = call.arg(4) as u32;
        (call.arg(1), call.arg(2))
    } else {
        (call.arg(0), call.arg(1))
    };
    record.append_user_str::<MAX_USER_PATH>(tag::USER_PATH, filename);
    append_user_argv(&record, &call, argv);
    append_cwd(&record, subject);
    record.submit_with_facts();
    0
}

#[inline(always)]
fn is_execveat(call: &Call) -> bool {
    const EXECVEAT: Syscall = TABLE[row("execveat") as usize];
    call.is(&EXECVEAT.native, &EXECVEAT.compat)
}

#[inline(always)]
fn clear(out: &mut Exec, subject: Typed) {
    out.inode = 0;
    out.ctime = 0;
    out.mtime = 0;
    out.dev = 0;
    out.flags = 0;
    out.mode = 0;
    out.owner = 0;
    out.group = 0;
    out.reserved = 0;
    out.dirfd = AT_FDCWD;
    out.at_flags = 0;
    out.pidns_init_start_time = task::pidns_init_start_time(subject);
    usage::fill(subject, &mut out.usage);
}

/// Facts and path of `mm->exe_file`. A function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn append_executable(index: u32) -> u32 {
    let mm = task::current().follow(offset!(task_mm));
    let Some(exe) = mm.and_then(|mm| mm.follow(offset!(mm_exe_file))) else {
        return 0;
    };
    let Some(record) = record::resume::<Exec>(index) else {
        return 0;
    };
    let out = record.fixed();
    if let Some(inode) = file::inode(exe) {
        out.inode = inode.load(offset!(inode_ino)).unwrap_or(0);
        out.mode = u32::from(inode.load::<u16>(offset!(inode_mode)).unwrap_or(0));
        out.owner = inode.load(offset!(inode_uid)).unwrap_or(0);
        out.group = inode.load(offset!(inode_gid)).unwrap_or(0);
        out.dev = file::device(inode);
        out.ctime = file::time(inode, offset!(inode_ctime_sec), offset!(inode_ctime_nsec));
        out.mtime = file::time(inode, offset!(inode_mtime_sec), offset!(inode_mtime_nsec));
        if file::is_read_only(inode) {
            out.flags |= EXEC_READ_ONLY;
        }
        match file::layer(inode) {
            Layer::Upper => out.flags |= EXEC_UPPER_LAYER,
            Layer::Lower => out.flags |= EXEC_LOWER_LAYER,
            Layer::None => {}
        }
    }
    let path = exe.raw() + u64::from(offset!(file_path));
    if let Some(flags) = record.append_path_of(tag::KERNEL_PATH, path) {
        let is_memfd = is_memfd(&record);
        let out = record.fixed();
        if flags & u64::from(ITEM_DELETED) != 0 {
            out.flags |= EXEC_DELETED;
        }
        if is_memfd {
            out.flags |= EXEC_MEMFD;
        }
    }
    0
}

/// Whether the path last built is that of a memfd: `memfd:…` without a slash in front.
#[inline(always)]
fn is_memfd(record: &Record<Exec>) -> bool {
    let scratch = record.scratch();
    let start = scratch.path_start as usize & (PATH_AREA - 1);
    // The slack behind the area makes the six bytes readable at any masked offset.
    let begins = &scratch.path[start..];
    begins.first_chunk() == Some(b"memfd:")
}

/// `argv` as it stands in the current image.
#[inline(always)]
pub(super) fn append_argv<T>(record: &Record<T>, mm: Typed) {
    let (start, len) = range(mm, offset!(mm_arg_start), offset!(mm_arg_end));
    record.append_user::<MAX_ARGV>(tag::ARGV, start, len);
}

/// Where a part of the image begins, and its length.
#[inline(always)]
fn range(mm: Typed, start: u32, end: u32) -> (u64, u64) {
    let start = mm.load::<u64>(start).unwrap_or(0);
    let end = mm.load::<u64>(end).unwrap_or(0);
    (start, end.saturating_sub(start))
}

/// Collects `argv` of a call that failed: an array of pointers in user memory.
#[inline(always)]
fn append_user_argv(record: &Record<Exec>, call: &Call, argv: u64) {
    record.append::<MAX_ARGV>(tag::ARGV, |target| {
        let walk = &mut record.scratch().walk;
        walk.position.set(0);
        walk.at.set(argv);
        // Whether an argument was cut; in memory like the rest, see `Cell`.
        walk.root.set(0);
        let mut end = ITEM_CUT;
        for _ in 0..MAX_FAILED_ARGS {
            let slot = walk.at.get();
            let Some([argument]) = call.words().read(slot) else {
                end = ITEM_FAULT;
                break;
            };
            if argument == 0 {
                end = 0;
                break;
            }
            walk.at.set(slot.wrapping_add(call.words().size()));
            let len = walk.position.get() as usize;
            if len > MAX_ARGV - MAX_FAILED_ARG {
                break;
            }
            let to = target.wrapping_add(len & (MAX_ARGV - 1));
            // SAFETY: `append` guarantees MAX_ARGV bytes at the target, and there are
            // MAX_FAILED_ARG left behind `len`.
            let written = unsafe { read::user_str(to, MAX_FAILED_ARG as u32, argument) };
            if written <= 0 {
                end = ITEM_FAULT;
                break;
            }
            if written as usize >= MAX_FAILED_ARG {
                walk.root.set(u64::from(ITEM_CUT));
            }
            walk.position.set(len as u64 + written as u64);
        }
        (walk.position.get(), end | walk.root.get() as u8)
    });
}

#[inline(always)]
pub(super) fn append_cwd<T>(record: &Record<T>, subject: Typed) {
    if let Some(pwd) = task::pwd(subject) {
        record.append_path_of(tag::CWD, pwd);
    }
}

#[inline(always)]
fn append_ancestors(record: &Record<Exec>, subject: Typed) {
    const SIZE: usize = size_of::<Ancestor>();
    let index = record.scratch().index;
    let walk = &mut record.scratch().walk;
    walk.at.set(subject.raw());
    walk.position.set(0);
    record.append::<{ SIZE * MAX_ANCESTORS }>(tag::ANCESTORS, |_| {
        for _ in 0..MAX_ANCESTORS {
            if append_ancestor(index) == 0 {
                break;
            }
        }
        (record.scratch().walk.position.get(), 0)
    });
}

/// Adds one more ancestor to the item being appended; 0 at the end of the chain. A function that the verifier
/// checks once. By address and not typed: of every pointer followed from a typed one it searches the type.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn append_ancestor(index: u32) -> u32 {
    const SIZE: u64 = size_of::<Ancestor>() as u64;
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let mut ancestor = Ancestor {
        start_time: 0,
        tgid: 0,
        sid: 0,
        comm: [0; 16],
    };
    let at = scratch.walk.position.get();
    let Some(parent) = task::ancestor(scratch.walk.at.get(), &mut ancestor) else {
        return 0;
    };
    if at > SIZE * (MAX_ANCESTORS as u64 - 1) {
        return 0;
    }
    let target = record::appending(scratch).wrapping_add(at as usize);
    // SAFETY: the item has room for MAX_ANCESTORS; items are unaligned.
    unsafe { target.cast::<Ancestor>().write_unaligned(ancestor) };
    scratch.walk.at.set(parent);
    scratch.walk.position.set(at + SIZE);
    1
}
