//! `komainu run`: makes the parts, connects them, waits for signals, takes them down in order.

mod ending;
mod govern;
mod losses;
mod reload;
mod setup;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use aya_log::EbpfLogger;
use tokio::sync::{mpsc, oneshot};
use tokio::time::interval;

use govern::Govern;
use losses::Losses;
use reload::{Cause, Tried};
use setup::{
    KernelFilter, Signals, decider_error, give_up, kernel_options, load_error, load_users, sources,
    spawn_decider, spawn_names, spawn_scan, start_canary, started, state, tell_probes, watch_rules,
};

use super::board::{Board, Stage};
use super::canary::Canary;
use super::decide::{DRAIN, Notice, Totals, Wires};
use super::engine::{self, InForce};
use super::identity::Inquired;
use super::losses::Look;
use super::nonce::Nonce;
use super::report::{Ask, KernelReport};
use super::sinks::{self, Running};
use super::verdict::Decider;
use super::{clock, endpoint, identity, stream};
use crate::config::Config;
use crate::emit::{Outlet, OwnEvent};
use crate::enrich::users;
use crate::kernel::{self, Kernel, Waker};

/// Notices and questions that wait at most.
const NOTICES: usize = 1024;
/// Time between two looks at `passwd` and `group`.
const USERS: Duration = Duration::from_secs(5);
/// Time between two looks at the log of the kernel half.
const LOG: Duration = Duration::from_secs(1);
/// Time between two looks at whether somebody reads standard output.
const READER: Duration = Duration::from_secs(1);
/// Time between two looks at the CPU time that the agent takes.
const GOVERN: Duration = Duration::from_secs(1);
/// Longest that the last alerts may take to be written.
const FLUSH: Duration = Duration::from_secs(5);

/// Runs until a signal, the end of standard output or of the deciding thread.
pub(super) async fn watch(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let shared = Shared::default();
    let (ask, asks) = mpsc::channel(1);
    endpoint::start(&config, shared.sources(ask)).await?;
    let nonce = (config.canary.interval_seconds.0 > 0).then(Nonce::new);
    let rules =
        engine::load(&config, nonce).map_err(|error| anyhow!("{error}\n{}", error.details))?;
    let tried = Arc::clone(&rules.hash);

    let mut kernel = Kernel::load(&kernel_options(&config)).map_err(load_error)?;
    let mut filter = KernelFilter::new(&mut kernel, config.kernel.audit_filter, &[]);
    engine::put_in_force(&shared.in_force, rules, &mut filter)?;
    let degraded = tell_probes(kernel.probes(), &shared.board);

    let (outlet, mut sinks) = sinks::start(&config, &shared.board)?;
    let started = started(&shared.in_force.load(), kernel.probes(), degraded);
    outlet.tell(started, FLUSH).await;
    let (notices, for_decider) = sync_channel(NOTICES);
    let changed = watch_rules(&config)?;
    let mut watch = Watch {
        sources: sources(&config),
        users: load_users(&sources(&config)),
        log: kernel.logger(),
        losses: Losses::from_now(),
        govern: Govern::new(&config),
        nonce,
        config,
        shared,
        kernel,
        notices,
        outlet,
        asks,
        changed,
        tried,
    };
    let mut decider = watch.start_deciding(for_decider)?;
    kernel::give_back();
    watch.shared.board.enter(Stage::Watching);
    start_canary(&watch);
    let end = watch
        .until_the_end(&mut signals, &mut sinks.stdout, &mut decider.done)
        .await;
    watch.take_down(end, sinks, decider).await
}

/// What the parts have in common.
#[derive(Clone, Debug, Default)]
struct Shared {
    board: Arc<Board>,
    in_force: Arc<ArcSwap<InForce>>,
    inquired: Arc<Inquired>,
    canary: Arc<Canary>,
}

impl Shared {
    /// What the endpoint looks at.
    fn sources(&self, kernel: mpsc::Sender<Ask>) -> endpoint::Sources {
        let shared = self.clone();
        endpoint::Sources {
            board: shared.board,
            in_force: shared.in_force,
            inquired: shared.inquired,
            kernel,
        }
    }
}

