//! One record at a time: decode, update what is known, ask the rules, hand over alerts.

mod names;
mod sessions;
mod throttled;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use komainu_common::{Class, Header, Task};
use sessions::Ending;
use zerocopy::FromBytes;

use super::board::Report;
use super::canary::Canary;
use super::clock;
use super::decide::{Notice, Totals};
use super::engine::InForce;
use super::hold::Hold;
use super::losses::Loss;
use super::unknown::Unknown;
use crate::config::Config;
use crate::decode::{self, Clock, Decoded, Lifecycle};
use crate::emit::lost::{Place, Tally};
use crate::emit::{Alert, Facts, Format, Outlet, Throttle, context};
use crate::enrich::State;
use crate::enrich::identity::Source;
use crate::event::{Event, Membership, Pod, ProcKey, World};
use crate::rules::{self, Matching, Rule};
use names::Names;

/// What the deciding thread owns.
#[derive(Debug)]
pub(super) struct Decider {
    pub(super) state: State,
    clock: Clock,
    scratch: decode::Scratch,
    evaluation: rules::Scratch,
    outlet: Outlet,
    throttle: Option<Throttle>,
    matching: Matching,
    ancestors: usize,
    /// A format is written that needs them.
    facts: bool,
    /// Try every rule, and compare with what the kernel filter left.
    audit: bool,
    totals: Totals,
    undecodable: Undecodable,
    unknown: Unknown,
    canary: Arc<Canary>,
    hold: Hold,
    names: Names,
    ending: Ending,
    /// The batch's time, and the same since boot, nanoseconds.
    now: Instant,
    boot: u64,
    /// When to look next at what waits.
    look: Instant,
}

/// Records that could not be decoded, since it was last told.
#[derive(Clone, Copy, Debug, Default)]
struct Undecodable {
    count: u64,
    first: u64,
    last: u64,
}

impl Decider {
    pub(super) fn new(state: State, outlet: Outlet, canary: Arc<Canary>, config: &Config) -> Self {
        let now = Instant::now();
        Self {
            clock: Clock {
                boot: state.processes.epoch(),
            },
            state,
            scratch: decode::Scratch::default(),
            evaluation: rules::Scratch::default(),
            outlet,
            throttle: throttled::new(config),
            matching: config.matching.into(),
            audit: config.kernel.audit_filter,
            ancestors: config.output.ancestors.size(),
            facts: config.formats().any(Format::needs_facts),
            totals: Totals::default(),
            undecodable: Undecodable::default(),
            unknown: Unknown::default(),
            canary,
            hold: Hold::new(waiting::limits(config)),
            names: Names::default(),
            ending: Ending::default(),
            now,
            boot: 0,
            look: now,
        }
    }

    /// Decides one record, now or when its container is known.
    pub(super) fn record(&mut self, in_force: &InForce, record: &[u8]) {
        self.totals.records += 1;
        let number = self.totals.records;
        let mut scratch = std::mem::take(&mut self.scratch);
        match decode::decode(record, self.clock, &mut scratch) {
            Err(error) => self.undecodable(record, error),
            Ok(decoded) => {
                let lag = self.boot.saturating_sub(decoded.header.time);
                self.totals.lags.add(Duration::from_nanos(lag));
                if let Some(lifecycle) = &decoded.lifecycle {
                    learn(&mut self.state, lifecycle);
                }
                if !self.keeps_waiting(in_force, &decoded.header, record, number) {
                    self.decide(in_force, decoded, number);
                }
            }
        }
        self.scratch = scratch;
    }

    fn decide(&mut self, in_force: &InForce, decoded: Decoded<'_>, number: u64) {
        let Decoded {
            header,
            lifecycle,
            event,
        } = decoded;
        // The table first: rules see the process as the event made it.
        match &lifecycle {
            Some(lifecycle) => {
                apply(&mut self.state, lifecycle);
                if let Lifecycle::Exec(exec) = lifecycle {
                    self.look_at_names(exec.cgroup, &header.task);
                }
            }
            None => self.touch(&header.task, header.cgroup),
        }
        let is_canary = self.canary.takes(Class(header.class), &header.task);
        if let Some(mut event) = event.filter(|_| !is_canary) {
            event.number = number;
            self.judge(in_force, &header, &event);
        }
        if let Some(Lifecycle::Exit(exit)) = &lifecycle {
            let ended = self.state.exited(exit, header.cgroup);
            self.ending.note(ended, self.now);
        }
    }

