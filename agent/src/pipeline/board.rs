//! Where the parts of the agent say how they are, for whoever asks: `/metrics`, `/healthz`, `/readyz`.
//!
//! The deciding thread neither waits nor allocates for it: its sign of life is an atomic, its figures are copied once a
//! second, and not even that while somebody reads them.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use komainu_common::Class;

use super::clock;
use super::decide::Totals;
use crate::emit::sink::State;
use crate::enrich::process;
use crate::lock::lock;

/// How far the agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    Starting,
    Watching,
    Stopping,
}

/// What the deciding thread tells, once a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Report {
    pub(super) totals: Totals,
    pub(super) processes: usize,
    /// Bytes of their texts.
    pub(super) texts: usize,
    pub(super) table: process::Stats,
    /// cgroups, containers, pods.
    pub(super) containers: [usize; 3],
    pub(super) containers_evicted: u64,
    /// Bytes and records that wait for identity.
    pub(super) waiting: (usize, usize),
    /// State of each source, in the order of `Source::ALL`; empty before the first report.
    pub(super) sources: [&'static str; 2],
    /// The most that waited lately in the lifecycle and the bulk ring, bytes.
    pub(super) peaks: [u64; 2],
}

/// What became of the attempts to put other rules in force. Times are nanoseconds since the epoch, 0 before the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Reloads {
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) last_ok: u64,
    pub(super) last_failed: u64,
    /// Why the last one failed, if it did.
    pub(super) error: Option<String>,
}

/// What came back of the canary's acts.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    /// Rounds that said something, and those in which the acts could not be done.
    pub(super) rounds: u64,
    pub(super) failed: u64,
    pub(super) classes: Vec<Covered>,
}

/// The same of one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covered {
    pub(super) class: Class,
    pub(super) came_back: bool,
    /// Rounds in which nothing came back.
    pub(super) misses: u64,
}

/// What became of a probe.
#[derive(Clone, Debug)]
pub(super) struct ProbeReport {
    pub(super) program: &'static str,
    pub(super) required: bool,
    /// Why it is not attached.
    pub(super) error: Option<String>,
}

/// The board.
#[derive(Debug)]
pub(super) struct Board {
    stage: AtomicU8,
    /// When the deciding thread last began a round, nanoseconds since boot; 0 before it does.
    beat: AtomicU64,
    scanned: AtomicBool,
    report: Mutex<Report>,
    reloads: Mutex<Reloads>,
    probes: OnceLock<Vec<ProbeReport>>,
    coverage: Mutex<Coverage>,
    /// What the governor may do without, whether it does, and how often it began to.
    sheds: Mutex<Vec<(Class, bool, u64)>>,
    /// Of standard output.
    pub(super) stdout: Arc<State>,
    /// Of the other sinks.
    others: OnceLock<Vec<Arc<State>>>,
    /// When the agent started, nanoseconds since the epoch.
    pub(super) started: u64,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Starting as u8),
            beat: AtomicU64::new(0),
            scanned: AtomicBool::new(false),
            report: Mutex::default(),
            reloads: Mutex::default(),
            probes: OnceLock::new(),
            coverage: Mutex::default(),
            sheds: Mutex::default(),
            stdout: Arc::default(),
            others: OnceLock::new(),
            started: clock::now(),
        }
    }
}

