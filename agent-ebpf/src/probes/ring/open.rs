//! Opens: `openat`, `openat2`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, filter::source, item::tag, open::Open};

use super::{Request, append_path};
use crate::{filter, maps::offset, probes::open};

/// Records the submission.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_open(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(0)) else {
        return 0;
    };
    let Some(record) = request.draft::<Open>(Class::OPEN) else {
        return 0;
    };
    let out = record.fixed();
    out.inode = 0;
    out.dev = 0;
    out.inode_mode = 0;
    out.facts = 0;
    out.dirfd = request.command(offset!(uring_open_dfd));
    out.flags = request.command::<u64>(offset!(uring_open_flags)) as u32;
    out.mode = request.command::<u64>(offset!(uring_open_mode)) as u32;
    out.resolve = request.command(offset!(uring_open_resolve));
    let (name, dirfd) = (request.command(offset!(uring_open_filename)), out.dirfd);
    append_path(&record, [tag::USER_PATH, tag::BASE_PATH], name, dirfd);
    request.keep_or_send(Class::OPEN, record);
    0
}

/// Records the end.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_open_end(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(1)) else {
        return 0;
    };
    let Some(record) = request.resume::<Open>(Class::OPEN) else {
        return 0;
    };
    let flags = record.fixed().flags;
    filter::set(record.scratch(), source::OPEN_FLAGS, i64::from(flags));
    if !request.passes(&record) {
        return 0;
    }
    let ret = record.header().ret;
    if ret >= 0
        && let Some(file) = request.made(ret, request.command(offset!(uring_open_slot)))
    {
        open::fill_file(&record, file);
        record.append_path_of(tag::KERNEL_PATH, file + u64::from(offset!(file_path)));
    }
    record.send();
    0
}
