//! The thread that decides: reads records, keeps the process table, asks the rules.
//!
//! For an event that no rule matches it takes no lock, sends nothing and allocates nothing. What
//! may wait (files, `/proc`, writing) happens elsewhere and arrives as a [`Notice`] between
//! batches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::board::{Board, Peaks};
use super::clock;
use super::engine::InForce;
use super::hold::Waited;
use super::losses::Loss;
use super::verdict::Decider;
use crate::enrich::identity::News;
use crate::enrich::proc::Scanned;
use crate::enrich::users::{Inside, Question, Refusal, Users};
use crate::event::ProcKey;
use crate::metrics::Histogram;

/// Longest that a bulk record stays unread.
const TICK: Duration = Duration::from_millis(50);
/// Time between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Longest that draining the rings may take at the end.
pub(super) const DRAIN: Duration = Duration::from_secs(5);
/// Longest that counting what is left in them may take.
pub(super) const COUNT: Duration = Duration::from_secs(2);
/// Notices taken between two batches.
const NOTICES: usize = 256;
/// Notices taken at the end.
const LAST_NOTICES: usize = 4096;

/// What other threads have to say.
#[derive(Debug)]
pub(super) enum Notice {
    /// A process was read from `/proc`.
    Found(Box<Scanned>),
    /// All processes were.
    Scanned,
    /// A process that was asked about is no more.
    Gone(ProcKey),
    /// `passwd` or `group` changed.
    Users(Arc<Users>),
    /// The kernel half lost events.
    Lost(Vec<Loss>),
    /// Runtime or API server told something.
    News(Box<News>),
    /// Users and groups of a container were read, or not.
    Names(Box<str>, Result<Option<Arc<Inside>>, Refusal>),
}

/// Where records come from.
pub(super) trait Records {
    /// Waits for records, a wake-up or the timeout.
    fn wait(&mut self, timeout: Duration) -> io::Result<()>;

    /// Hands over what there is, in order, up to a bound; false if there is nothing.
    fn drain(&mut self, each: &mut dyn FnMut(&[u8])) -> bool;

    /// Bytes that wait in the lifecycle and the bulk ring.
    fn waiting(&self) -> [u64; 2];

    /// Tells where they come from which cgroups are of containers.
    fn tell_kinds(&mut self, cgroups: impl Iterator<Item = (u64, bool)>);
}

/// The thread's connections.
#[derive(Debug)]
pub(super) struct Wires {
    pub(super) in_force: Arc<ArcSwap<InForce>>,
    pub(super) notices: Receiver<Notice>,
    pub(super) wanted: SyncSender<ProcKey>,
    pub(super) asked: Asked,
    pub(super) names: SyncSender<Question>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) board: Arc<Board>,
    /// Longest that draining the rings may take at the end.
    pub(super) drain: Duration,
}

/// Asks the container runtime for the container of this full id; false where the question cannot be taken now. The answer
/// comes as [`Notice::News`].
pub(super) struct Asked(pub(super) Box<dyn Fn(&str) -> bool + Send>);

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Asked").finish_non_exhaustive()
    }
}

/// What the thread did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Records read.
    pub(super) records: u64,
    /// Alerts made.
    pub(super) alerts: u64,
    /// Those among them that were not shown, because they repeat others.
    pub(super) throttled: u64,
    /// Records that could not be decoded, and events the kernel half lost.
    pub(super) lost: u64,
    /// Records among them that could not be decoded.
    pub(super) undecodable: u64,
    /// Times from an event until its batch was begun.
    pub(super) lags: Histogram,
    /// Alerts that the kernel filter would have hidden (`audit_filter`).
    pub(super) hidden: u64,
    /// What became of records that waited for identity.
    pub(super) waited: Waited,
}