impl Board {
    /// The agent is that far.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Starting,
            1 => Stage::Watching,
            _ => Stage::Stopping,
        }
    }

    /// The deciding thread begins a round at this time since boot.
    pub(super) fn beat(&self, boot: u64) {
        self.beat.store(boot, Ordering::Relaxed);
    }

    /// How long ago it did; `None` before the first time.
    pub(super) fn since_beat(&self, boot: u64) -> Option<Duration> {
        let beat = self.beat.load(Ordering::Relaxed);
        (beat != 0).then(|| Duration::from_nanos(boot.saturating_sub(beat)))
    }

    /// Every process was read from `/proc`.
    pub(super) fn scanned(&self) {
        self.scanned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_scanned(&self) -> bool {
        self.scanned.load(Ordering::Relaxed)
    }

    /// Leaves a report, or not, where the last one is just being read.
    pub(super) fn publish(&self, report: &Report) {
        if let Ok(mut last) = self.report.try_lock() {
            *last = *report;
        }
    }

    pub(super) fn report(&self) -> Report {
        *lock(&self.report)
    }

    /// Once, what became of the probes.
    pub(super) fn attached(&self, probes: Vec<ProbeReport>) {
        let is_first = self.probes.set(probes).is_ok();
        debug_assert!(is_first, "probes are attached once");
    }

    pub(super) fn probes(&self) -> &[ProbeReport] {
        self.probes.get().map_or(&[], Vec::as_slice)
    }

    /// Other rules are in force since `now`, nanoseconds since the epoch, or are not because of `error`.
    pub(super) fn reloaded(&self, now: u64, error: Option<String>) {
        let mut reloads = lock(&self.reloads);
        if error.is_none() {
            reloads.ok += 1;
            reloads.last_ok = now;
        } else {
            reloads.failed += 1;
            reloads.last_failed = now;
        }
        reloads.error = error;
    }

    /// A round of the canary is over; returns the classes that are not covered any more, and those that are again. One
    /// that was not tried is not spoken of any more.
    pub(super) fn covered(&self, tried: &[Class], missing: &[Class]) -> (Vec<Class>, Vec<Class>) {
        let mut coverage = lock(&self.coverage);
        coverage.rounds += 1;
        let (mut lost, mut restored) = (Vec::new(), Vec::new());
        let mut classes = Vec::new();
        for &class in tried {
            let mut known = coverage.classes.iter();
            let before = known.find(|covered| covered.class == class);
            let (came_before, misses) = before.map_or((true, 0), |of| (of.came_back, of.misses));
            let came_back = !missing.contains(&class);
            match (came_before, came_back) {
                (true, false) => lost.push(class),
                (false, true) => restored.push(class),
                _ => {}
            }
            classes.push(Covered {
                class,
                came_back,
                misses: misses + u64::from(!came_back),
            });
        }
        coverage.classes = classes;
        (lost, restored)
    }

    /// The canary's acts could not be done.
    pub(super) fn canary_failed(&self) {
        lock(&self.coverage).failed += 1;
    }

    pub(super) fn coverage(&self) -> Coverage {
        lock(&self.coverage).clone()
    }

    /// These classes may be shed, and none is.
    pub(super) fn may_shed(&self, classes: impl Iterator<Item = Class>) {
        *lock(&self.sheds) = classes.map(|class| (class, false, 0)).collect();
    }

    /// These classes are shed now, and no others.
    pub(super) fn governed(&self, shed: &[Class]) {
        for (class, is_shed, times) in &mut *lock(&self.sheds) {
            let was_shed = std::mem::replace(is_shed, shed.contains(class));
            *times += u64::from(*is_shed && !was_shed);
        }
    }

    /// Classes that are shed.
    pub(super) fn shed(&self) -> Vec<Class> {
        let sheds = lock(&self.sheds);
        let classes = sheds.iter().filter(|(_, is_shed, _)| *is_shed);
        classes.map(|(class, ..)| *class).collect()
    }

    /// Classes that may be shed, whether they are, and how often they were.
    pub(super) fn sheds(&self) -> Vec<(Class, bool, u64)> {
        lock(&self.sheds).clone()
    }

    /// Once, the sinks beside standard output.
    pub(super) fn sinks_are(&self, others: Vec<Arc<State>>) {
        let is_first = self.others.set(others).is_ok();
        debug_assert!(is_first, "sinks are made once");
    }

    /// Every sink, standard output first.
    pub(super) fn sinks(&self) -> impl Iterator<Item = &Arc<State>> {
        let others = self.others.get().into_iter().flatten();
        std::iter::once(&self.stdout).chain(others)
    }

    pub(super) fn reloads(&self) -> Reloads {
        lock(&self.reloads).clone()
    }
}

