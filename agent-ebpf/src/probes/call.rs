//! System calls that are rows of a table: one program per shape of arguments, see
//! `komainu_common::call`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    call::{
        CALL_LOWER_LAYER, CALL_PIDFD, CALL_RESOLVED, CALL_UPPER_LAYER, Call, Caller, MAX_ROWS,
        NO_ARGUMENT, SPECS, Spec, object,
    },
    filter::{role, row_of_call, source},
    item::tag,
    limits::{MAX_BYTES, MAX_STRING, MAX_USER_PATH},
    sock::Sock,
    syscalls::row_of,
};

use super::{address, exec};
use crate::{
    arch, cgroup,
    file::{self, Layer},
    filter::{self, Gate},
    maps::{INTEREST, Slot, offset},
    pathname::{self, AT_FDCWD},
    read::{self, Address as _},
    record::{self, Record},
    sock::{self, Name, Target},
    task::{self, Subject},
    usage,
};

/// `AT_EMPTY_PATH` (`include/uapi/linux/fcntl.h`), and `MOVE_MOUNT_F_EMPTY_PATH` and
/// `MOVE_MOUNT_T_EMPTY_PATH` (`include/uapi/linux/mount.h`).
const EMPTY_PATH: u64 = 0x1000 | 0x4 | 0x40;

/// The rows as the programs read them, in read-only memory.
pub(crate) static ROWS: [Spec; MAX_ROWS] = SPECS;

/// A call whose row is known.
struct Act {
    call: arch::Call,
    row: u8,
    spec: &'static Spec,
    ret: i64,
}

impl Act {
    /// `None` for calls that are no events.
    #[inline(always)]
    fn of(ctx: &RawTracePointContext) -> Option<Self> {
        Self::of_call(ctx, arch::Call::new(ctx.arg(0))?)
    }

    /// [`Self::of`] for a program whose rows may be sub-calls of `socketcall(2)`.
    #[inline(always)]
    fn of_socket(ctx: &RawTracePointContext) -> Option<Self> {
        Self::of_call(ctx, arch::Call::of_socket(ctx.arg(0))?)
    }

    #[inline(always)]
    fn of_call(ctx: &RawTracePointContext, call: arch::Call) -> Option<Self> {
        let word = INTEREST.get(call.number).copied()?;
        let half = if call.compat { word >> 16 } else { word };
        let row = row_of(half as u16);
        let act = Self {
            call,
            row,
            spec: &ROWS[usize::from(row)],
            ret: ctx.arg(1),
        };
        let guard = &act.spec.only_if;
        if guard.arg != NO_ARGUMENT && !guard.admits(act.passed(guard.arg)) {
            return None;
        }
        Some(act)
    }

    /// Argument `index` where it was passed; 0 if it cannot be read.
    #[inline(always)]
    fn passed(&self, index: u8) -> u64 {
        if self.spec.indirect {
            let word = self.call.arg(0) + 4 * u64::from(index);
            return read::user_or_zero::<u32>(word).into();
        }
        let value = self.call.arg(u32::from(index));
        if index == 0 && self.spec.pointed {
            return read::user_or_zero(value);
        }
        value
    }

    /// The file that the call is about, by descriptor. To be asked for first of all: another
    /// thread may replace the descriptor any moment.
    #[inline(always)]
    fn file(&self) -> Option<u64> {
        let returned = self.spec.object == object::RESULT && self.ret >= 0;
        if !returned && self.spec.fd == NO_ARGUMENT {
            return None;
        }
        let fd = if returned {
            self.ret
        } else {
            i64::from(self.passed(self.spec.fd) as i32)
        };
        file::of_descriptor(fd)
    }

    /// Begins the record: header and arguments. `None` also where no rule is left for them.
    #[inline(always)]
    fn begin(&self) -> Option<(Record<Call>, Option<Gate>)> {
        let mut record = record::begin::<Call, _>(Slot::Syscall, self.spec.class, task::current())?;
        if self.ret < 0 {
            record = record.in_bulk();
        }
        record.set_call(&self.call, self.ret);
        let out = record.fixed();
        let kept = &mut record.scratch().args;
        for index in 0..6_u8 {
            let value = self.passed(index);
            out.args[usize::from(index)] = value;
            kept[usize::from(index)].set(value);
        }
        kept[6].set(0);
        kept[7].set(0);
        out.inode = 0;
        out.row = self.row.into();
        out.dev = 0;
        out.inode_mode = 0;
        out.facts = 0;
        let gate = Gate::of(record.scratch(), self.spec.class);
        if let Some(gate) = gate
            && !self.passes_numbers(&record, &gate)
            && gate.reject(record.scratch())
        {
            return None;
        }
        Some((record, gate))
    }

