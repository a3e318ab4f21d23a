//! The two rings, read so that the process table is never behind the event that needs it.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};

use super::ring::Ring;

/// Bytes above which a batch gives memory back.
const PEAK: usize = 4 << 20;

/// Bytes of bulk records taken at a time.
const BULK_BATCH: usize = 512 * 1024;

/// Bytes of the largest ring that can be configured, and so of what one can hold.
pub(super) const LARGEST_RING: usize = 64 << 20;

/// Offset of `Header::time`, and the least length that has it.
const TIME_AT: usize = 8;
const TIME_END: usize = TIME_AT + 8;

/// The rings of both lanes. Owned by one thread.
#[derive(Debug)]
pub struct Lanes {
    lifecycle: Ring,
    bulk: Ring,
    wake: Arc<OwnedFd>,
    /// Bytes of the lifecycle ring.
    lifecycle_bound: usize,
    /// Lifecycle records that are newer than the bulk records read so far.
    held: Batch,
}

/// Wakes the thread in [`Lanes::wait`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Makes the current or next [`Lanes::wait`] return at once.
    pub fn wake(&self) {
        // Fails only if the counter would overflow, and then the reader is awake.
        let written = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
        debug_assert!(written.is_ok() || written == Err(Errno::AGAIN));
    }
}

impl Lanes {
    pub(super) fn new(lifecycle: Ring, bulk: Ring, lifecycle_bound: usize) -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            lifecycle,
            bulk,
            wake: Arc::new(wake),
            lifecycle_bound,
            held: Batch::default(),
        })
    }

    /// Handle to end [`Self::wait`] early.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Waits until a ring asks for attention, the waker was used, or `timeout` has passed.
    ///
    /// Records that arrive meanwhile wake only when there are many; the caller's timeout is the longest
    /// that one stays unread.
    pub fn wait(&self, timeout: Duration) -> Result<(), Errno> {
        let fds: [BorrowedFd<'_>; 3] =
            [self.lifecycle.as_fd(), self.bulk.as_fd(), self.wake.as_fd()];
        let mut polled = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let timeout = Timespec::try_from(timeout).map_err(|_| Errno::INVAL)?;
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let mut counter = [0; 8];
        match rustix::io::read(&*self.wake, &mut counter) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Bytes that wait in the lifecycle ring and in the bulk ring.
    pub fn waiting(&self) -> [u64; 2] {
        [self.lifecycle.waiting(), self.bulk.waiting()]
    }

    /// Fills `batch` with what is in the rings: bulk first, up to a bound, then the lifecycle lane.
    ///
    /// Whatever happened to a process before one of these bulk events is then in the batch or was
    /// in an earlier one; and nothing that happened after them while more bulk events wait, so a
    /// process is not judged by what it became later. `false` if both rings were empty.
    pub fn drain(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        let more = take(
            &mut self.bulk,
            &mut batch.bytes,
            &mut batch.bulk,
            BULK_BATCH,
        );
        self.held.give_lifecycle(0, batch);
        self.held.clear();
        // No more than the ring holds: a producer that never stops must not keep us here.
        let bound = batch.bytes.len() + self.lifecycle_bound;
        take(
            &mut self.lifecycle,
            &mut batch.bytes,
            &mut batch.lifecycle,
            bound,
        );
        if more {
            batch.hold_back(&mut self.held, self.lifecycle_bound);
        }
        !batch.is_empty()
    }
}

/// Copies records until `bytes` is `bound` long or the ring is empty; whether it may hold more.
fn take(ring: &mut Ring, bytes: &mut Vec<u8>, index: &mut Vec<Entry>, bound: usize) -> bool {
    while bytes.len() < bound {
        let start = bytes.len();
        if !ring.take(bytes) {
            return false;
        }
        index.push(Entry {
            time: bytes.get(start..).map_or(0, time_of),
            start,
            end: bytes.len(),
        });
    }
    true
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time: u64,
    start: usize,
    end: usize,
}

/// `Header::time` of a record, 0 if it is too short to have one (decode will refuse it).
fn time_of(record: &[u8]) -> u64 {
    record
        .get(TIME_AT..TIME_END)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_ne_bytes)
}

/// Records copied out of the rings. Reused, so that reading allocates nothing once warm.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    bulk: Vec<Entry>,
    lifecycle: Vec<Entry>,
}

impl Batch {
    fn clear(&mut self) {
        // After a flood: the memory is not needed again soon.
        if self.bytes.capacity() > PEAK && self.bytes.len() < PEAK / 4 {
            self.bytes.shrink_to(PEAK);
        }
        self.bytes.clear();
        self.bulk.clear();
        self.lifecycle.clear();
    }

