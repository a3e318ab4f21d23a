//! `io_uring` by its system calls: one ring, one operation after another.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::raw::syscall_native;

/// `io_uring_setup(2)`, `io_uring_enter(2)`, `io_uring_register(2)`.
const SETUP: u64 = 425;
const ENTER: u64 = 426;
const REGISTER: u64 = 427;

/// `IORING_OP_*`.
pub(crate) const SENDMSG: u8 = 9;
pub(crate) const RECVMSG: u8 = 10;
pub(crate) const ACCEPT: u8 = 13;
pub(crate) const CONNECT: u8 = 16;
pub(crate) const OPENAT: u8 = 18;
pub(crate) const SEND: u8 = 26;
pub(crate) const RECV: u8 = 27;
pub(crate) const OPENAT2: u8 = 28;
pub(crate) const SHUTDOWN: u8 = 34;
pub(crate) const RENAMEAT: u8 = 35;
pub(crate) const UNLINKAT: u8 = 36;
pub(crate) const MKDIRAT: u8 = 37;
pub(crate) const SYMLINKAT: u8 = 38;
pub(crate) const LINKAT: u8 = 39;
pub(crate) const SOCKET: u8 = 45;
pub(crate) const BIND: u8 = 56;
pub(crate) const LISTEN: u8 = 57;

/// `IOSQE_ASYNC`, `IOSQE_CQE_SKIP_SUCCESS`.
pub(crate) const ASYNC: u8 = 1 << 4;
pub(crate) const SKIP_SUCCESS: u8 = 1 << 6;

/// `IORING_SETUP_SQPOLL`: a thread of the kernel submits.
pub(crate) const SQPOLL: u32 = 2;

const ENTRIES: usize = 8;
/// `IORING_ENTER_GETEVENTS` and `IORING_ENTER_SQ_WAKEUP`.
const GETEVENTS_AND_WAKE: u32 = 1 | 2;
const REGISTER_FILES: u32 = 2;

/// `struct io_uring_sqe`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Operation {
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) ioprio: u16,
    pub(crate) fd: i32,
    /// `off`, `addr2`.
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) len: u32,
    /// `open_flags`, …
    pub(crate) op_flags: u32,
    pub(crate) user_data: u64,
    pub(crate) buffer: u16,
    pub(crate) personality: u16,
    /// One more than the slot that gets the file, or 0.
    pub(crate) file_index: u32,
    pub(crate) rest: [u64; 2],
}

/// `struct io_uring_params`.
#[repr(C)]
#[derive(Default)]
struct Parameters {
    sq_entries: u32,
    cq_entries: u32,
    flags: u32,
    cpu: u32,
    idle: u32,
    features: u32,
    wq_fd: u32,
    reserved: [u32; 3],
    /// `head`, `tail`, `ring_mask`, `ring_entries`, `flags`, `dropped`, `array`, …
    sq: [u32; 10],
    /// `head`, `tail`, `ring_mask`, `ring_entries`, `overflow`, `cqes`, …
    cq: [u32; 10],
}

