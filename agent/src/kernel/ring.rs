//! A ring of the kernel half (`BPF_MAP_TYPE_RINGBUF`), read in place.
//!
//! The kernel lets its memory be mapped with the data twice in a row, so that every record is in one
//! piece (`kernel/bpf/ringbuf.c`). Pages that are mapped count as resident from then on, each mapping
//! anew; so the data is mapped once, and a record that runs over the end is copied in two pieces.
//!
//! What the kernel writes is mapped read-only, where Rust has relaxed loads only; a fence makes them acquire what was
//! written before (`std::sync::atomic`, "Atomic accesses to read-only memory"; `Documentation/bpf/ringbuf.rst` has the order
//! that the kernel keeps).
#![expect(unsafe_code, reason = "memory that the kernel writes")]

use std::{
    num::NonZeroUsize,
    os::fd::{AsFd, BorrowedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence},
};

use aya::maps::MapData;
use rustix::{
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
    param::page_size,
};

/// `BPF_RINGBUF_HDR_SZ`: a record's length and flags, and a number that is the kernel's own.
const HEADER: usize = 8;
/// `BPF_RINGBUF_BUSY_BIT`: the record is still being written.
const BUSY: u32 = 1 << 31;
/// `BPF_RINGBUF_DISCARD_BIT`: the record is to be skipped.
const DISCARDED: u32 = 1 << 30;

/// The reader of one ring; there may be no other.
#[derive(Debug)]
pub(super) struct Ring {
    map: MapData,
    memory: Memory,
}

impl Ring {
    /// Maps a ring of `size` bytes of data.
    pub(super) fn new(map: MapData, size: usize) -> Result<Self, Errno> {
        let memory = Memory::new(map.fd().as_fd(), size)?;
        Ok(Self { map, memory })
    }

    /// Appends the next record to `bytes` and gives its place back to the kernel; `false` if there is none.
    ///
    /// Where what is written cannot be a ring's, all that waits is skipped, and an empty record stands for it: decoding
    /// refuses that, and counts it.
    pub(super) fn take(&mut self, bytes: &mut Vec<u8>) -> bool {
        self.memory.take(bytes)
    }

    /// Bytes between reader and writers, headers of records included.
    pub(super) fn waiting(&self) -> u64 {
        self.memory.waiting() as u64
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.fd().as_fd()
    }
}

/// The memory of a ring, and how far it is read.
#[derive(Debug)]
struct Memory {
    /// How far is read, the page that only the reader writes.
    consumer: Mapping,
    /// How far is written, and behind that page the data.
    producer: Mapping,
    /// Bytes of data, a power of two.
    size: usize,
    /// How far is read, counted from the ring's beginning and never wrapped.
    read: usize,
}

impl Memory {
    fn new(fd: BorrowedFd<'_>, size: usize) -> Result<Self, Errno> {
        let page = page_size();
        if !size.is_power_of_two() || size < page {
            return Err(Errno::INVAL);
        }
        let consumer = Mapping::new(fd, ProtFlags::READ | ProtFlags::WRITE, page, 0)?;
        let producer = Mapping::new(fd, ProtFlags::READ, page + size, page)?;
        let read = consumer.position().load(Ordering::Relaxed);
        Ok(Self {
            consumer,
            producer,
            size,
            read,
        })
    }

    fn take(&mut self, bytes: &mut Vec<u8>) -> bool {
        loop {
            let waiting = self.waiting();
            if waiting > self.size {
                self.advance(waiting);
                return true;
            }
            if waiting < HEADER {
                return false;
            }
            let word = self.length_at(self.read).load(Ordering::Relaxed);
            // What the record holds was written before its length.
            fence(Ordering::Acquire);
            if word & BUSY != 0 {
                return false;
            }
            let len = (word & !DISCARDED) as usize;
            if len > waiting - HEADER {
                self.advance(waiting);
                return true;
            }
            if word & DISCARDED == 0 {
                self.copy(self.read.wrapping_add(HEADER), len, bytes);
            }
            self.advance((HEADER + len).next_multiple_of(8));
            if word & DISCARDED == 0 {
                return true;
            }
        }
    }

    /// Bytes between reader and writers: no more than there are, if they are right.
    fn waiting(&self) -> usize {
        let written = self.producer.position().load(Ordering::Relaxed);
        // A record's length was written before.
        fence(Ordering::Acquire);
        written.wrapping_sub(self.read)
    }

    /// Gives bytes back to the kernel, which writes there when it sees the new position.
    fn advance(&mut self, bytes: usize) {
        self.read = self.read.wrapping_add(bytes);
        let position = self.consumer.position();
        position.store(self.read, Ordering::Release);
    }

    /// The length of the record at a position. Records are 8-aligned, so it never runs over the end.
    fn length_at(&self, position: usize) -> &AtomicU32 {
        let at = position & (self.size - 1) & !7;
        // SAFETY: within the data and aligned; the kernel writes it atomically. It is only loaded from, relaxed.
        unsafe { AtomicU32::from_ptr(self.data().add(at).cast()) }
    }

    /// Copies `len` bytes, no more than the ring has, from a position.
    fn copy(&self, position: usize, len: usize, bytes: &mut Vec<u8>) {
        let at = position & (self.size - 1);
        let len = len.min(self.size);
        let first = len.min(self.size - at);
        for (at, len) in [(at, first), (0, len - first)] {
            // SAFETY: within the data; the kernel leaves a finished record alone until its place is given back.
            bytes
                .extend_from_slice(unsafe { std::slice::from_raw_parts(self.data().add(at), len) });
        }
    }

    fn data(&self) -> *mut u8 {
        self.producer.start.as_ptr().wrapping_add(page_size())
    }
}

/// A part of it, from a page with a position in its first word.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    len: NonZeroUsize,
}

// SAFETY: shared memory of which the reader only uses atomics, and what the kernel leaves alone.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(
        fd: BorrowedFd<'_>,
        access: ProtFlags,
        len: usize,
        offset: usize,
    ) -> Result<Self, Errno> {
        let len = NonZeroUsize::new(len).ok_or(Errno::INVAL)?;
        let offset = offset as u64;
        // SAFETY: a new mapping wherever the kernel likes.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                len.get(),
                access,
                MapFlags::SHARED,
                fd,
                offset,
            )?
        };
        let start = NonNull::new(start.cast()).ok_or(Errno::FAULT)?;
        Ok(Self { start, len })
    }

    /// The position that the kernel or the reader publishes. That of the kernel may only be loaded, relaxed.
    fn position(&self) -> &AtomicUsize {
        // SAFETY: the first word of a page, an `unsigned long` that both sides access atomically.
        unsafe { AtomicUsize::from_ptr(self.start.as_ptr().cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, which nothing refers to any more.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len.get()) };
        debug_assert!(unmapped.is_ok(), "a mapping of our own");
    }
}

#[cfg(test)]
mod tests;
