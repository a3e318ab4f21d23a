//! The parts of `komainu run`, one by one.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use std::{io, thread};

use anyhow::anyhow;
use komainu_common::Class;
use komainu_common::limits::MAX_ENV;
use rustix::thread::{CapabilitySet, capabilities};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::super::board::{Board, ProbeReport};
use super::super::canary::{self, Cage};
use super::super::decide::{self, Notice, Records, Totals, Wires};
use super::super::engine::{self, InForce};
use super::super::hold::Waited;
use super::super::rules_watch::{self, Pace};
use super::super::verdict::Decider;
use super::super::{clock, names, node, scan};
use super::{Done, Watch};
use crate::config::{Config, Reload};
use crate::emit::{Alert, OwnEvent};
use crate::enrich::proc::{Proc, cgroup::Hierarchies};
use crate::enrich::users::{self, Question, Reader};
use crate::enrich::{State, process, session};
use crate::event::{CommandLimits, ProcKey, event_type};
use crate::kernel::{self, Batch, CgroupKinds, Kernel, Lanes, ProbeStatus, Waker};
use crate::privileges::{self, Duty};
use crate::rules::Plan;

/// Questions about users and groups that wait at most.
const NAMES: usize = 256;

/// The kernel half as rules are put in force.
pub(super) struct KernelFilter<'k> {
    kernel: &'k mut Kernel,
    audit: bool,
    /// Classes that are done without.
    shed: &'k [Class],
}

impl<'k> KernelFilter<'k> {
    pub(super) fn new(kernel: &'k mut Kernel, audit: bool, shed: &'k [Class]) -> Self {
        Self {
            kernel,
            audit,
            shed,
        }
    }
}

impl engine::Filter for KernelFilter<'_> {
    type Error = kernel::LoadError;

    fn deliver(&mut self, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), Self::Error> {
        let is_shed = |name: &str| {
            let class = event_type(name).and_then(|ty| ty.class);
            class.is_some_and(|class| self.shed.contains(&class))
        };
        self.kernel.watch(|name| is_wanted(name) && !is_shed(name))
    }

    fn prepare(&mut self, plan: &Plan) -> Result<u32, Self::Error> {
        self.kernel.prepare(&plan.into(), self.audit)
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        self.kernel.commit()
    }
}

/// The signals that mean something.
pub(super) struct Signals {
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
    pub(super) hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// The rings as the deciding thread reads them.
struct Rings {
    lanes: Lanes,
    batch: Batch,
    kinds: CgroupKinds,
}

impl Records for Rings {
    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        Ok(self.lanes.wait(timeout)?)
    }

    fn drain(&mut self, each: &mut dyn FnMut(&[u8])) -> bool {
        let some = self.lanes.drain(&mut self.batch);
        self.batch.records().for_each(each);
        some
    }

    fn waiting(&self) -> [u64; 2] {
        self.lanes.waiting()
    }

    fn tell_kinds(&mut self, cgroups: impl Iterator<Item = (u64, bool)>) {
        for (cgroup, is_container) in cgroups {
            if let Err(error) = self.kinds.tell(cgroup, is_container) {
                tracing::debug!(%error, cgroup, "the kernel filter takes a cgroup for either kind");
            }
        }
    }
}

/// Starts the thread that decides.
pub(super) fn spawn_decider(
    (lanes, kinds): (Lanes, CgroupKinds),
    decider: Decider,
    wires: Wires,
    config: &Config,
) -> io::Result<Done> {
    let (tell, done) = oneshot::channel();
    let scan = Duration::from_millis(config.processes.scan_milliseconds.0);
    let rings = Rings {
        lanes,
        batch: Batch::default(),
        kinds,
    };
    let decide = move || {
        // Nobody listens any more only where the process is about to end.
        drop(tell.send(decide::run(rings, decider, &wires, scan)));
    };
    thread::Builder::new()
        .name("komainu-decide".into())
        .spawn(decide)?;
    Ok(done)
}

