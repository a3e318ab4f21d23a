//! Operations that go through an `io_uring` instead of a system call.
//!
//! An operation is recorded when it is submitted, after the kernel has copied its path or address, and
//! the record is kept until the operation ends, which is when its result and its kernel objects are
//! known. Where it cannot be kept, or has no visible end (`IOSQE_CQE_SKIP_SUCCESS`), the record is
//! sent at once and says so: [`HEADER_UNFINISHED`].
//!
//! tracepoint: `io_uring_submit_req(struct io_kiocb *req)`; until 6.3 it is called
//! `io_uring_submit_sqe`, with one argument more
//! tracepoint: `io_uring_complete(struct io_ring_ctx *ctx, struct io_kiocb *req, …)`

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class,
    connect::Connect,
    header::{HEADER_IO_URING, HEADER_UNFINISHED},
    item::tag,
    limits::{MAX_SOCKADDR, MAX_USER_PATH},
    offsets::ABSENT,
    open::Open,
    syscalls::x86_64 as native,
};

use crate::{
    account, file,
    maps::{INTEREST, PENDING, Slot, offset},
    pathname, pending,
    probes::{address, open, syscall::is_own_process},
    read,
    record::{self, Record},
    sock::{self, Name},
    task, words,
};

/// `IORING_OP_*` (`include/uapi/linux/io_uring.h`).
mod op {
    pub(super) const CONNECT: u8 = 16;
    pub(super) const OPENAT: u8 = 18;
    pub(super) const OPENAT2: u8 = 28;
}

/// `IOSQE_FIXED_FILE` and `IOSQE_CQE_SKIP_SUCCESS`, which are bits of `io_kiocb.flags` too.
const FIXED_FILE: u32 = 1;
const SKIP_SUCCESS: u32 = 1 << 6;

/// `IORING_FILE_INDEX_ALLOC`: the kernel chooses the slot.
const ANY_SLOT: u32 = u32::MAX;

/// Bits of `io_rsrc_node.file_ptr` that are not of the address (`io_uring/filetable.h`).
const FILE_BITS: u64 = 7;

/// Records what is submitted.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_submit(ctx: RawTracePointContext) -> i32 {
    let request: u64 = ctx.arg(0);
    let Some(opcode) = read::kernel::<u8>(request, offset!(uring_opcode)) else {
        return 0;
    };
    match opcode {
        op::OPENAT if wanted(native::OPENAT) => submit_open(request, native::OPENAT),
        op::OPENAT2 if wanted(native::OPENAT2) => submit_open(request, native::OPENAT2),
        op::CONNECT if wanted(native::CONNECT) => submit_connect(request),
        _ => {}
    }
    0
}

/// Records what has ended.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_complete(ctx: RawTracePointContext) -> i32 {
    let request: u64 = ctx.arg(1);
    if PENDING.get_ptr(request).is_none() {
        return 0;
    }
    match read::kernel::<u8>(request, offset!(uring_opcode)) {
        Some(op::OPENAT | op::OPENAT2) => complete_open(request),
        Some(op::CONNECT) => complete_connect(request),
        _ => {}
    }
    0
}

/// Whether the system call that does the same is of interest.
#[inline(always)]
fn wanted(syscall: u32) -> bool {
    INTEREST.get(syscall).is_some_and(|&interest| interest != 0) && !is_own_process()
}

/// Keeps a record until the operation ends, or sends it.
#[inline(always)]
fn keep_or_send<T>(class: Class, record: Record<T>, request: u64) {
    record.header().flags |= HEADER_IO_URING;
    let flags = read::kernel::<u32>(request, offset!(uring_flags)).unwrap_or(0);
    let left = if flags & SKIP_SUCCESS == 0 {
        pending::keep(record, request)
    } else {
        Err(record)
    };
    if let Err(record) = left {
        record.header().flags |= HEADER_UNFINISHED;
        pending::submit_seen(class, record);
    }
}

/// Address of the operation's own struct.
#[inline(always)]
fn command(request: u64) -> u64 {
    request + u64::from(offset!(uring_cmd))
}

#[inline(always)]
fn result(request: u64) -> i64 {
    i64::from(read::kernel::<i32>(request, offset!(uring_res)).unwrap_or(0))
}