/// Why it ends.
enum End {
    Signal(&'static str),
    Sink(anyhow::Error),
    Decider(anyhow::Error),
}

/// The deciding thread.
struct Deciding {
    stop: Arc<AtomicBool>,
    waker: Waker,
    done: Done,
}

type Done = oneshot::Receiver<io::Result<Totals>>;

/// What the waiting task holds.
struct Watch {
    config: Config,
    shared: Shared,
    sources: users::Sources,
    users: Arc<users::Users>,
    kernel: Kernel,
    /// Log lines of the kernel half; they go where ours go.
    log: Option<EbpfLogger<&'static dyn log::Log>>,
    losses: Losses,
    govern: Govern,
    /// Of the canary, where there is one.
    nonce: Option<Nonce>,
    notices: SyncSender<Notice>,
    outlet: Outlet,
    /// Questions of the endpoint.
    asks: mpsc::Receiver<Ask>,
    /// Says that rule files may have changed.
    changed: mpsc::Receiver<()>,
    tried: Tried,
}

impl Watch {
    /// Starts the threads that decide and that read `/proc`, and the tasks that ask who containers are.
    fn start_deciding(&mut self, for_decider: Receiver<Notice>) -> anyhow::Result<Deciding> {
        let Self {
            config,
            shared,
            notices,
            ..
        } = self;
        let lanes = self.kernel.lanes().context("cannot read events")?;
        let kinds = self.kernel.cgroup_kinds()?;
        let (waker, stop, epoch) = (lanes.waker(), Arc::default(), clock::epoch());
        let (wanted, for_scan) = sync_channel(NOTICES);
        spawn_scan(config, epoch, for_scan, notices.clone())?;
        let names = spawn_names(config, notices.clone(), waker.clone())?;
        // After the last attach and the last thread that needs more, before the thread that reads what others wrote.
        give_up(&self.kernel)?;
        let outlet = self.outlet.clone();
        let canary = Arc::clone(&shared.canary);
        let decider = Decider::new(state(config, epoch, &self.users), outlet, canary, config);
        shared
            .board
            .may_shed(config.governor.shed.iter().map(|class| class.0));
        let wires = Wires {
            in_force: Arc::clone(&shared.in_force),
            notices: for_decider,
            wanted,
            names,
            asked: identity::start(config, notices.clone(), waker.clone(), &shared.inquired),
            stop: Arc::clone(&stop),
            board: Arc::clone(&shared.board),
            drain: DRAIN,
        };
        let done = spawn_decider((lanes, kinds), decider, wires, config)?;
        Ok(Deciding { stop, waker, done })
    }

    async fn until_the_end(
        &mut self,
        signals: &mut Signals,
        sink: &mut Running,
        done: &mut Done,
    ) -> End {
        let mut ledger = interval(Duration::from_secs(self.config.kernel.ledger_seconds.0));
        let mut users = interval(USERS);
        let mut log = interval(LOG);
        let mut reader = interval(READER);
        let mut govern = interval(GOVERN);
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return End::Signal("SIGTERM"),
                _ = signals.interrupt.recv() => return End::Signal("SIGINT"),
                _ = signals.hangup.recv() => self.reload(Cause::Signal).await,
                Some(()) = self.changed.recv() => self.reload(Cause::Change).await,
                Some(ask) = self.asks.recv() => {
                    // Whoever asked may have lost patience.
                    drop(ask.send(KernelReport::of(&self.kernel)));
                }
                _ = ledger.tick() => self.tell_losses(Look::Next),
                _ = govern.tick() => self.govern().await,
                _ = users.tick() => self.reload_users().await,
                _ = reader.tick() => if stream::reader_is_gone(io::stdout()) {
                    return End::Sink(sinks::error(Ok(Err(io::ErrorKind::BrokenPipe.into()))));
                },
                _ = log.tick() => self.log.iter_mut().for_each(EbpfLogger::flush),
                ended = &mut *sink => return End::Sink(sinks::error(ended)),
                ended = &mut *done => return End::Decider(decider_error(ended)),
            }
        }
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
        let event = event.into_alert(clock::now());
        if !self.outlet.tell(event, FLUSH).await {
            tracing::warn!("standard output does not take the agent's own events");
        }
    }
}