/// A ring.
pub(crate) struct Ring {
    fd: OwnedFd,
    parameters: Parameters,
    queues: *mut u8,
    operations: *mut Operation,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        Self::with(0)
    }

    /// With `IORING_SETUP_*` flags.
    pub(crate) fn with(flags: u32) -> io::Result<Self> {
        let mut parameters = Parameters {
            flags,
            idle: 1,
            ..Parameters::default()
        };
        // SAFETY: a valid struct of the kernel's; the descriptor is owned here.
        let fd = unsafe {
            let fd = call(SETUP, [ENTRIES as u64, (&raw mut parameters) as u64, 0, 0])?;
            OwnedFd::from_raw_fd(i32::try_from(fd).unwrap())
        };
        let cqes = parameters.cq[5] as usize + 16 * parameters.cq_entries as usize;
        let array = parameters.sq[6] as usize + 4 * parameters.sq_entries as usize;
        // One mapping for both queues (IORING_FEAT_SINGLE_MMAP, 5.4).
        let map = |len, at| {
            // SAFETY: a fresh mapping of the ring.
            unsafe {
                let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
                mmap(ptr::null_mut(), len, access, kind, &fd, at)
            }
        };
        let queues = map(cqes.max(array), 0)?.cast();
        let operations = map(size_of::<Operation>() * ENTRIES, 0x1000_0000)?.cast();
        Ok(Self {
            fd,
            parameters,
            queues,
            operations,
        })
    }

    /// Makes room for files that have no descriptor.
    pub(crate) fn register_slots(&self, slots: usize) {
        let files = vec![-1_i32; slots];
        let fd = u64::from(self.fd.as_raw_fd().cast_unsigned());
        let arguments = [
            fd,
            u64::from(REGISTER_FILES),
            files.as_ptr() as u64,
            slots as u64,
        ];
        // SAFETY: as many descriptors as are said.
        unsafe { call(REGISTER, arguments) }.unwrap();
    }

    /// Submits operations together; their results, as far as they tell them, in order of completion.
    pub(crate) fn run(&mut self, operations: &[Operation]) -> Vec<i32> {
        let silent = |operation: &&Operation| operation.flags & SKIP_SUCCESS != 0;
        let waits = operations.len() - operations.iter().filter(silent).count();
        self.enter(operations, waits);
        (0..waits).map(|_| self.result()).collect()
    }

    /// Submits operations together and waits for none.
    pub(crate) fn submit(&mut self, operations: &[Operation]) {
        self.enter(operations, 0);
    }

    fn enter(&mut self, operations: &[Operation], waits: usize) {
        let tail = self.word(self.parameters.sq[1]).load(Ordering::Acquire);
        let mask = self.parameters.sq_entries - 1;
        for (operation, number) in operations.iter().zip(tail..) {
            let slot = number & mask;
            // SAFETY: both are below the number of entries of the ring.
            unsafe { self.operations.add(slot as usize).write(*operation) };
            self.word(self.parameters.sq[6] + 4 * slot)
                .store(slot, Ordering::Relaxed);
        }
        let count = u32::try_from(operations.len()).unwrap();
        self.word(self.parameters.sq[1])
            .store(tail + count, Ordering::Release);
        let fd = u64::from(self.fd.as_raw_fd().cast_unsigned());
        let arguments = [
            fd,
            u64::from(count),
            waits as u64,
            u64::from(GETEVENTS_AND_WAKE),
        ];
        // SAFETY: the queues are as the kernel wants them.
        let submitted = unsafe { call(ENTER, arguments) }.unwrap();
        assert_eq!(submitted, i64::from(count));
    }

    fn result(&mut self) -> i32 {
        let head = self.word(self.parameters.cq[0]).load(Ordering::Acquire);
        let tail = self.word(self.parameters.cq[1]).load(Ordering::Acquire);
        assert_ne!(head, tail, "no result");
        let slot = head & (self.parameters.cq_entries - 1);
        // `user_data`, then `res`.
        let result = self.word(self.parameters.cq[5] + 16 * slot + 8);
        let result = result.load(Ordering::Relaxed).cast_signed();
        self.word(self.parameters.cq[0])
            .store(head + 1, Ordering::Release);
        result
    }

    fn word(&self, at: u32) -> &AtomicU32 {
        // SAFETY: an aligned word within the mapping, by the kernel's own account.
        unsafe { AtomicU32::from_ptr(self.queues.add(at as usize).cast()) }
    }
}

/// # Safety
/// The arguments must be right for the call.
unsafe fn call(number: u64, [a, b, c, d]: [u64; 4]) -> io::Result<i64> {
    // SAFETY: the caller's guarantee.
    let result = unsafe { syscall_native(number, [a, b, c, d, 0, 0]) };
    if result < 0 {
        return Err(io::Error::from_raw_os_error(
            i32::try_from(-result).unwrap(),
        ));
    }
    Ok(result)
}
