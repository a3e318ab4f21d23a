//! Storage of the process table: limits, tombstones, eviction.

use std::collections::VecDeque;

use super::Ancestors;
use crate::enrich::bounded::BoundedMap;
use crate::event::{ProcKey, Process};

/// How large the table may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processes, exited ones included.
    pub processes: usize,
    /// Bytes of their texts (arguments, environment, paths) together.
    pub bytes: usize,
    /// How long an exited process can still be found, nanoseconds.
    pub linger: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            processes: 32_768,
            bytes: 64 << 20,
            linger: 30_000_000_000,
        }
    }
}

/// What happened to the table so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processes that an event named before any fork, exec or `/proc` entry did.
    pub missing: u64,
    /// Exited processes forgotten before their time for want of room.
    pub evicted_exited: u64,
    /// Living processes forgotten for want of room.
    pub evicted_living: u64,
}

/// Where an entry comes from; a later one counts more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The task of an event or an ancestor list: identity and `comm` only.
    Task,
    /// `/proc`.
    Proc,
    /// A fork or exec record.
    Kernel,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) process: Process,
    pub(super) source: Source,
    /// When it exited, nanoseconds since the epoch.
    pub(super) exited: Option<u64>,
    /// `/proc` was asked about it already.
    pub(super) asked: bool,
    /// When it started the program it runs, nanoseconds since boot; 0 where no record told.
    pub(super) execed: u64,
    bytes: usize,
}

/// The table. One thread owns it; reading marks entries as used and needs no `&mut`.
#[derive(Debug)]
pub struct ProcessTable {
    /// Boxed: a table that grows has room for twice as many.
    entries: BoundedMap<ProcKey, Box<Entry>>,
    exited: VecDeque<(u64, ProcKey)>,
    bytes: usize,
    limits: Limits,
    pub(super) stats: Stats,
    /// Nanoseconds from boot to the epoch: adds to a boot time to give wall-clock time.
    pub(super) epoch: u64,
    /// Since the last look, a process exited or came in by name only.
    pub(super) repairs_possible: bool,
}

impl ProcessTable {
    /// An empty table. `epoch` is the wall-clock time of boot in nanoseconds since the epoch.
    pub fn new(limits: Limits, epoch: u64) -> Self {
        Self {
            entries: BoundedMap::new(limits.processes),
            exited: VecDeque::new(),
            bytes: 0,
            limits,
            stats: Stats::default(),
            epoch,
            repairs_possible: false,
        }
    }

    /// The process, living or lately exited.
    pub fn get(&self, key: ProcKey) -> Option<&Process> {
        self.entries.get(&key).map(|entry| &entry.process)
    }

    /// Ancestors of a process, nearest first.
    pub fn ancestors(&self, of: ProcKey) -> Ancestors<'_> {
        Ancestors::new(self, of)
    }

    /// Entries, exited ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no process is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of text held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Follows a change of the wall clock; see [`ProcessTable::new`].
    pub fn set_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Wall-clock time of boot, nanoseconds since the epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    pub(super) fn entry(&self, key: ProcKey) -> Option<&Entry> {
        self.entries.get(&key).map(|entry| &**entry)
    }

    pub(super) fn entry_mut(&mut self, key: ProcKey) -> Option<&mut Entry> {
        self.entries.get_mut(&key).map(|entry| &mut **entry)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&ProcKey, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key, &**entry))
    }

    /// Processes that have not exited, in no order.
    pub fn living(&self) -> impl Iterator<Item = (ProcKey, &Process)> {
        let living = self.all().filter(|(_, entry)| entry.exited.is_none());
        living.map(|(key, entry)| (*key, &entry.process))
    }

    /// Adds or replaces an entry and makes room for it. An exited process stays exited.
    pub(super) fn put(&mut self, key: ProcKey, process: Process, source: Source) {
        let bytes = text_bytes(&process);
        let exited = self.take(key).and_then(|old| old.exited);
        while self.len() >= self.limits.processes
            || (self.bytes + bytes > self.limits.bytes && !self.is_empty())
        {
            if !self.evict() {
                break;
            }
        }
        self.bytes += bytes;
        let entry = Entry {
            process,
            source,
            exited,
            asked: false,
            execed: 0,
            bytes,
        };
        if let Some((_, old)) = self.entries.insert(key, Box::new(entry)) {
            self.bytes -= old.bytes;
            self.stats.evicted_living += 1;
        }
    }

    /// Leaves a tombstone, and forgets those whose time is over.
    pub(super) fn bury(&mut self, key: ProcKey, now: u64) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if entry.exited.is_none() {
            entry.exited = Some(now);
            self.exited.push_back((now, key));
            self.repairs_possible = true;
        }
        self.expire(now);
    }

    /// Forgets processes that exited more than the linger time before `now` (since the epoch).
    pub fn expire(&mut self, now: u64) {
        while let Some(&(time, key)) = self.exited.front() {
            if time.saturating_add(self.limits.linger) > now {
                return;
            }
            self.exited.pop_front();
            drop(self.take(key));
        }
    }

    fn take(&mut self, key: ProcKey) -> Option<Box<Entry>> {
        let entry = self.entries.remove(&key)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// Oldest exited process first, then a living one that no event used lately.
    fn evict(&mut self) -> bool {
        while let Some((_, key)) = self.exited.pop_front() {
            if self.take(key).is_some() {
                self.stats.evicted_exited += 1;
                return true;
            }
        }
        let Some((_, entry)) = self.entries.evict() else {
            return false;
        };
        self.bytes -= entry.bytes;
        self.stats.evicted_living += 1;
        true
    }
}

fn text_bytes(process: &Process) -> usize {
    [
        &process.comm,
        &process.exe,
        &process.args,
        &process.cmdline,
        &process.exe_path,
        &process.env,
        &process.cwd,
    ]
    .iter()
    .map(|text| text.len())
    .sum()
}
