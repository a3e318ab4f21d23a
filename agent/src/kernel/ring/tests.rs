//! A ring in a file in memory: the test writes what the kernel writes.

use std::os::fd::OwnedFd;

use proptest::prelude::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::{pread, pwrite};

use super::*;

const SIZE: usize = 64 * 1024;

struct Written {
    file: OwnedFd,
    memory: Memory,
    position: u64,
}

impl Written {
    /// Begins at this position.
    fn new(position: u64) -> Self {
        let file = memfd_create("ring", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, (2 * page_size() + SIZE) as u64).unwrap();
        pwrite(&file, &position.to_ne_bytes(), 0).unwrap();
        let memory = Memory::new(file.as_fd(), SIZE).unwrap();
        let mut written = Self {
            file,
            memory,
            position,
        };
        written.publish(position);
        written
    }

    fn publish(&mut self, position: u64) {
        self.position = position;
        pwrite(&self.file, &position.to_ne_bytes(), page_size() as u64).unwrap();
    }

    /// Where the kernel believes that the reader is.
    fn consumed(&self) -> u64 {
        let mut bytes = [0; 8];
        pread(&self.file, &mut bytes, 0).unwrap();
        u64::from_ne_bytes(bytes)
    }

    fn put(&self, position: u64, bytes: &[u8]) {
        for (position, byte) in (position..).zip(bytes) {
            let at = 2 * page_size() as u64 + position % SIZE as u64;
            pwrite(&self.file, &[*byte], at).unwrap();
        }
    }

    /// Writes a record with these flags.
    fn write(&mut self, record: &[u8], flags: u32) {
        let word = u32::try_from(record.len()).unwrap() | flags;
        self.put(self.position, &word.to_ne_bytes());
        self.put(self.position + HEADER as u64, record);
        let taken = (HEADER + record.len()).next_multiple_of(8);
        self.publish(self.position + taken as u64);
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.memory.take(&mut bytes).then_some(bytes)
    }
}

#[test]
fn records_come_in_order_and_over_the_end() {
    let mut ring = Written::new(SIZE as u64 - 24);
    assert_eq!(ring.take(), None);
    ring.write(b"first", 0);
    ring.write(b"runs over the end", 0);
    ring.write(b"nothing", DISCARDED);
    ring.write(b"last", 0);
    let begin = ring.position;
    ring.write(b"not yet", BUSY);
    for record in [&b"first"[..], b"runs over the end", b"last"] {
        assert_eq!(ring.take().as_deref(), Some(record));
    }
    assert_eq!(ring.take(), None);
    assert_eq!(ring.consumed(), begin);
    assert_eq!(ring.memory.waiting() as u64, ring.position - begin);
    ring.put(begin, &7_u32.to_ne_bytes());
    assert_eq!(ring.take().as_deref(), Some(&b"not yet"[..]));
}

/// Another reader took the place of records that this one has not seen, or worse.
#[test]
fn more_than_there_is_room_for_is_skipped_and_told() {
    let mut ring = Written::new(0);
    ring.put(0, &(1_u32 << 29).to_ne_bytes());
    for position in [SIZE as u64 + 8, 1 << 40, u64::MAX - 7] {
        ring.publish(position);
        assert_eq!(ring.take().as_deref(), Some(&[][..]));
        assert_eq!(ring.take(), None);
        assert_eq!(ring.consumed(), position);
    }
}

#[test]
fn a_length_beyond_what_is_written_is_skipped_and_told() {
    let mut ring = Written::new(0);
    ring.write(b"record", 0);
    ring.put(0, &4096_u32.to_ne_bytes());
    assert_eq!(ring.take().as_deref(), Some(&[][..]));
    ring.write(b"next", 0);
    assert_eq!(ring.take().as_deref(), Some(&b"next"[..]));
    assert_eq!(ring.take(), None);
}

#[test]
fn no_ring_has_such_a_size() {
    let ring = Written::new(0);
    for size in [0, 1, page_size() / 2, SIZE - 8] {
        assert!(Memory::new(ring.file.as_fd(), size).is_err(), "{size}");
    }
}

proptest! {
    /// Whatever is written, what is read comes from the ring and is no more than it holds.
    #[test]
    fn total(
        begin in any::<u64>(),
        steps in prop::collection::vec((any::<u64>(), any::<u32>(), prop::bool::ANY), 1..20),
    ) {
        let mut ring = Written::new(begin & !7);
        for (position, word, is_near) in steps {
            let ahead = if is_near { position % (2 * SIZE as u64) } else { position };
            let read = ring.consumed();
            ring.put(read, &(if is_near { word & 0xffff } else { word }).to_ne_bytes());
            ring.publish(read.wrapping_add(ahead & !7));
            for _ in 0..4 {
                if let Some(record) = ring.take() {
                    prop_assert!(record.len() <= SIZE);
                }
            }
        }
    }
}