/// Starts the thread that reads `/proc`.
pub(super) fn spawn_scan(
    config: &Config,
    epoch: u64,
    wanted: Receiver<ProcKey>,
    notices: SyncSender<Notice>,
) -> io::Result<()> {
    let env = if config.kernel.record_env { MAX_ENV } else { 0 };
    let proc = Proc::new(&config.processes.proc, hierarchies(), epoch, env);
    let scan = move || {
        privileges::confine_or_say(Duty::Scan);
        scan::run(&proc, &wanted, &notices);
    };
    thread::Builder::new()
        .name("komainu-scan".into())
        .spawn(scan)?;
    Ok(())
}

/// Leaves this thread, and those it will make, what reading and writing maps needs.
pub(super) fn give_up(kernel: &Kernel) -> anyhow::Result<()> {
    let bpf = privileges::asks_for_bpf(|| kernel.counters().is_ok());
    let left = privileges::confine(Duty::Maps { bpf })?;
    tracing::info!(
        capabilities = ?left.capabilities,
        landlock = left.confined,
        "gave up what only the start needs"
    );
    Ok(())
}

/// Starts reading users and groups of containers; questions go to what is returned.
pub(super) fn spawn_names(
    config: &Config,
    notices: SyncSender<Notice>,
    waker: Waker,
) -> io::Result<SyncSender<Question>> {
    let (ask, questions) = sync_channel(NAMES);
    let (proc, root) = (&config.processes.proc, &config.containers.host_root);
    let reader = Reader::new(proc, root, config.users.max_bytes.size());
    let read = move || {
        privileges::confine_or_say(Duty::Scan);
        names::run(reader, &questions, &notices, &waker);
    };
    thread::Builder::new()
        .name("komainu-users".into())
        .spawn(read)?;
    Ok(ask)
}

/// How long an exited process is known, nanoseconds: no less than the events of its children may wait.
fn linger(config: &Config) -> u64 {
    let wait = config.containers.wait_milliseconds.0 / 1_000 + 1;
    let seconds = config.processes.linger_seconds.0.max(wait);
    seconds.saturating_mul(1_000_000_000)
}

/// What is known before anything happened.
pub(super) fn state(config: &Config, epoch: u64, users: &Arc<users::Users>) -> State {
    let limits = process::Limits {
        processes: config.processes.max.size(),
        bytes: config.processes.max_bytes.size(),
        linger: linger(config),
    };
    let sessions = session::Limits {
        sessions: config.sessions.max.size(),
        processes: config.sessions.processes.size(),
        commands: CommandLimits {
            lines: config.sessions.commands.size(),
            bytes: config.sessions.command_bytes.size(),
        },
        linger: limits.linger,
    };
    let cgroups = config.containers.max_cgroups.size();
    let mut state = State::new(limits, cgroups, epoch, Arc::clone(users), node::hostname())
        .on_node(node::name(config))
        .with_sessions(sessions, &node::boot(&config.processes.proc));
    if config.users.containers {
        state.containers = state.containers.with_names();
    }
    state
}

/// Sends the canary out, if that is wanted and it can be told from others.
pub(super) fn start_canary(watch: &Watch) {
    let (config, shared) = (&watch.config.canary, &watch.shared);
    let (Some(nonce), Some(agent)) = (watch.nonce, watch.kernel.own_process()) else {
        if watch.nonce.is_some() {
            tracing::warn!("the agent does not know its own process id: there is no canary");
        }
        return;
    };
    shared.canary.is_of(agent);
    tokio::spawn(canary::run(Cage {
        canary: Arc::clone(&shared.canary),
        board: Arc::clone(&shared.board),
        in_force: Arc::clone(&shared.in_force),
        outlet: watch.outlet.downgrade(),
        nonce,
        interval: Duration::from_secs(config.interval_seconds.0),
        deadline: Duration::from_secs(config.deadline_seconds.0),
    }));
}

/// Starts to look out for changed rule files, if that is wanted; says when there may be some.
pub(super) fn watch_rules(config: &Config) -> io::Result<mpsc::Receiver<()>> {
    let (reasons, changed) = mpsc::channel(1);
    if config.reload == Reload::Auto {
        let paths = config.rules.clone();
        let watch = move || {
            privileges::confine_or_say(Duty::Serve);
            rules_watch::watch(&paths, Pace::default(), &reasons);
        };
        thread::Builder::new()
            .name("komainu-rules".into())
            .spawn(watch)?;
    }
    Ok(changed)
}