    /// What other threads found out.
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Found(scanned) => self.state.found(*scanned),
            Notice::Scanned => self.state.scanned(),
            Notice::Gone(process) => {
                let ended = self.state.sessions.gone(process, clock::now());
                self.ending.note(ended, self.now);
            }
            Notice::Users(users) => self.state.users = users,
            Notice::Names(container, answer) => self.hear_names(&container, answer),
            Notice::News(news) => self.state.containers.hear(*news, clock::boot()),
            Notice::Lost(losses) => losses.iter().for_each(|loss| self.tell_loss(loss)),
        }
    }

    /// Follows a change of the wall clock; `boot` is the time of boot.
    pub(super) fn set_clock(&mut self, boot: u64) {
        self.clock = Clock { boot };
        self.state.processes.set_epoch(boot);
    }

    /// Tells of records that could not be decoded since the last time.
    pub(super) fn tell_undecodable(&mut self) {
        let Undecodable { count, first, last } = std::mem::take(&mut self.undecodable);
        if count > 0 {
            self.totals.lost += count;
            self.totals.undecodable += count;
            self.tell_blind("decode", None, None, count, first, last);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// What there is to tell; `peaks` are those of the rings.
    pub(super) fn report(&self, peaks: [u64; 2]) -> Report {
        let (processes, containers) = (&self.state.processes, &self.state.containers);
        Report {
            totals: self.totals,
            processes: processes.len(),
            texts: processes.bytes(),
            table: processes.stats(),
            containers: containers.sizes(),
            containers_evicted: containers.evicted(),
            waiting: self.hold.sizes(),
            sources: Source::ALL.map(|source| containers.reach(source).name()),
            peaks,
        }
    }

    /// Asks for processes in cgroups whose path no record told: `/proc` may know it. Each cgroup
    /// is asked about once in a round, in few rounds; what `send` refuses waits for the next call.
    pub(super) fn ask_unknown(&mut self, send: impl FnMut(ProcKey) -> bool) {
        self.unknown.ask(send);
    }

    /// Begins a round: what is still unknown may be asked about again.
    pub(super) fn ask_again(&mut self) {
        self.unknown.next_round();
    }

    /// Counts a record that nobody will decide any more.
    pub(super) fn left(&mut self, record: &[u8]) {
        let Ok((header, _)) = Header::read_from_prefix(record) else {
            let (have, need) = (record.len(), size_of::<Header>());
            return self.undecodable(record, decode::DecodeError::Short { have, need });
        };
        self.tell_loss(&Loss {
            stage: "ring",
            class: Class(header.class),
            cgroup: (header.cgroup != 0).then_some(header.cgroup),
            count: 1,
            first: header.time,
            last: header.time,
        });
    }

    fn touch(&mut self, task: &Task, cgroup: u64) {
        self.state.seen(task, cgroup);
        if cgroup != 0 && matches!(self.state.container(cgroup), Membership::Unknown) {
            self.unknown.note(cgroup, ProcKey::of(task));
        }
    }

    fn judge(&mut self, in_force: &InForce, header: &Header, event: &Event<'_>) {
        let tables = in_force.tables(header);
        let left =
            |rule: u32| tables.is_none_or(|tables| tables.leaves(&header.conjunctions, rule));
        self.alert_on(in_force, event, &left);
    }

    /// Alerts of the rules that hold, of those that the kernel filter left.
    fn alert_on(&mut self, in_force: &InForce, event: &Event<'_>, left: &dyn Fn(u32) -> bool) {
        let stopwatch = in_force.costs.stopwatch(event.number);
        let (audit, users) = (self.audit, in_force.users().len());
        let tried = |rule: u32| {
            let is_tried = (rule as usize) < users && (audit || left(rule));
            if is_tried {
                stopwatch.begin(rule);
            }
            is_tried
        };
        let (state, matching) = (&self.state, self.matching);
        let rules = &in_force.rules;
        let hits = rules.evaluate_only(event, state, matching, &mut self.evaluation, &tried);
        stopwatch.stop();
        for number in hits {
            // The number of a hit is that of a rule of the set.
            let Some(rule) = rules.rule(*number as usize) else {
                continue;
            };
            self.totals.alerts += 1;
            if let Some(cost) = in_force.costs.of(*number) {
                cost.matched();
            }
            if !left(*number) {
                self.totals.hidden += 1;
                tracing::error!(
                    rule = rule.name,
                    event = event.ty.name,
                    "the kernel filter is wrong"
                );
            }
            let throttle = self.throttle.as_mut();
            if throttle.is_some_and(|it| !it.admits(rule, event, &self.state, self.now)) {
                self.totals.throttled += 1;
                in_force.costs.of(*number).inspect(|cost| cost.throttled());
                continue;
            }
            let mut alert = alert(&self.state, event, rule, self.ancestors);
            alert.rules_hash = Some(Arc::clone(&in_force.hash));
            if self.facts {
                alert.facts = Some(Box::new(Facts::of(event, &self.state, rule)));
            }
            self.outlet.send(alert);
        }
        if !hits.is_empty() {
            let process = ProcKey::of(&event.task);
            self.state.sessions.alerted(process, hits.len());
        }
    }

    fn undecodable(&mut self, record: &[u8], error: decode::DecodeError) {
        let boot = Header::read_from_prefix(record).map_or(0, |(header, _)| header.time);
        let time = self.clock.unix(boot);
        if self.undecodable.count == 0 {
            self.undecodable.first = time;
            tracing::warn!(%error, bytes = record.len(), "a record of the kernel half could not be decoded");
        }
        self.undecodable.count += 1;
        self.undecodable.last = time;
    }

    fn tell_loss(&mut self, loss: &Loss) {
        self.totals.lost += loss.count;
        let place = loss
            .cgroup_name()
            .map(|name| self.place(loss.cgroup.unwrap_or(0), name));
        let (first, last) = (self.clock.unix(loss.first), self.clock.unix(loss.last));
        self.tell_blind(loss.stage, Some(loss.class), place, loss.count, first, last);
    }

    /// Where something was lost: the container and its pod, as far as the cgroup is known.
    fn place(&self, id: u64, cgroup: String) -> String {
        match self.state.container(id) {
            Membership::Container(container) => {
                let pod = container.pod.as_ref().and_then(pod_name);
                let pod = pod.map_or(String::new(), |name| format!(" of pod {name}"));
                format!("container {}{pod}", container.id)
            }
            Membership::Host => format!("host {cgroup}"),
            Membership::Unknown => cgroup,
        }
    }

    fn tell_blind(
        &self,
        stage: &'static str,
        class: Option<Class>,
        place: Option<String>,
        count: u64,
        first: u64,
        last: u64,
    ) {
        let class = class.map(Class::name);
        let place = Place {
            stage,
            class,
            place,
        };
        let tally = Tally {
            count,
            first,
            last,
            noticed: clock::now(),
        };
        self.outlet.lost(&place, tally);
    }
}

/// `NAMESPACE/NAME`, else the UID.
fn pod_name(pod: &Pod) -> Option<String> {
    match (&pod.namespace, &pod.name) {
        (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
        _ => pod.uid.as_deref().map(ToOwned::to_owned),
    }
}

/// Changes the process table. Exits are applied after their event.
fn apply(state: &mut State, lifecycle: &Lifecycle<'_>) {
    match lifecycle {
        Lifecycle::Fork(fork) => state.forked(fork),
        Lifecycle::Exec(exec) => state.execed(exec),
        Lifecycle::Cgroup(group) if group.is_removed => {
            state.containers.remove_group(group.id, group.time);
        }
        Lifecycle::Exit(_) | Lifecycle::Cgroup(_) => {}
    }
}

/// Learns the cgroup of a process that starts.
fn learn(state: &mut State, lifecycle: &Lifecycle<'_>) {
    let (cgroup, path) = match lifecycle {
        Lifecycle::Fork(fork) => (fork.cgroup, fork.cgroup_path),
        Lifecycle::Exec(exec) => (exec.cgroup, exec.cgroup_path),
        Lifecycle::Cgroup(group) => (group.id, group.path),
        Lifecycle::Exit(_) => return,
    };
    if let Some(path) = path {
        state.containers.learn(cgroup, path);
    }
}

fn alert(state: &State, event: &Event<'_>, rule: &Rule, ancestors: usize) -> Alert {
    let process = ProcKey::of(&event.task);
    let mut fields = rule.output.output_fields(event, state);
    // Falco's consumers find the time of the event there, whatever the output names.
    fields
        .entry("evt.time")
        .or_insert_with(|| event.time.into());
    Alert {
        time: event.time,
        rule: rule.name.clone(),
        priority: rule.priority.name(),
        source: "syscall",
        tags: rule.tags.clone(),
        message: rule.output.render(event, state),
        fields: fields.into_iter().collect(),
        place: context::place(state, event.cgroup),
        session: context::session(state, process),
        resolved_path: context::resolved_path(event),
        truncated: event.truncated,
        ancestry: context::ancestry(state, process, ancestors),
        ..Alert::default()
    }
}