    /// Applies what needs no path; `false` if no rule is left.
    #[inline(always)]
    fn passes_numbers(&self, record: &Record<Call>, gate: &Gate) -> bool {
        let scratch = record.scratch();
        gate.begin(scratch);
        gate.set_common(scratch, task::current(), self.ret);
        filter::set(scratch, source::CALL, row_of_call(self.row.into()).into());
        for index in 0..6 {
            let value = scratch.args[index].get();
            filter::set(scratch, source::ARG0 + index as u32, value as i64);
        }
        gate.test_numbers(scratch)
    }
}

/// Sends a record that passed the filter.
#[inline(always)]
fn submit(record: Record<Call>, gate: Option<&Gate>) {
    record.set_outcome(gate);
    record.submit_with_facts();
}

/// Argument `index` of the call being recorded; 0 where there is none.
#[inline(always)]
fn arg(record: &Record<Call>, index: u8) -> u64 {
    record.scratch().args[usize::from(index & 7)].get()
}

/// Appends what strings the row has. Of two of which the guard says that one is none, the other.
#[inline(always)]
fn append_strings(record: &Record<Call>, spec: &Spec) {
    let both = spec.strings_if.admits(arg(record, spec.strings_if.arg));
    let first = arg(record, spec.strings[0]);
    if first != 0 && (both || spec.strings[1] != NO_ARGUMENT) {
        record.append_user_str::<MAX_STRING>(tag::STRING, first);
    }
    let second = arg(record, spec.strings[1]);
    if second != 0 && both {
        record.append_user_str::<MAX_STRING>(tag::STRING_2, second);
    }
}

/// Appends the bytes that an argument points to, where the row has such.
#[inline(always)]
fn append_bytes(record: &Record<Call>, spec: &Spec) {
    let address = arg(record, spec.bytes);
    if address == 0 {
        return;
    }
    let len = if spec.bytes_len == NO_ARGUMENT {
        MAX_BYTES as u64
    } else {
        arg(record, spec.bytes_len)
    };
    record.append_user::<MAX_BYTES>(tag::BYTES, address, len);
}

/// Appends what the calling process is and uses.
#[inline(always)]
fn append_caller(record: &Record<Call>) {
    const SIZE: usize = size_of::<Caller>();
    let subject = task::current();
    record.append::<SIZE>(tag::CALLER, |to| {
        // SAFETY: integers only.
        let mut caller: Caller = unsafe { core::mem::zeroed() };
        usage::fill(subject, &mut caller.usage);
        caller.pidns_init_start_time = task::pidns_init_start_time(subject);
        // SAFETY: `append` guarantees SIZE bytes at the target; items are unaligned.
        unsafe { to.cast::<Caller>().write_unaligned(caller) };
        (SIZE as u64, 0)
    });
    let flags = cgroup::build_path(record.scratch(), subject);
    record.append_path(tag::CGROUP_PATH, flags);
    if let Some(mm) = subject.follow(offset!(task_mm)) {
        exec::append_argv(record, mm);
    }
    exec::append_cwd(record, subject);
}

/// Appends the path string of one path and, where it is relative, the directory it starts from.
/// Where it is empty and may be, that is the object itself. `false` if the filter says that no rule can
/// match.
#[inline(always)]
fn append_path(record: &Record<Call>, act: &Act, gate: Option<&Gate>, index: usize) -> bool {
    let spec = act.spec;
    let slot = if index == 0 {
        pathname::Slot {
            role: spec.role,
            ..FIRST_PATH
        }
    } else {
        SECOND_PATH
    };
    let path = &spec.paths[index];
    let user = arg(record, path.path);
    // The current directory is another one by now; KERNEL_PATH is it.
    if spec.object == object::DIRECTORY && act.ret >= 0 {
        record.append_user_str::<MAX_USER_PATH>(slot.user, user);
        return true;
    }
    let dirfd = if path.dirfd == NO_ARGUMENT {
        AT_FDCWD
    } else {
        arg(record, path.dirfd) as i32
    };
    // A kernel's path that follows is a second name, which the filter does not see.
    let gate = gate.filter(|_| spec.object == object::NONE);
    let Some(first) = pathname::append(record, gate, slot, (user, dirfd), None) else {
        return false;
    };
    if first == 0
        && arg(record, spec.at_flags) & EMPTY_PATH != 0
        && let Some(start) = pathname::base(dirfd)
    {
        record.append_path_of(slot.kernel, start);
    }
    true
}

