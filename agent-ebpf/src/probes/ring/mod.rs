//! Operations that go through an `io_uring` instead of a system call.
//!
//! An operation is recorded when it is submitted, after the kernel has copied its path or address, and
//! the record is kept until the operation ends, which is when its result and its kernel objects are
//! known. Where it cannot be kept, or has no visible end (`IOSQE_CQE_SKIP_SUCCESS`, operations with
//! many results), the record is sent at once and says so: [`HEADER_UNFINISHED`].
//!
//! Which operations there are, and the handlers that the two programs here jump to, is the table in
//! `komainu_common::ring`.
//!
//! tracepoint: `io_uring_submit_req(struct io_kiocb *req)`; until 6.3 it is called
//! `io_uring_submit_sqe`, with one argument more
//! tracepoint: `io_uring_complete(struct io_ring_ctx *ctx, struct io_kiocb *req, …)`

mod call;
mod connect;
mod message;
mod open;
mod socket;

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{
    Class, Header,
    header::{HEADER_IO_URING, HEADER_UNFINISHED},
    limits::{MAX_SOCKADDR, MAX_USER_PATH},
    offsets::ABSENT,
    ring::{BY_OPCODE, OPCODES, Operation},
    sock::Sock,
    syscalls::{class_of, handler, handler_of, row_of},
};

use crate::{
    account, file, filter,
    maps::{HANDLERS, INTEREST, PENDING, Slot, offset},
    pathname, pending,
    probes::{call::ROWS, network, syscall::is_own_process},
    read,
    record::{self, Record},
    sock::{self, Target},
    task,
};

/// The operations as the programs read them, in read-only memory.
static OPERATIONS: [Operation; OPCODES] = BY_OPCODE;

/// `IOSQE_FIXED_FILE` and `IOSQE_CQE_SKIP_SUCCESS`, which are bits of `io_kiocb.flags` too.
const FIXED_FILE: u32 = 1;
const SKIP_SUCCESS: u32 = 1 << 6;

/// `IORING_FILE_INDEX_ALLOC`: the kernel chooses the slot.
const ANY_SLOT: u32 = u32::MAX;

/// Bits of `io_rsrc_node.file_ptr` that are not of the address (`io_uring/filetable.h`).
const FILE_BITS: u64 = 7;

/// Finds the handler of what is submitted and jumps to it.
#[raw_tracepoint(tracepoint = "io_uring_submit_req")]
pub fn ring_submit(ctx: RawTracePointContext) -> i32 {
    let Some(request) = Request::of(ctx.arg(0)) else {
        return 0;
    };
    let half = request.half();
    if request.operation.begin == handler::NONE || half == 0 || is_own_process() {
        return 0;
    }
    // SAFETY: the programs in HANDLERS are of this type and expect this context.
    unsafe { HANDLERS.tail_call(&ctx, u32::from(request.operation.begin)) };
    // Only reached if the handler is not there: it could not be loaded.
    account::unhandled(class_of(handler_of(half)).unwrap_or(ROWS[usize::from(row_of(half))].class));
    0
}

/// Finds the handler of what has ended and jumps to it.
#[raw_tracepoint(tracepoint = "io_uring_complete")]
pub fn ring_complete(ctx: RawTracePointContext) -> i32 {
    let address = ctx.arg(1);
    let Some(kept) = PENDING.get_ptr(address) else {
        return 0;
    };
    // SAFETY: a live map value, which begins with a header.
    let class = Class(unsafe { (*kept.cast::<Header>()).class });
    let Some(request) = Request::of(address) else {
        return 0;
    };
    // SAFETY: as above.
    unsafe { HANDLERS.tail_call(&ctx, u32::from(request.operation.end)) };
    if PENDING.remove(address).is_ok() {
        account::unhandled(class);
    }
    0
}

/// An operation of a ring: its `struct io_kiocb`.
#[derive(Clone, Copy)]
struct Request {
    address: u64,
    operation: &'static Operation,
}

impl Request {
    #[inline(always)]
    fn of(address: u64) -> Option<Self> {
        let opcode = read::kernel::<u8>(address, offset!(uring_opcode))?;
        let operation = OPERATIONS.get(usize::from(opcode))?;
        Some(Self { address, operation })
    }

    /// Half a word of the interest table: of the system call that does the same.
    #[inline(always)]
    fn half(self) -> u16 {
        INTEREST
            .get(self.operation.syscall)
            .map_or(0, |word| *word as u16)
    }

    /// A member of the operation's own struct; the default where this kernel has none.
    #[inline(always)]
    fn command<T: Copy + Default>(self, offset: u32) -> T {
        if offset == ABSENT {
            return T::default();
        }
        let command = self.address + u64::from(offset!(uring_cmd));
        read::kernel(command, offset).unwrap_or_default()
    }

    #[inline(always)]
    fn flags(self) -> u32 {
        read::kernel(self.address, offset!(uring_flags)).unwrap_or(0)
    }

