//! `komainu run`: makes the parts, connects them, waits for signals, takes them down in order.

mod setup;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use aya_log::EbpfLogger;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use setup::{
    KernelFilter, Signals, decider_error, give_up, kernel_options, load_error, load_users,
    sink_error, sources, spawn_decider, spawn_names, spawn_scan, started, state, tell_probes,
    tell_waited, write,
};

use super::decide::{COUNT, DRAIN, Notice, Totals, Wires};
use super::engine::{self, InForce};
use super::losses::{self, Look, Missed, Untold};
use super::verdict::Decider;
use super::{clock, identity, stream};
use crate::config::Config;
use crate::decode::Clock;
use crate::emit::lost::{Lost, Place, Tally};
use crate::emit::sink;
use crate::emit::{Alert, Outlet, OwnEvent};
use crate::enrich::users;
use crate::kernel::{Kernel, Waker};

/// Notices and questions that wait at most.
const NOTICES: usize = 1024;
/// Time between two looks at `passwd` and `group`.
const USERS: Duration = Duration::from_secs(5);
/// Time between two looks at the log of the kernel half.
const LOG: Duration = Duration::from_secs(1);
/// Time between two looks at whether somebody reads standard output.
const READER: Duration = Duration::from_secs(1);
/// Longest that the deciding thread may take to end beyond draining the rings.
const DECIDE: Duration = Duration::from_secs(3);
/// Tries to have the deciding thread name the last losses, and the time between two.
const LAST_TRIES: usize = 20;
const LAST_TRY: Duration = Duration::from_millis(50);
/// Longest that the last alerts may take to be written.
const FLUSH: Duration = Duration::from_secs(5);

/// Runs until a signal, the end of standard output or of the deciding thread.
pub(super) async fn watch(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let rules = engine::load(&config).map_err(|error| anyhow!("{error}\n{}", error.details))?;
    let sources = sources(&config);
    let users = load_users(&sources);

    let (alerts, for_sink) = mpsc::channel(config.output.queue.size());
    let lost = Arc::new(Lost::default());
    let (notices, for_decider) = sync_channel(NOTICES);
    let (wanted, for_scan) = sync_channel(NOTICES);
    let stop = Arc::new(AtomicBool::new(false));

    let mut kernel = Kernel::load(&kernel_options(&config)).map_err(load_error)?;
    let in_force = Arc::new(ArcSwap::from_pointee(InForce::default()));
    let audit = config.kernel.audit_filter;
    let mut filter = KernelFilter::new(&mut kernel, audit);
    engine::put_in_force(&in_force, rules, &mut filter)?;
    let lanes = kernel.lanes().context("cannot read events")?;
    let kinds = kernel.cgroup_kinds()?;
    let waker = lanes.waker();
    let degraded = tell_probes(kernel.probes());
    let log = kernel.logger();

    let stream = stream::new(&config);
    let mut sink = tokio::spawn(write(for_sink, stream, Arc::clone(&lost)));
    alerts
        .send(started(&in_force.load().rules, kernel.probes(), degraded))
        .await?;
    let epoch = clock::epoch();
    let asked = identity::start(&config, notices.clone(), waker.clone());
    spawn_scan(&config, epoch, for_scan, notices.clone())?;
    let names = spawn_names(&config, notices.clone(), waker.clone())?;
    // After the last attach and the last thread that needs more, before the thread that reads what others wrote.
    give_up(&kernel)?;
    let queued = config.output.queue_bytes.size();
    let outlet = Outlet::new(alerts.clone(), Arc::clone(&lost), queued);
    let decider = Decider::new(state(&config, epoch, &users), outlet, &config);
    let wires = Wires {
        in_force: Arc::clone(&in_force),
        notices: for_decider,
        wanted,
        asked,
        names,
        stop: Arc::clone(&stop),
        drain: DRAIN,
    };
    let mut done = spawn_decider((lanes, kinds), decider, wires, &config)?;

    let mut watch = Watch {
        config,
        in_force,
        sources,
        users,
        kernel,
        log,
        losses: Losses::from_now(),
        notices,
        alerts,
        lost,
    };
    let end = watch
        .until_the_end(&mut signals, &mut sink, &mut done)
        .await;
    watch.take_down(end, &stop, &waker, sink, done).await
}