#[inline(always)]
fn submit_open(request: u64, syscall: u32) {
    let Some(record) = record::draft::<Open, _>(Slot::RingSubmit, Class::OPEN, task::current())
    else {
        return account::unhandled(Class::OPEN);
    };
    record.header().syscall = syscall;
    let open = command(request);
    let out = record.fixed();
    out.inode = 0;
    out.dev = 0;
    out.inode_mode = 0;
    out.facts = 0;
    out.dirfd = read::kernel(open, offset!(uring_open_dfd)).unwrap_or(0);
    out.flags = read::kernel::<u64>(open, offset!(uring_open_flags)).unwrap_or(0) as u32;
    out.mode = read::kernel::<u64>(open, offset!(uring_open_mode)).unwrap_or(0) as u32;
    out.resolve = read::kernel(open, offset!(uring_open_resolve)).unwrap_or(0);
    let name = read::pointer(open, offset!(uring_open_filename))
        .and_then(|filename| read::pointer(filename, offset!(filename_name)))
        .unwrap_or(0);
    let first = record.append_kernel_str::<MAX_USER_PATH>(tag::USER_PATH, name);
    if first != b'/'
        && first != 0
        && let Some(start) = pathname::base(record.fixed().dirfd)
    {
        record.append_path_of(tag::BASE_PATH, start);
    }
    keep_or_send(Class::OPEN, record, request);
}

#[inline(always)]
fn complete_open(request: u64) {
    let Some(record) = pending::resume::<Open>(Slot::RingComplete, Class::OPEN, request) else {
        return;
    };
    let ret = result(request);
    let file = if ret < 0 { None } else { opened(request, ret) };
    record.header().ret = ret;
    if let Some(file) = file {
        open::fill_file(&record, file);
        record.append_path_of(tag::KERNEL_PATH, file + u64::from(offset!(file_path)));
    }
    record.send();
}

/// The file that an operation opened: behind its new descriptor, or in a slot of the ring.
#[inline(always)]
fn opened(request: u64, ret: i64) -> Option<u64> {
    let slot = read::kernel::<u32>(command(request), offset!(uring_open_slot)).unwrap_or(0);
    if slot == 0 {
        return file::of_descriptor(ret);
    }
    if offset!(uring_ctx_files) == ABSENT || offset!(uring_node_file) == ABSENT {
        return None;
    }
    let index = if slot == ANY_SLOT {
        ret as u32
    } else {
        slot - 1
    };
    let ring = read::pointer(request, offset!(uring_ctx))?;
    if index >= read::kernel::<u32>(ring, offset!(uring_ctx_files_len))? {
        return None;
    }
    let nodes = read::pointer(ring, offset!(uring_ctx_files))?;
    let node = read::pointer(nodes + 8 * u64::from(index), 0)?;
    let file = read::pointer(node, offset!(uring_node_file))?;
    Some(file & !FILE_BITS)
}

#[inline(always)]
fn submit_connect(request: u64) {
    let subject = task::current();
    let Some(record) = record::draft::<Connect, _>(Slot::RingSubmit, Class::CONNECT, subject)
    else {
        return account::unhandled(Class::CONNECT);
    };
    record.header().syscall = native::CONNECT;
    let fixed = record.fixed();
    words::copy(sock::read(record.scratch(), None), &mut fixed.sock);
    fixed.reserved = 0;
    let flags = read::kernel::<u32>(request, offset!(uring_flags)).unwrap_or(0);
    fixed.fd = if flags & FIXED_FILE == 0 {
        read::kernel(request, offset!(uring_fd)).unwrap_or(-1)
    } else {
        -1
    };
    append_address(&record, request);
    keep_or_send(Class::CONNECT, record, request);
}

/// Appends the address asked for: the kernel's copy of it, where there is one already.
#[inline(always)]
fn append_address(record: &Record<Connect>, request: u64) {
    let connect = command(request);
    let len = read::kernel::<u32>(connect, offset!(uring_connect_len)).unwrap_or(0);
    if offset!(uring_async_connect) != ABSENT {
        let address = read::kernel(connect, offset!(uring_connect_addr)).unwrap_or(0);
        record.append_user::<MAX_SOCKADDR>(tag::USER_ADDR, address, u64::from(len));
    } else if let Some(copy) = read::pointer(request, offset!(uring_async_data)) {
        let address = copy + u64::from(offset!(uring_msghdr_addr));
        record.append_kernel::<MAX_SOCKADDR>(tag::USER_ADDR, address, u64::from(len));
    }
}

#[inline(always)]
fn complete_connect(request: u64) {
    let Some(record) = pending::resume::<Connect>(Slot::RingComplete, Class::CONNECT, request)
    else {
        return;
    };
    record.header().ret = result(request);
    // The kernel's own reference: no descriptor that could be replaced.
    let target = read::pointer(request, offset!(uring_file)).and_then(sock::of_file);
    let fixed = record.fixed();
    words::copy(sock::read(record.scratch(), target), &mut fixed.sock);
    let family = fixed.sock.family;
    address::append_name(&record, family, target, Name::Peer);
    record.send();
}