    #[inline(always)]
    fn result(self) -> i64 {
        i64::from(read::kernel::<i32>(self.address, offset!(uring_res)).unwrap_or(0))
    }

    /// The descriptor passed; -1 where it is a slot of the ring. Known until the operation ends.
    #[inline(always)]
    fn descriptor(self) -> i32 {
        if self.flags() & FIXED_FILE != 0 {
            return -1;
        }
        read::kernel(self.address, offset!(uring_fd)).unwrap_or(-1)
    }

    /// The file that the operation is about: the kernel's own reference, no descriptor that could be
    /// replaced. Known when the operation ends.
    #[inline(always)]
    fn file(self) -> Option<u64> {
        read::pointer(self.address, offset!(uring_file))
    }

    /// The socket that the operation is about, when it ends.
    #[inline(always)]
    fn socket(self) -> Target {
        sock::of_file(self.file())
    }

    /// The file that the operation made: behind its new descriptor, or in a slot of the ring. `slot` is
    /// what was asked for.
    #[inline(always)]
    fn made(self, ret: i64, slot: u32) -> Option<u64> {
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
        let ring = read::pointer(self.address, offset!(uring_ctx))?;
        if index >= read::kernel::<u32>(ring, offset!(uring_ctx_files_len))? {
            return None;
        }
        let nodes = read::pointer(ring, offset!(uring_ctx_files))?;
        let node = read::pointer(nodes + 8 * u64::from(index), 0)?;
        let file = read::pointer(node, offset!(uring_node_file))?;
        Some(file & !FILE_BITS)
    }

    /// Begins the record of an operation that is submitted.
    #[inline(always)]
    fn draft<T>(self, class: Class) -> Option<Record<T>> {
        let record = record::draft::<T, _>(Slot::RingSubmit, class, task::current());
        let Some(record) = record else {
            account::unhandled(class);
            return None;
        };
        record.header().syscall = self.operation.syscall;
        Some(record)
    }

    /// Takes up the record of an operation that ends, with its result.
    #[inline(always)]
    fn resume<T>(self, class: Class) -> Option<Record<T, u64>> {
        let record = pending::resume::<T>(Slot::RingComplete, class, self.address)?;
        record.header().ret = self.result();
        Some(record)
    }

    /// Applies the filter to the record of an operation that has ended; `false` if no rule is left. What the filter
    /// tests of its class besides what all have in common is set already.
    #[inline(always)]
    fn passes<T>(self, record: &Record<T, u64>) -> bool {
        filter::ended_passes(record.scratch().index, self.operation.row) != 0
    }

    /// The same of an operation on a socket.
    #[inline(always)]
    fn passes_socket<T>(self, record: &Record<T, u64>, sock: &Sock) -> bool {
        network::set_socket(record.scratch(), sock);
        self.passes(record)
    }

    /// Class of the record kept for the operation.
    #[inline(always)]
    fn kept_class(self) -> Option<Class> {
        let kept = PENDING.get_ptr(self.address)?;
        // SAFETY: a live map value, which begins with a header.
        Some(Class(unsafe { (*kept.cast::<Header>()).class }))
    }

    /// Keeps a record until the operation ends, or sends it.
    #[inline(always)]
    fn keep_or_send<T>(self, class: Class, record: Record<T>) {
        let has_an_end = self.flags() & SKIP_SUCCESS == 0;
        self.keep_if(has_an_end, class, record);
    }

    /// Keeps a record where there is one end of the operation that can be seen, else sends it.
    #[inline(always)]
    fn keep_if<T>(self, has_an_end: bool, class: Class, record: Record<T>) {
        record.header().flags |= HEADER_IO_URING;
        let left = if has_an_end {
            pending::keep(record, self.address)
        } else {
            Err(record)
        };
        if let Err(record) = left {
            record.header().flags |= HEADER_UNFINISHED;
            pending::submit_seen(class, record);
        }
    }
}

/// Appends a path that the kernel has copied into a `struct filename` and, where it is relative, the
/// directory it starts from.
#[inline(always)]
fn append_path<T>(record: &Record<T>, [user, base]: [u8; 2], filename: u64, dirfd: i32) {
    let name = read::pointer(filename, offset!(filename_name)).unwrap_or(0);
    let first = record.append_kernel_str::<MAX_USER_PATH>(user, name);
    if first != b'/'
        && first != 0
        && let Some(start) = pathname::base(dirfd)
    {
        record.append_path_of(base, start);
    }
}

/// Appends the socket address of `len` bytes that the kernel has copied beside the operation.
#[inline(always)]
fn append_copied_address<T>(record: &Record<T>, tag: u8, request: Request, len: u32) {
    if let Some(copy) = read::pointer(request.address, offset!(uring_async_data)) {
        let address = copy + u64::from(offset!(uring_msghdr_addr));
        record.append_kernel::<MAX_SOCKADDR>(tag, address, u64::from(len));
    }
}
