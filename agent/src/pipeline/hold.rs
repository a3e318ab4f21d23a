//! Events whose container is not known yet wait here: as the records they came in, in order.
//!
//! With a record of a cgroup wait all later ones of the same cgroup, forks, execs and exits included, so the process
//! table is in step when they are decided, and no cgroup waits for another. What such a process has to do with
//! processes elsewhere (the runtime's, that made it) is applied when it happens, which is before, and the process
//! table keeps who exited meanwhile. What a record elsewhere says of a process that waits here is applied before
//! its older records; those then only fill in.
//!
//! What may wait is bounded in time, and in bytes and records. Of the room, a cgroup has at most as much as is still
//! free (dynamic thresholds, Choudhury & Hahne 1998, as in the kernel's ring): a flood in one new container leaves half
//! of the room to the others.

mod waited;

use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::enrich::container::Wait;

pub(super) use waited::Waited;

/// Bytes that a record takes beside its own.
const OVERHEAD: usize = size_of::<Parked>();
/// Longest that a cgroup whose path no record told waits for `/proc` to tell it.
const PATH: Duration = Duration::from_millis(300);
/// Time until the runtime is asked again about a container; doubles each time. A runtime does not know a container by its
/// id from the very beginning.
const ASK: Duration = Duration::from_millis(100);

/// What may wait at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long; zero: nothing waits.
    pub(super) wait: Duration,
    /// Bytes of records, with what they take beside.
    pub(super) bytes: usize,
    /// Records.
    pub(super) records: usize,
}

/// There is no room for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Records that wait, by cgroup.
#[derive(Debug)]
pub(super) struct Hold {
    limits: Limits,
    queues: HashMap<u64, Queue>,
    bytes: usize,
    records: usize,
}

#[derive(Debug)]
struct Queue {
    /// When the first record came.
    since: Instant,
    /// When the runtime is to be asked next, and for how long not again.
    ask: Option<(Instant, Duration)>,
    bytes: Vec<u8>,
    index: Vec<Parked>,
}

#[derive(Clone, Copy, Debug)]
struct Parked {
    /// Number of the event.
    number: u64,
    start: usize,
    end: usize,
}

impl Queue {
    fn size(&self) -> usize {
        self.bytes.len() + self.index.len() * OVERHEAD
    }

    fn new(since: Instant) -> Self {
        Self {
            since,
            ask: Some((since, ASK)),
            bytes: Vec::new(),
            index: Vec::new(),
        }
    }
}

impl Hold {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            queues: HashMap::new(),
            bytes: 0,
            records: 0,
        }
    }

    /// Whether anything may wait.
    pub(super) fn is_on(&self) -> bool {
        !self.limits.wait.is_zero()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether records of this cgroup wait.
    pub(super) fn has(&self, cgroup: u64) -> bool {
        !self.queues.is_empty() && self.queues.contains_key(&cgroup)
    }

    /// Keeps a record, behind those of its cgroup; tells whether it is the first of them.
    pub(super) fn park(
        &mut self,
        cgroup: u64,
        number: u64,
        record: &[u8],
        now: Instant,
    ) -> Result<bool, Full> {
        let need = record.len() + OVERHEAD;
        let free = self.limits.bytes.saturating_sub(self.bytes);
        let left = self.limits.records.saturating_sub(self.records);
        let queue = self.queues.get(&cgroup);
        let (size, count) = queue.map_or((0, 0), |queue| (queue.size(), queue.index.len()));
        if size + need > free || count + 1 > left {
            return Err(Full);
        }
        let queue = self.queues.entry(cgroup).or_insert_with(|| Queue::new(now));
        let start = queue.bytes.len();
        queue.bytes.extend_from_slice(record);
        let end = queue.bytes.len();
        queue.index.push(Parked { number, start, end });
        self.bytes += need;
        self.records += 1;
        Ok(count == 0)
    }

    /// The cgroups of which records wait.
    pub(super) fn cgroups(&self) -> impl Iterator<Item = u64> + '_ {
        self.queues.keys().copied()
    }

    /// The cgroups whose time is over, as `wait` says what each waits for.
    pub(super) fn late(&self, now: Instant, wait: impl Fn(u64) -> Wait) -> Vec<u64> {
        let longest = |cgroup| match wait(cgroup) {
            Wait::No => Duration::MAX,
            Wait::Path => PATH.min(self.limits.wait),
            Wait::Identity | Wait::Names => self.limits.wait,
        };
        let late = |cgroup, queue: &Queue| now.duration_since(queue.since) >= longest(cgroup);
        let queues = self.queues.iter();
        queues
            .filter(|(cgroup, queue)| late(**cgroup, queue))
            .map(|(cgroup, _)| *cgroup)
            .collect()
    }

    /// Asks about the cgroups that it is time to ask about; what `ask` refuses is asked the next time.
    pub(super) fn ask(&mut self, now: Instant, mut ask: impl FnMut(u64) -> bool) {
        for (cgroup, queue) in &mut self.queues {
            if let Some((at, pause)) = queue.ask
                && now >= at
                && ask(*cgroup)
            {
                queue.ask = now.checked_add(pause).map(|next| (next, pause * 2));
            }
        }
    }

    /// Takes out what needs not wait any more.
    pub(super) fn take(&mut self, is_done: impl Fn(u64) -> bool) -> Released {
        let taken = self.queues.extract_if(|cgroup, _| is_done(*cgroup));
        let queues: Vec<(u64, Queue)> = taken.collect();
        for (_, queue) in &queues {
            self.bytes -= queue.size();
            self.records -= queue.index.len();
        }
        Released { queues }
    }

    /// Bytes and records that wait.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.bytes, self.records)
    }
}

/// Records that waited.
#[derive(Debug)]
pub(super) struct Released {
    queues: Vec<(u64, Queue)>,
}

impl Released {
    /// The cgroups, since when they waited, and with how many records.
    pub(super) fn waits(&self) -> impl Iterator<Item = (u64, Instant, usize)> + '_ {
        let queues = self.queues.iter();
        queues.map(|(cgroup, queue)| (*cgroup, queue.since, queue.index.len()))
    }

    /// The records with their numbers, in the order in which they came.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut order: Vec<(u64, &[u8])> = Vec::new();
        for (_, queue) in &self.queues {
            order.extend(queue.index.iter().filter_map(|parked| {
                Some((parked.number, queue.bytes.get(parked.start..parked.end)?))
            }));
        }
        order.sort_unstable_by_key(|(number, _)| *number);
        order.into_iter()
    }
}

#[cfg(test)]
mod tests;