    /// Moves lifecycle records newer than the last bulk record to `held`, unless they are more than
    /// `limit` bytes: then time order yields to bounded memory.
    fn hold_back(&mut self, held: &mut Self, limit: usize) {
        let Some(horizon) = self.bulk.last().map(|last| last.time) else {
            return;
        };
        let newer = |entry: &Entry| entry.time > horizon;
        let from = self
            .lifecycle
            .iter()
            .position(newer)
            .unwrap_or(self.lifecycle.len());
        let newer = self.lifecycle.iter().skip(from);
        let bytes: usize = newer.map(|entry| entry.end - entry.start).sum();
        if bytes <= limit {
            self.give_lifecycle(from, held);
            self.lifecycle.truncate(from);
        }
    }

    /// Copies the lifecycle records from number `from` on to the end of `to`.
    fn give_lifecycle(&self, from: usize, to: &mut Self) {
        for entry in self.lifecycle.iter().skip(from) {
            let start = to.bytes.len();
            let record = self.bytes.get(entry.start..entry.end).unwrap_or_default();
            to.bytes.extend_from_slice(record);
            to.lifecycle.push(Entry {
                time: entry.time,
                start,
                end: to.bytes.len(),
            });
        }
    }

    /// Whether there is no record in it.
    pub fn is_empty(&self) -> bool {
        self.bulk.is_empty() && self.lifecycle.is_empty()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.bulk.len() + self.lifecycle.len()
    }

    /// The records of both lanes merged by time, lifecycle first where times are equal. Within a
    /// lane the ring's order is kept.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut bulk = self.bulk.iter().peekable();
        let mut lifecycle = self.lifecycle.iter().peekable();
        std::iter::from_fn(move || {
            let entry = match (bulk.peek(), lifecycle.peek()) {
                (Some(file), Some(process)) if file.time < process.time => bulk.next(),
                (Some(_), None) => bulk.next(),
                _ => lifecycle.next(),
            }?;
            self.bytes.get(entry.start..entry.end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(time: u64, mark: u8) -> Vec<u8> {
        let mut bytes = vec![0; TIME_AT];
        bytes.extend_from_slice(&time.to_ne_bytes());
        bytes.push(mark);
        bytes
    }

    fn batch(bulk: &[(u64, u8)], lifecycle: &[(u64, u8)]) -> Batch {
        let mut batch = Batch::default();
        let push = |bytes: &mut Vec<u8>, index: &mut Vec<Entry>, &(time, mark): &(u64, u8)| {
            let start = bytes.len();
            let record = record(time, mark);
            bytes.extend_from_slice(&record);
            index.push(Entry {
                time: time_of(&record),
                start,
                end: bytes.len(),
            });
        };
        for entry in bulk {
            push(&mut batch.bytes, &mut batch.bulk, entry);
        }
        for entry in lifecycle {
            push(&mut batch.bytes, &mut batch.lifecycle, entry);
        }
        batch
    }

    fn marks(batch: &Batch) -> String {
        batch
            .records()
            .map(|r| char::from(*r.last().unwrap()))
            .collect()
    }

    #[test]
    fn merges_by_time_with_lifecycle_first() {
        let batch = batch(
            &[(5, b'b'), (9, b'd'), (7, b'e')],
            &[(1, b'A'), (5, b'B'), (8, b'C')],
        );
        assert_eq!(marks(&batch), "ABbCde");
    }

    #[test]
    fn what_happened_later_waits_for_the_bulk_records_before_it() {
        let mut first = batch(&[(5, b'b')], &[(1, b'A'), (5, b'B'), (8, b'C'), (9, b'D')]);
        let mut held = Batch::default();
        first.hold_back(&mut held, 1000);
        assert_eq!((marks(&first), marks(&held)), ("ABb".into(), "CD".into()));
        let mut next = batch(&[(7, b'c')], &[]);
        held.give_lifecycle(0, &mut next);
        assert_eq!(marks(&next), "cCD");
        let mut crowded = batch(&[(5, b'b')], &[(8, b'C')]);
        held.clear();
        crowded.hold_back(&mut held, 3);
        assert_eq!(marks(&crowded), "bC", "memory is bounded first");
    }

    #[test]
    fn a_record_without_time_comes_first() {
        let mut batch = batch(&[(5, b'x')], &[]);
        batch.bulk.insert(
            0,
            Entry {
                time: time_of(b"short"),
                start: 0,
                end: 0,
            },
        );
        assert_eq!(batch.records().next(), Some(&[][..]));
        assert_eq!(batch.len(), 2);
    }
}
