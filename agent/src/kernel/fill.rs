//! How full a ring is, read from the two positions that the kernel shares with its reader.
#![expect(
    unsafe_code,
    reason = "the loader maps these pages too, and has no accessor for them"
)]

use std::{
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
    param::page_size,
};

/// One position, mapped to be read. `struct bpf_ringbuf` (`kernel/bpf/ringbuf.c`) has the consumer's in its first
/// page that can be mapped, the producer's in the second.
#[derive(Debug)]
struct Position {
    page: NonNull<AtomicU64>,
    length: NonZeroUsize,
}

// SAFETY: the page is mapped until it is dropped, and only ever read, atomically.
unsafe impl Send for Position {}

impl Position {
    fn map(ring: impl AsFd, number: u64) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(page_size()).ok_or(Errno::INVAL)?;
        let offset = number * length.get() as u64;
        // SAFETY: a fresh mapping, at an address that the kernel chooses.
        let page = unsafe {
            mmap(
                ptr::null_mut(),
                length.get(),
                ProtFlags::READ,
                MapFlags::SHARED,
                ring,
                offset,
            )
        }?;
        let page = NonNull::new(page.cast()).ok_or(Errno::FAULT)?;
        Ok(Self { page, length })
    }

    fn read(&self) -> u64 {
        // SAFETY: mapped, aligned to a page, and an `unsigned long` that others change atomically.
        unsafe { self.page.as_ref() }.load(Ordering::Acquire)
    }
}

impl Drop for Position {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` and used by nobody else.
        let unmapped = unsafe { munmap(self.page.as_ptr().cast(), self.length.get()) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

/// What waits in one ring.
#[derive(Debug)]
pub(super) struct Fill {
    consumer: Position,
    producer: Position,
}

impl Fill {
    /// Of a ring buffer map.
    pub(super) fn of(ring: impl AsFd) -> Result<Self, Errno> {
        Ok(Self {
            consumer: Position::map(&ring, 0)?,
            producer: Position::map(&ring, 1)?,
        })
    }

    /// Bytes between reader and writers, headers of records included.
    pub(super) fn bytes(&self) -> u64 {
        // The consumer's first: read the other way round, it could be ahead.
        let consumer = self.consumer.read();
        self.producer.read().saturating_sub(consumer)
    }
}
