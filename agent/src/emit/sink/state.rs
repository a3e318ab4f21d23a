//! How a sink is, for whoever asks meanwhile.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::Lost;
use crate::lock::lock;

/// What a sink shares with those who send to it and ask about it.
#[derive(Debug)]
pub struct State {
    /// What it lost, and what waits for it.
    pub lost: Arc<Lost>,
    /// How far it is.
    pub progress: Progress,
    /// Why the last attempt to write failed, if it did.
    fault: Mutex<Option<String>>,
    /// Bytes on disk.
    spooled: AtomicU64,
}

impl Default for State {
    /// Of standard output.
    fn default() -> Self {
        Self::new(Lost::default())
    }
}

impl State {
    /// Nothing is written yet.
    pub fn new(lost: Lost) -> Self {
        Self {
            lost: Arc::new(lost),
            progress: Progress::default(),
            fault: Mutex::default(),
            spooled: AtomicU64::new(0),
        }
    }

    /// Name of the sink.
    pub fn name(&self) -> &'static str {
        self.lost.name()
    }

    /// An attempt failed and will be made again. Logged when it begins.
    pub fn fails(&self, error: impl Display) {
        let error = error.to_string();
        let before = self.set_fault(Some(error.clone()));
        if before.is_none() {
            tracing::warn!(sink = self.name(), error, "a sink does not take alerts");
        }
    }

    /// An attempt went well.
    pub fn works(&self) {
        if self.set_fault(None).is_some() {
            tracing::info!(sink = self.name(), "a sink takes alerts again");
        }
    }

    /// Why it takes nothing at the moment.
    pub fn fault(&self) -> Option<String> {
        lock(&self.fault).clone()
    }

    /// Bytes that wait on disk.
    pub fn spooled(&self) -> u64 {
        self.spooled.load(Ordering::Relaxed)
    }

    pub(super) fn set_spooled(&self, bytes: u64) {
        self.spooled.store(bytes, Ordering::Relaxed);
    }

    fn set_fault(&self, fault: Option<String>) -> Option<String> {
        std::mem::replace(&mut *lock(&self.fault), fault)
    }
}

/// How far a sink is, for whoever asks meanwhile.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    lines: AtomicU64,
    /// When the write under way began, nanoseconds after `began`; 0 where none is.
    writing: AtomicU64,
    ended: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            lines: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }
}

impl Progress {
    pub(super) fn begin(&self) {
        self.writing.store(self.now().max(1), Ordering::Relaxed);
    }

    /// So many lines more.
    pub(super) fn wrote(&self, lines: usize) {
        self.writing.store(0, Ordering::Relaxed);
        let lines = u64::try_from(lines).unwrap_or(u64::MAX);
        self.lines.fetch_add(lines, Ordering::Relaxed);
    }

    /// Nothing is written any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is written any more.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Lines written.
    pub fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// How long the write under way has taken.
    pub fn blocked(&self) -> Duration {
        match self.writing.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_nanos(self.now().saturating_sub(since)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