/// Decides until told to stop, then until the rings are empty.
pub(super) fn run(
    mut records: impl Records,
    mut decider: Decider,
    wires: &Wires,
    scan: Duration,
) -> io::Result<Totals> {
    learn_processes(&mut decider, wires, scan);
    let mut peaks = Peaks::new(Instant::now());
    wires.board.publish(&decider.report(peaks.highest()));
    let mut next = Instant::now() + HOUSEKEEPING;
    let mut stopping = None;
    loop {
        if wires.stop.load(Ordering::Acquire) {
            stopping.get_or_insert_with(Instant::now);
        } else {
            records.wait(TICK)?;
        }
        let (began, boot) = (Instant::now(), clock::boot());
        wires.board.beat(boot);
        peaks.see(records.waiting(), began);
        decider.begin(began, boot);
        // Not before the rings are read: records of new tables are for the rules that these came from.
        let mut loaded = None;
        let more = records.drain(&mut |record| {
            decider.record(loaded.get_or_insert_with(|| wires.in_force.load()), record);
        });
        let in_force = loaded.unwrap_or_else(|| wires.in_force.load());
        records.tell_kinds(decider.state.containers.kinds());
        decider.ask_unknown(|key| wires.wanted.try_send(key).is_ok());
        let now = Instant::now();
        for notice in wires.notices.try_iter().take(NOTICES) {
            take(&mut decider, notice, wires);
        }
        decider.settle(&in_force, now, &wires.asked.0);
        decider.ask_names(|question| wires.names.try_send(question).is_ok());
        decider.tell_ended_sessions(&in_force, now);
        decider.settle_throttle(&in_force, now);
        if now >= next {
            next = now + HOUSEKEEPING;
            housekeeping(&mut decider, wires);
            wires.board.publish(&decider.report(peaks.highest()));
        }
        if stopping.is_some_and(|since: Instant| !more || now - since > wires.drain) {
            return Ok(finish(&mut records, &mut decider, wires));
        }
    }
}

fn take(decider: &mut Decider, notice: Notice, wires: &Wires) {
    if matches!(notice, Notice::Scanned) {
        wires.board.scanned();
    }
    decider.notice(notice);
}

/// Tells of everything that is not decided.
fn finish(records: &mut impl Records, decider: &mut Decider, wires: &Wires) -> Totals {
    let deadline = Instant::now() + COUNT;
    while records.drain(&mut |record| decider.left(record)) && Instant::now() < deadline {}
    // Its senders may go on; as many as the channel holds were there.
    for notice in wires.notices.try_iter().take(LAST_NOTICES) {
        decider.notice(notice);
    }
    let in_force = wires.in_force.load();
    decider.settle_all(&in_force);
    decider.tell_all_sessions(&in_force);
    decider.finish_throttle();
    decider.tell_refused_sessions();
    decider.tell_undecodable();
    decider.totals()
}

/// Takes over what `/proc` shows before the first record is decided, as far as that goes in time.
/// The rings hold what happens meanwhile.
fn learn_processes(decider: &mut Decider, wires: &Wires, scan: Duration) {
    let deadline = Instant::now() + scan;
    while !wires.stop.load(Ordering::Acquire) {
        wires.board.beat(clock::boot());
        let left = deadline.saturating_duration_since(Instant::now());
        match wires.notices.recv_timeout(left.min(TICK)) {
            Ok(Notice::Scanned) => return take(decider, Notice::Scanned, wires),
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(notice) => decider.notice(notice),
            Err(RecvTimeoutError::Timeout) if left > TICK => {}
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("reading /proc takes long; the first alerts may lack details");
                return;
            }
        }
    }
}

fn housekeeping(decider: &mut Decider, wires: &Wires) {
    decider.set_clock(clock::epoch());
    decider.state.processes.expire(clock::now());
    decider.state.containers.expire(clock::boot());
    decider.state.sessions.expire(clock::now());
    decider.tell_refused_sessions();
    ask(decider.state.processes.repairs(), wires);
    ask(decider.state.sessions.to_check(), wires);
    decider.tell_undecodable();
    decider.ask_again();
}

/// Asks for what `/proc` knows of these processes.
fn ask(processes: impl IntoIterator<Item = ProcKey>, wires: &Wires) {
    for key in processes {
        // Full: its reader is behind or hangs. What is known stays as it is.
        if wires.wanted.try_send(key).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