const FIRST_PATH: pathname::Slot = pathname::Slot {
    user: tag::USER_PATH,
    kernel: tag::KERNEL_PATH,
    base: tag::BASE_PATH,
    role: role::FIRST,
};

const SECOND_PATH: pathname::Slot = pathname::Slot {
    user: tag::USER_PATH_2,
    kernel: tag::KERNEL_PATH_2,
    base: tag::BASE_PATH_2,
    role: role::SECOND,
};

/// Records a call with numbers, strings and bytes.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn call_plain(ctx: RawTracePointContext) -> i32 {
    let Some(act) = Act::of(&ctx) else {
        return 0;
    };
    let Some((record, gate)) = act.begin() else {
        return 0;
    };
    append_strings(&record, act.spec);
    append_bytes(&record, act.spec);
    submit(record, gate.as_ref());
    0
}

/// Records a call that makes a process.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn call_process(ctx: RawTracePointContext) -> i32 {
    let Some(act) = Act::of(&ctx) else {
        return 0;
    };
    let Some((record, gate)) = act.begin() else {
        return 0;
    };
    append_caller(&record);
    submit(record, gate.as_ref());
    0
}

/// Records a call about a descriptor.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn call_descriptor(ctx: RawTracePointContext) -> i32 {
    let Some(act) = Act::of_socket(&ctx) else {
        return 0;
    };
    let file = act.file();
    let Some((record, gate)) = act.begin() else {
        return 0;
    };
    if let Some(file) = file {
        append_file(&record, file);
    }
    append_strings(&record, act.spec);
    submit(record, gate.as_ref());
    0
}

/// Records a call with one path.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn call_path(ctx: RawTracePointContext) -> i32 {
    let Some(act) = Act::of(&ctx) else {
        return 0;
    };
    let Some((record, gate)) = act.begin() else {
        return 0;
    };
    if !append_path(&record, &act, gate.as_ref(), 0) {
        return 0;
    }
    if act.ret >= 0 {
        let object = match act.spec.object {
            object::DIRECTORY => task::pwd(task::current()),
            object::ROOT => task::root(task::current()),
            _ => None,
        };
        if let Some(object) = object {
            record.append_path_of(tag::KERNEL_PATH, object);
        }
    }
    append_strings(&record, act.spec);
    submit(record, gate.as_ref());
    0
}

/// Records a call with two paths.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn call_paths(ctx: RawTracePointContext) -> i32 {
    let Some(act) = Act::of(&ctx) else {
        return 0;
    };
    let Some((record, gate)) = act.begin() else {
        return 0;
    };
    let gate = gate.as_ref();
    if append_path(&record, &act, gate, 0) && append_path(&record, &act, gate, 1) {
        submit(record, gate);
    }
    0
}

/// Fills and appends what the kernel knows of an open file.
#[inline(always)]
pub(super) fn append_file<A: Subject>(record: &Record<Call, A>, file: u64) {
    let out = record.fixed();
    out.facts = CALL_RESOLVED;
    if let Some(inode) = file::inode(file) {
        out.inode = read::kernel(inode, offset!(inode_ino)).unwrap_or(0);
        out.inode_mode = u32::from(read::kernel::<u16>(inode, offset!(inode_mode)).unwrap_or(0));
        out.dev = file::device(inode);
        if file::is_pidfd(inode) {
            out.facts |= CALL_PIDFD;
            return;
        }
        match file::layer(inode) {
            Layer::Upper => out.facts |= CALL_UPPER_LAYER,
            Layer::Lower => out.facts |= CALL_LOWER_LAYER,
            Layer::None => {}
        }
    }
    let target = sock::of_file(Some(file));
    if target.is_none() {
        record.append_path_of(tag::KERNEL_PATH, file + u64::from(offset!(file_path)));
    } else {
        append_socket(record, target);
    }
}

#[inline(always)]
fn append_socket<A: Subject>(record: &Record<Call, A>, target: Target) {
    const SIZE: usize = size_of::<Sock>();
    let socket = sock::read(record.scratch(), target);
    let family = socket.family;
    record.append_kernel::<SIZE>(tag::SOCKET, &raw const *socket as u64, SIZE as u64);
    address::append_name(record, family, target, Name::Peer);
}
