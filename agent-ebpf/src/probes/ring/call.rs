//! Calls that are rows of the table of calls: of paths, and `shutdown`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    call::Call,
    filter::source,
    item::tag,
    limits::MAX_STRING,
    ring::op,
    syscalls::{handler, handler_of, row_of},
};

use super::{Request, append_path};
use crate::{
    filter,
    maps::offset,
    probes::call::{ROWS, append_file},
    read,
    record::Record,
};

const FIRST: [u8; 2] = [tag::USER_PATH, tag::BASE_PATH];
const SECOND: [u8; 2] = [tag::USER_PATH_2, tag::BASE_PATH_2];

/// Records the submission.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_call(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(0)) else {
        return 0;
    };
    let half = request.half();
    let row = row_of(half);
    // The rules may have changed since the program before looked.
    if handler_of(half) == handler::NONE {
        return 0;
    }
    let class = ROWS[usize::from(row)].class;
    let Some(record) = request.draft::<Call>(class) else {
        return 0;
    };
    let out = record.fixed();
    out.args = [0; 6];
    out.inode = 0;
    out.row = row.into();
    out.dev = 0;
    out.inode_mode = 0;
    out.facts = 0;
    append_arguments(&record, request);
    request.keep_or_send(class, record);
    0
}

/// The arguments, where the call has them.
#[inline(always)]
fn append_arguments(record: &Record<Call>, request: Request) {
    let args = &mut record.fixed().args;
    match request.operation.opcode {
        op::UNLINKAT => {
            let dirfd: i32 = request.command(offset!(uring_unlink_dfd));
            args[0] = dirfd as u64;
            args[2] = request.command::<u32>(offset!(uring_unlink_flags)).into();
            let name = request.command(offset!(uring_unlink_filename));
            append_path(record, FIRST, name, dirfd);
        }
        op::MKDIRAT => {
            let dirfd: i32 = request.command(offset!(uring_mkdir_dfd));
            args[0] = dirfd as u64;
            args[2] = request.command::<u16>(offset!(uring_mkdir_mode)).into();
            let name = request.command(offset!(uring_mkdir_filename));
            append_path(record, FIRST, name, dirfd);
        }
        op::SYMLINKAT => {
            let dirfd: i32 = request.command(offset!(uring_link_new_dfd));
            args[1] = dirfd as u64;
            let target = request.command(offset!(uring_link_old));
            let target = read::pointer(target, offset!(filename_name)).unwrap_or(0);
            record.append_kernel_str::<MAX_STRING>(tag::STRING, target);
            let name = request.command(offset!(uring_link_new));
            append_path(record, FIRST, name, dirfd);
        }
        op::SHUTDOWN => {
            args[0] = request.descriptor() as u64;
            args[1] = request.command::<u32>(offset!(uring_shutdown_how)).into();
        }
        opcode => append_two(record, request, opcode == op::LINKAT),
    }
}

/// The arguments of a call with two paths.
#[inline(always)]
fn append_two(record: &Record<Call>, request: Request, is_link: bool) {
    let at = if is_link {
        [
            offset!(uring_link_old_dfd),
            offset!(uring_link_old),
            offset!(uring_link_new_dfd),
            offset!(uring_link_new),
            offset!(uring_link_flags),
        ]
    } else {
        [
            offset!(uring_rename_old_dfd),
            offset!(uring_rename_old),
            offset!(uring_rename_new_dfd),
            offset!(uring_rename_new),
            offset!(uring_rename_flags),
        ]
    };
    let (first, second): (i32, i32) = (request.command(at[0]), request.command(at[2]));
    let args = &mut record.fixed().args;
    args[0] = first as u64;
    args[2] = second as u64;
    args[4] = request.command::<u32>(at[4]).into();
    append_path(record, FIRST, request.command(at[1]), first);
    append_path(record, SECOND, request.command(at[3]), second);
}

/// Records the end.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_call_end(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(1)) else {
        return 0;
    };
    let Some(class) = request.kept_class() else {
        return 0;
    };
    let Some(record) = request.resume::<Call>(class) else {
        return 0;
    };
    for (source, value) in (source::ARG0..).zip(record.fixed().args) {
        filter::set(record.scratch(), source, value as i64);
    }
    if !request.passes(&record) {
        return 0;
    }
    if request.operation.opcode == op::SHUTDOWN
        && let Some(file) = request.file()
    {
        append_file(&record, file);
    }
    record.send();
    0
}
