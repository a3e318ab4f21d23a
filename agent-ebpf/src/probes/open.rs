//! Opened files: `open`, `openat`, `openat2`, `creat`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    item::tag,
    limits::MAX_USER_PATH,
    open::{OPEN_CREATED, OPEN_LOWER_LAYER, OPEN_RESOLVED, OPEN_UPPER_LAYER, Open},
    syscalls::x86_64::{self as native, compat},
};

use crate::{
    arch::Call,
    file::{self, Layer},
    maps::{Slot, offset},
    read,
    record::{self, Record},
    task,
};

const AT_FDCWD: i32 = -100;
/// `O_WRONLY | O_CREAT | O_TRUNC`, what `creat(2)` stands for.
const CREAT_FLAGS: u32 = 0o1101;
/// `FMODE_CREATED` (`include/linux/fs.h`).
const FMODE_CREATED: u32 = 0x10_0000;

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
    let Some(record) = record::begin::<Open>(Slot::Syscall, Class::OPEN, task::current()) else {
        return 0;
    };
    record.set_call(&call, ret);
    let name = arguments(&call, record.fixed());
    let first = record.append_user_str::<MAX_USER_PATH>(tag::USER_PATH, name);
    if first != b'/' && first != 0 {
        append_base(&record);
    }
    if let Some(file) = file {
        append_file(&record, file);
    }
    record.submit();
    0
}

/// Fills what the program passed; returns the address of the path.
#[inline(always)]
fn arguments(call: &Call, out: &mut Open) -> u64 {
    out.inode = 0;
    out.resolve = 0;
    out.dev = 0;
    out.inode_mode = 0;
    out.facts = 0;
    out.dirfd = AT_FDCWD;
    let (open, creat, openat2) = if call.compat {
        (compat::OPEN, compat::CREAT, compat::OPENAT2)
    } else {
        (native::OPEN, native::CREAT, native::OPENAT2)
    };
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

/// Appends the directory a relative path starts from.
#[inline(always)]
pub(super) fn append_base(record: &Record<Open>) {
    let dirfd = record.fixed().dirfd;
    let start = if dirfd == AT_FDCWD {
        task::pwd(task::current())
    } else {
        file::of_descriptor(i64::from(dirfd)).map(|file| file + u64::from(offset!(file_path)))
    };
    if let Some(start) = start {
        record.append_path_of(tag::BASE_PATH, start);
    }
}

/// Fills and appends what the kernel knows of the opened file.
#[inline(always)]
pub(super) fn append_file(record: &Record<Open>, file: u64) {
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
    record.append_path_of(tag::KERNEL_PATH, file + u64::from(offset!(file_path)));
}