/// Time over which the largest is kept.
const WINDOW: Duration = Duration::from_mins(1);

/// The largest values lately: of this minute and the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peaks {
    now: [u64; 2],
    before: [u64; 2],
    since: Instant,
}

impl Peaks {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            now: [0; 2],
            before: [0; 2],
            since: now,
        }
    }

    pub(super) fn see(&mut self, values: [u64; 2], now: Instant) {
        if now.saturating_duration_since(self.since) >= WINDOW {
            self.before = std::mem::take(&mut self.now);
            self.since = now;
        }
        for (peak, value) in self.now.iter_mut().zip(values) {
            *peak = value.max(*peak);
        }
    }

    pub(super) fn highest(&self) -> [u64; 2] {
        let [lifecycle, bulk] = self.now;
        [lifecycle.max(self.before[0]), bulk.max(self.before[1])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_forgotten_after_two_minutes() {
        let began = Instant::now();
        let mut peaks = Peaks::new(began);
        let at = |minutes| began + minutes * WINDOW;
        peaks.see([5, 1], at(0));
        peaks.see([2, 3], at(0));
        assert_eq!(peaks.highest(), [5, 3]);
        peaks.see([1, 4], at(1));
        assert_eq!(peaks.highest(), [5, 4]);
        peaks.see([0, 0], at(2));
        assert_eq!(peaks.highest(), [1, 4]);
    }

    #[test]
    fn coverage_is_told_where_it_changes() {
        let board = Board::default();
        let (open, exec) = (Class::OPEN, Class::EXEC);
        assert_eq!(board.covered(&[open, exec], &[]), (vec![], vec![]));
        assert_eq!(board.covered(&[open, exec], &[open]), (vec![open], vec![]));
        assert_eq!(
            board.covered(&[open, exec], &[open, exec]),
            (vec![exec], vec![])
        );
        assert_eq!(board.covered(&[open, exec], &[exec]), (vec![], vec![open]));
        assert_eq!(board.coverage().classes[0].misses, 2);
        assert_eq!(
            board.covered(&[open], &[]),
            (vec![], vec![]),
            "exec is not tried any more"
        );
        let coverage = board.coverage();
        assert_eq!((coverage.classes.len(), coverage.rounds), (1, 5));
    }

    #[test]
    fn sheds_are_counted() {
        let board = Board::default();
        board.may_shed([Class::OPEN, Class::SEND].into_iter());
        let (open, both) = (&[Class::OPEN][..], &[Class::OPEN, Class::SEND][..]);
        for shed in [open, both, &[], open] {
            board.governed(shed);
        }
        assert_eq!(board.shed(), [Class::OPEN]);
        assert_eq!(
            board.sheds(),
            [(Class::OPEN, true, 2), (Class::SEND, false, 1)]
        );
    }

    #[test]
    fn a_report_that_is_read_is_not_waited_for() {
        let board = Board::default();
        let report = Report {
            processes: 3,
            ..Report::default()
        };
        let reading = lock(&board.report);
        board.publish(&report);
        drop(reading);
        assert_eq!(board.report().processes, 0);
        board.publish(&report);
        assert_eq!(board.report().processes, 3);
    }

    #[test]
    fn reloads_are_counted_and_the_last_one_is_told() {
        let board = Board::default();
        board.reloaded(5, Some("bad".into()));
        board.reloaded(6, Some("worse".into()));
        let reloads = board.reloads();
        assert_eq!((reloads.ok, reloads.failed, reloads.last_failed), (0, 2, 6));
        assert_eq!(reloads.error.as_deref(), Some("worse"));
        board.reloaded(7, None);
        let reloads = board.reloads();
        assert_eq!((reloads.ok, reloads.last_ok, reloads.error), (1, 7, None));
    }
}