/// Why it ends.
enum End {
    Signal(&'static str),
    Sink(anyhow::Error),
    Decider(anyhow::Error),
}

type Done = oneshot::Receiver<io::Result<Totals>>;
type Sink = JoinHandle<io::Result<sink::Totals>>;

/// What the kernel half lost, and who was told.
struct Losses {
    told: losses::Told,
    /// Losses that the deciding thread had no room for.
    untold: Untold,
    missed: Missed,
    /// Losses that were told without the deciding thread, which is to count them.
    nameless: u64,
}

impl Losses {
    fn from_now() -> Self {
        Self {
            told: losses::Told::since(clock::boot()),
            untold: Untold::default(),
            missed: Missed::since(clock::now()),
            nameless: 0,
        }
    }
}

/// What the waiting task holds.
struct Watch {
    config: Config,
    in_force: Arc<ArcSwap<InForce>>,
    sources: users::Sources,
    users: Arc<users::Users>,
    kernel: Kernel,
    /// Log lines of the kernel half; they go where ours go.
    log: Option<EbpfLogger<&'static dyn log::Log>>,
    losses: Losses,
    notices: SyncSender<Notice>,
    alerts: mpsc::Sender<Alert>,
    lost: Arc<Lost>,
}

impl Watch {
    async fn until_the_end(
        &mut self,
        signals: &mut Signals,
        sink: &mut Sink,
        done: &mut Done,
    ) -> End {
        let mut ledger = interval(Duration::from_secs(self.config.kernel.ledger_seconds.0));
        let mut users = interval(USERS);
        let mut log = interval(LOG);
        let mut reader = interval(READER);
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return End::Signal("SIGTERM"),
                _ = signals.interrupt.recv() => return End::Signal("SIGINT"),
                _ = signals.hangup.recv() => self.reload().await,
                _ = ledger.tick() => self.tell_losses(Look::Next),
                _ = users.tick() => self.reload_users().await,
                _ = reader.tick() => if stream::reader_is_gone(io::stdout()) {
                    return End::Sink(sink_error(Ok(Err(io::ErrorKind::BrokenPipe.into()))));
                },
                _ = log.tick() => self.log.iter_mut().for_each(EbpfLogger::flush),
                ended = &mut *sink => return End::Sink(sink_error(ended)),
                ended = &mut *done => return End::Decider(decider_error(ended)),
            }
        }
    }

    /// Compiles everything anew and swaps it in whole; on any error the old set stays.
    async fn reload(&mut self) {
        let config = self.config.clone();
        let loaded = tokio::task::spawn_blocking(move || engine::load(&config)).await;
        let swapped = match loaded {
            Ok(Ok(rules)) => {
                let audit = self.config.kernel.audit_filter;
                let mut filter = KernelFilter::new(&mut self.kernel, audit);
                engine::put_in_force(&self.in_force, rules, &mut filter)
                    .map_err(anyhow::Error::from)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        };
        let event = match swapped {
            Ok(rules) => {
                tracing::info!(rules, "reloaded the rules");
                OwnEvent::Reloaded { rules }
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "cannot reload the rules, the old ones stay in force");
                OwnEvent::ReloadFailed { error }
            }
        };
        self.tell(event).await;
    }

    /// Asks the kernel half what it lost since the last time.
    fn tell_losses(&mut self, look: Look) {
        self.look_for_losses(look);
        let notices = &self.notices;
        self.losses
            .untold
            .hand_over(|losses| match notices.try_send(Notice::Lost(losses)) {
                Err(
                    TrySendError::Full(Notice::Lost(losses))
                    | TrySendError::Disconnected(Notice::Lost(losses)),
                ) => Err(losses),
                _ => Ok(()),
            });
    }

    fn look_for_losses(&mut self, look: Look) {
        let ledger = self.kernel.ledger().map(|rows| {
            rows.iter()
                .map(|row| (row.key, row.entry))
                .collect::<Vec<_>>()
        });
        let counters = self.kernel.counters().map(|rows| {
            rows.iter()
                .map(|row| (row.class, row.counters))
                .collect::<Vec<_>>()
        });
        let (ledger, counters) = match (ledger, counters) {
            (Ok(ledger), Ok(counters)) => (ledger, counters),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "cannot read what the kernel half lost");
                return;
            }
        };
        let losses = self
            .losses
            .told
            .observe(&ledger, &counters, look, clock::boot());
        self.losses.untold.add(losses);
        let missed = self.kernel.missed();
        let missed = missed.map(|row| (row.probe.program, row.probe.classes, row.count));
        for (place, tally) in self.losses.missed.observe(missed, clock::now()) {
            self.lost.merge(place, tally);
        }
    }

    /// The last look, after which nothing happens any more. Told without the name of a container
    /// where the deciding thread stays busy.
    async fn tell_last_losses(&mut self) {
        self.tell_losses(Look::Last);
        for _ in 0..LAST_TRIES {
            if self.losses.untold.is_empty() {
                return;
            }
            sleep(LAST_TRY).await;
            self.tell_losses(Look::Last);
        }
        let (lost, nameless) = (&self.lost, &mut self.losses.nameless);
        let clock = Clock {
            boot: clock::epoch(),
        };
        self.losses.untold.hand_over(|losses| {
            for loss in losses {
                let place = Place {
                    stage: loss.stage,
                    class: Some(loss.class.name()),
                    place: loss.cgroup_name(),
                };
                let tally = Tally {
                    count: loss.count,
                    first: clock.unix(loss.first),
                    last: clock.unix(loss.last),
                    noticed: clock::now(),
                };
                lost.merge(place, tally);
                *nameless += loss.count;
            }
            Ok(())
        });
    }

    async fn reload_users(&mut self) {
        let (known, sources) = (Arc::clone(&self.users), self.sources.clone());
        let look = move || known.outdated(&sources).then(|| load_users(&sources));
        let Ok(Some(users)) = tokio::task::spawn_blocking(look).await else {
            return;
        };
        // Full: the next look finds the same difference.
        if self
            .notices
            .try_send(Notice::Users(Arc::clone(&users)))
            .is_ok()
        {
            self.users = users;
        }
    }

    async fn tell(&self, event: OwnEvent) {
        let told = timeout(FLUSH, self.alerts.send(event.into_alert(clock::now()))).await;
        if !matches!(told, Ok(Ok(()))) {
            tracing::warn!("standard output does not take the agent's own events");
        }
    }

    /// Probes off, rings emptied, alerts written, in this order.
    async fn take_down(
        mut self,
        end: End,
        stop: &AtomicBool,
        waker: &Waker,
        sink: Sink,
        done: Done,
    ) -> anyhow::Result<()> {
        self.kernel.detach();
        // Where nobody reads the stream, nobody can be told.
        if !matches!(end, End::Sink(_)) {
            self.tell_last_losses().await;
        }
        stop.store(true, Ordering::Release);
        waker.wake();
        let (reason, mut result) = match end {
            End::Signal(name) => (name.to_owned(), Ok(())),
            End::Sink(error) => return Err(error),
            End::Decider(error) => (format!("{error:#}"), Err(error)),
        };
        let mut totals = Totals::default();
        if result.is_ok() {
            match timeout(DRAIN + COUNT + DECIDE, done).await {
                Ok(Ok(Ok(decided))) => totals = decided,
                Ok(ended) => result = Err(decider_error(ended)),
                Err(_) => result = Err(anyhow!("the deciding thread does not end")),
            }
        }
        if result.is_ok() && totals.hidden > 0 {
            result = Err(anyhow!(
                "the kernel filter would have hidden {} alerts",
                totals.hidden
            ));
        }
        tell_waited(&totals.waited);
        let stopped = OwnEvent::Stopped {
            reason,
            identified: totals.waited.known(),
            unidentified: totals
                .waited
                .without()
                .map(|(why, count)| format!("{why} {count}"))
                .collect(),
            events: totals.records,
            alerts: totals.alerts,
            lost: totals.lost
                + self.losses.nameless
                + self.losses.missed.total()
                + self.lost.alerts(),
        };
        let last = stopped.into_alert(clock::now());
        let flushed = timeout(FLUSH, async {
            // Fails where the sink is gone, which its own result says.
            drop(self.alerts.send(last).await);
            drop(self.alerts);
            sink.await
        });
        match flushed.await {
            Ok(Ok(Ok(written))) => tracing::info!(written.lines, written.lost, "stopped"),
            Ok(ended) => return Err(sink_error(ended)),
            Err(_) => {
                return Err(anyhow!(
                    "standard output did not take the last alerts within {FLUSH:?}"
                ));
            }
        }
        result
    }
}