pub(super) fn decider_error(
    ended: Result<io::Result<Totals>, oneshot::error::RecvError>,
) -> anyhow::Error {
    match ended {
        Ok(Err(error)) => anyhow::Error::new(error).context("cannot wait for events"),
        Ok(Ok(_)) => anyhow!("deciding ended early"),
        Err(_) => anyhow!("the deciding thread failed"),
    }
}

/// Says what is missing where that is why the kernel half does not start.
pub(super) fn load_error(error: kernel::LoadError) -> anyhow::Error {
    let held = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let error = anyhow::Error::new(error);
    if suffices(held) {
        return error.context("cannot start the kernel half");
    }
    error.context("cannot start the kernel half: needs root, or CAP_BPF and CAP_PERFMON")
}

/// Whether programs may be loaded, capabilities(7).
fn suffices(held: CapabilitySet) -> bool {
    held.contains(CapabilitySet::SYS_ADMIN)
        || held.contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
}

pub(super) fn kernel_options(config: &Config) -> kernel::Options {
    let ring = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    kernel::Options {
        lifecycle_ring: ring(config.kernel.lifecycle_ring_bytes.0),
        bulk_ring: ring(config.kernel.bulk_ring_bytes.0),
        record_env: config.kernel.record_env,
        run_times: config.kernel.run_times,
        ..kernel::Options::default()
    }
}

/// The hierarchies that cgroup ids of records are of.
fn hierarchies() -> Hierarchies {
    let mounts = std::fs::read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    Hierarchies::parse(
        &mounts,
        kernel::v1_controllers().first().map(String::as_str),
    )
}

/// Where the names are.
pub(super) fn sources(config: &Config) -> users::Sources {
    users::Sources {
        passwd: config.users.passwd.clone(),
        group: config.users.group.clone(),
    }
}

pub(super) fn load_users(sources: &users::Sources) -> Arc<users::Users> {
    let (users, errors) = users::Users::load(sources);
    for (path, error) in errors {
        tracing::warn!(path = %path.display(), %error, "cannot read; names from it are unknown");
    }
    Arc::new(users)
}

/// Puts what became of the probes on the board, logs what is not attached, once, and returns it for the stream.
pub(super) fn tell_probes(probes: &[ProbeStatus], board: &Board) -> Vec<String> {
    let report = |status: &ProbeStatus| ProbeReport {
        program: status.probe.program,
        required: status.probe.required,
        error: status.error.clone(),
    };
    board.attached(probes.iter().map(report).collect());
    let failed = probes
        .iter()
        .filter_map(|status| Some((status, status.error.as_deref()?)));
    failed
        .map(|(status, error)| {
            let classes: Vec<&str> = status
                .probe
                .classes
                .iter()
                .map(|class| class.name())
                .collect();
            let (probe, required) = (status.probe.program, status.probe.required);
            tracing::warn!(
                probe,
                required,
                ?classes,
                error,
                "cannot attach a probe; its events are missing"
            );
            format!("{probe}: {error}")
        })
        .collect()
}

/// Logs what became of events that waited for identity.
pub(super) fn tell_waited(waited: &Waited) {
    let without: Vec<_> = waited.without().collect();
    tracing::info!(
        cgroups = waited.cgroups,
        events = waited.records,
        known = waited.known(),
        times = waited.times(),
        longest = ?waited.longest(),
        ?without,
        "events waited for the identity of new containers"
    );
}

pub(super) fn started(in_force: &InForce, probes: &[ProbeStatus], degraded: Vec<String>) -> Alert {
    let rules = in_force.enabled();
    let attached = probes.iter().filter(|status| status.attached()).count();
    tracing::info!(rules, probes = attached, "watching");
    let event = OwnEvent::Started {
        version: env!("CARGO_PKG_VERSION"),
        rules,
        rules_hash: in_force.hash.to_string(),
        attached,
        degraded,
    };
    event.into_alert(clock::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_that_suffice() {
        assert!(suffices(CapabilitySet::SYS_ADMIN));
        assert!(suffices(CapabilitySet::BPF | CapabilitySet::PERFMON));
        assert!(!suffices(CapabilitySet::BPF));
        assert!(!suffices(CapabilitySet::empty()));
    }
}
