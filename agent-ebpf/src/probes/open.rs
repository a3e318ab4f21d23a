//! Opened files: `open`, `openat`, `openat2`, `creat`; and `open_by_handle_at`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    arch::{compat, native},
    filter::{role, source},
    item::tag,
    open::{OPEN_CREATED, OPEN_LOWER_LAYER, OPEN_RESOLVED, OPEN_UPPER_LAYER, Open},
    syscalls,
};

use crate::{
    arch::Call,
    file::{self, Layer},
    filter::{self, Gate},
    maps::{Slot, offset},
    pathname::{self, AT_FDCWD},
    read,
    record::{self, Record},
    task::{self, Subject},
};

/// The one path of an open.
const PATH: pathname::Slot = pathname::Slot {
    user: tag::USER_PATH,
    kernel: tag::KERNEL_PATH,
    base: tag::BASE_PATH,
    role: role::FIRST,
};
/// `O_WRONLY | O_CREAT | O_TRUNC`, what `creat(2)` stands for.
const CREAT_FLAGS: u32 = 0o1101;
/// `FMODE_CREATED` (`include/linux/fs.h`).
const FMODE_CREATED: u32 = 0x10_0000;

/// Numbers of `open`, `creat` and `openat2`, all of which are not `openat`.
const NATIVE: [u32; 3] = [native("open"), native("creat"), native("openat2")];
const COMPAT: [u32; 3] = [compat("open"), compat("creat"), compat("openat2")];

/// `struct open_how` of `openat2(2)`.
#[derive(Clone, Copy)]
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Records an open.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn open(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::new(ctx.arg(0)) else {
        return 0;
    };
    let ret: i64 = ctx.arg(1);
    // First of all: another thread may replace the descriptor any moment.
    let file = file::of_descriptor(ret);
    let Some(record) = record::begin::<Open, _>(Slot::Syscall, Class::OPEN, task::current()) else {
        return 0;
    };
    record.set_call(&call, ret);
    let name = arguments(&call, record.fixed());
    let gate = Gate::of(record.scratch(), Class::OPEN);
    if let Some(gate) = gate
        && !passes_numbers(&record, &gate, row(&call), ret)
        && gate.reject(record.scratch())
    {
        return 0;
    }
    let asked = (name, record.fixed().dirfd);
    // A number in either case: the verifier refuses to see an undefined one moved.
    let kernel = file.map_or(0, |file| file + u64::from(offset!(file_path)));
    let kernel = Some(kernel).filter(|kernel| *kernel != 0);
    if pathname::append(&record, gate.as_ref(), PATH, asked, kernel).is_none() {
        return 0;
    }
    if let Some(file) = file {
        fill_file(&record, file);
    }
    record.set_outcome(gate.as_ref());
    record.submit_with_facts();
    0
}

/// Records an open by a handle. It names no path, so only numbers are tested.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn open_by_handle(ctx: RawTracePointContext) -> i32 {
    let Some(call) = Call::new(ctx.arg(0)) else {
        return 0;
    };
    let ret: i64 = ctx.arg(1);
    let file = file::of_descriptor(ret);
    let Some(record) = record::begin::<Open, _>(Slot::Syscall, Class::OPEN, task::current()) else {
        return 0;
    };
    record.set_call(&call, ret);
    let out = record.fixed();
    clear(out);
    out.dirfd = call.arg(0) as i32;
    out.flags = call.arg(2) as u32;
    let gate = Gate::of(record.scratch(), Class::OPEN);
    let row = const { syscalls::row("open_by_handle_at") };
    if let Some(gate) = gate
        && !passes_numbers(&record, &gate, row, ret)
        && gate.reject(record.scratch())
    {
        return 0;
    }
    record.set_outcome(gate.as_ref());
    if let Some(file) = file {
        fill_file(&record, file);
        record.append_path_of(tag::KERNEL_PATH, file + u64::from(offset!(file_path)));
    }
    record.submit_with_facts();
    0
}

/// Applies what needs no path; `false` if no rule is left.
#[inline(always)]
fn passes_numbers(record: &Record<Open>, gate: &Gate, row: u32, ret: i64) -> bool {
    let scratch = record.scratch();
    gate.begin(scratch);
    gate.set_common(scratch, task::current(), ret);
    filter::set(scratch, source::CALL, i64::from(row));
    filter::set(scratch, source::OPEN_FLAGS, i64::from(record.fixed().flags));
    gate.test_numbers(scratch)
}

/// Index of the call in the table of system calls.
#[inline(always)]
fn row(call: &Call) -> u32 {
    const ROWS: [u32; 3] = [
        syscalls::row("open"),
        syscalls::row("creat"),
        syscalls::row("openat2"),
    ];
    let numbers = if call.compat { COMPAT } else { NATIVE };
    let mut row = const { syscalls::row("openat") };
    for (number, its_row) in numbers.into_iter().zip(ROWS) {
        if call.number == number {
            row = its_row;
        }
    }
    row
}

/// Fills what the program passed; returns the address of the path.
#[inline(always)]
fn arguments(call: &Call, out: &mut Open) -> u64 {
    clear(out);
    let [open, creat, openat2] = if call.compat { COMPAT } else { NATIVE };
    if call.number == open {
        out.flags = call.arg(1) as u32;
        out.mode = call.arg(2) as u32;
        return call.arg(0);
    }
    if call.number == creat {
        out.flags = CREAT_FLAGS;
        out.mode = call.arg(1) as u32;
        return call.arg(0);
    }
    out.dirfd = call.arg(0) as i32;
    if call.number == openat2 {
        let how = read::user::<OpenHow>(call.arg(2)).unwrap_or(OpenHow {
            flags: 0,
            mode: 0,
            resolve: 0,
        });
        out.flags = how.flags as u32;
        out.mode = how.mode as u32;
        out.resolve = how.resolve;
    } else {
        out.flags = call.arg(2) as u32;
        out.mode = call.arg(3) as u32;
    }
    call.arg(1)
}

#[inline(always)]
fn clear(out: &mut Open) {
    out.inode = 0;
    out.resolve = 0;
    out.dev = 0;
    out.inode_mode = 0;
    out.facts = 0;
    out.flags = 0;
    out.mode = 0;
    out.dirfd = AT_FDCWD;
}

/// Fills what the kernel knows of the opened file.
#[inline(always)]
pub(super) fn fill_file<A: Subject>(record: &Record<Open, A>, file: u64) {
    let out = record.fixed();
    let mode = read::kernel::<u32>(file, offset!(file_mode)).unwrap_or(0);
    out.facts = OPEN_RESOLVED;
    if mode & FMODE_CREATED != 0 {
        out.facts |= OPEN_CREATED;
    }
    if let Some(inode) = file::inode(file) {
        out.inode = read::kernel(inode, offset!(inode_ino)).unwrap_or(0);
        out.inode_mode = u32::from(read::kernel::<u16>(inode, offset!(inode_mode)).unwrap_or(0));
        out.dev = file::device(inode);
        match file::layer(inode) {
            Layer::Upper => out.facts |= OPEN_UPPER_LAYER,
            Layer::Lower => out.facts |= OPEN_LOWER_LAYER,
            Layer::None => {}
        }
    }
}
