//! From what the parts of the agent tell to the page of metrics.

mod own;

use std::time::Duration;

use komainu_common::Class;
use komainu_common::ledger::{ClassCounters, Reason};

use super::board::{Board, Report};
use super::engine::InForce;
use super::report::{KernelReport, ProgramReport};
use crate::emit::sink::State;
use crate::enrich::identity::{Reach, Source};
use crate::http::Served;
use crate::metrics::{Format, Metric, Page, Value, table};

pub(super) use own::Own;

/// Rules that have samples of their own.
const MAX_RULES: usize = 2000;
/// Name of the sample of all the others.
const MORE: &str = "(more)";
/// Names of the rings, in the order of [`Report::peaks`].
const LANES: [&str; 2] = ["lifecycle", "bulk"];

/// Everything that a page is made of.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) board: &'a Board,
    pub(super) in_force: &'a InForce,
    pub(super) kernel: &'a KernelReport,
    /// Questions and failures of each source, in the order of [`Source::ALL`].
    pub(super) inquiries: [(u64, u64); 2],
    pub(super) served: &'a Served,
    pub(super) own: Own,
    pub(super) is_ready: bool,
    pub(super) is_healthy: bool,
    /// Time since boot, nanoseconds.
    pub(super) boot: u64,
}

/// The page.
pub(super) fn page(format: Format, facts: &Facts<'_>) -> String {
    let mut page = Page::new(format);
    let report = facts.board.report();
    state(&mut page, facts);
    rules(&mut page, facts);
    kernel(&mut page, facts.kernel, report.peaks);
    decisions(&mut page, &report);
    identity(&mut page, facts, &report);
    tables(&mut page, &report);
    sinks(&mut page, facts.board);
    http(&mut page, facts.served);
    coverage(&mut page, facts.board);
    process(&mut page, facts);
    page.finish()
}

fn state(page: &mut Page, facts: &Facts<'_>) {
    let board = facts.board;
    page.family(&table::BUILD_INFO)
        .add(&[env!("CARGO_PKG_VERSION")], 1_u64);
    page.one(&table::READY, facts.is_ready);
    page.one(&table::HEALTHY, facts.is_healthy);
    let mut age = page.family(&table::HEARTBEAT_AGE);
    if let Some(since) = board.since_beat(facts.boot) {
        age.add(&[], since);
    }
    let mut probes = page.family(&table::PROBE_ATTACHED);
    for probe in board.probes() {
        let required = if probe.required { "true" } else { "false" };
        probes.add(&[probe.program, required], probe.error.is_none());
    }
}

fn rules(page: &mut Page, facts: &Facts<'_>) {
    let (in_force, reloads) = (facts.in_force, facts.board.reloads());
    page.one(&table::RULES, in_force.enabled());
    page.family(&table::RULES_INFO)
        .add(&[&in_force.hash], 1_u64);
    let mut counts = page.family(&table::RULE_RELOADS);
    counts.add(&["ok"], reloads.ok);
    counts.add(&["failed"], reloads.failed);
    let mut last = page.family(&table::RULE_RELOAD_LAST);
    last.add(&["ok"], Duration::from_nanos(reloads.last_ok));
    last.add(&["failed"], Duration::from_nanos(reloads.last_failed));
    page.one(&table::RULE_RELOAD_FAILING, reloads.error.is_some());
    costs(page, in_force);
}

/// What each rule matched and cost; of the last of very many together.
fn costs(page: &mut Page, in_force: &InForce) {
    let rules = || {
        (0_u32..)
            .zip(in_force.users())
            .filter(|(_, rule)| rule.enabled)
    };
    let rows = rules().take(MAX_RULES);
    let rows = rows.map(|(number, rule)| {
        let priority = rule.priority.name();
        (rule.name.as_str(), priority, Sums::of(in_force, number))
    });
    let mut rows: Vec<_> = rows.collect();
    let more = rules().skip(MAX_RULES);
    let more = more.map(|(number, _)| Sums::of(in_force, number));
    if let Some(sum) = more.reduce(Sums::and) {
        rows.push((MORE, "", sum));
    }
    let mut matches = page.family(&table::RULE_MATCHES);
    for (name, priority, sums) in &rows {
        matches.add(&[name, priority], sums.matches);
    }
    let mut throttled = page.family(&table::RULE_THROTTLED);
    for (name, _, sums) in &rows {
        throttled.add(&[name], sums.throttled);
    }
    let mut samples = page.family(&table::RULE_SAMPLES);
    for (name, _, sums) in &rows {
        samples.add(&[name], sums.samples);
    }
    let mut times = page.family(&table::RULE_SAMPLED);
    for (name, _, sums) in &rows {
        times.add(&[name], sums.time);
    }
}

/// What is counted of a rule, or of several.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    matches: u64,
    throttled: u64,
    samples: u64,
    time: Duration,
}

impl Sums {
    fn of(in_force: &InForce, rule: u32) -> Self {
        in_force.costs.of(rule).map_or_else(Self::default, |cost| {
            let (samples, time) = cost.sampled();
            Self {
                matches: cost.matches(),
                throttled: cost.held_back(),
                samples,
                time,
            }
        })
    }

    fn and(self, more: Self) -> Self {
        Self {
            matches: self.matches + more.matches,
            throttled: self.throttled + more.throttled,
            samples: self.samples + more.samples,
            time: self.time + more.time,
        }
    }
}

fn counts(
    page: &mut Page,
    metric: &'static Metric,
    classes: &[(Class, ClassCounters)],
    count: impl Fn(&ClassCounters) -> u64,
) {
    let mut samples = page.family(metric);
    for (class, counters) in classes {
        samples.add(&[class.name()], count(counters));
    }
}

fn kernel(page: &mut Page, kernel: &KernelReport, peaks: [u64; 2]) {
    let classes = &kernel.classes;
    counts(page, &table::EVENTS_SEEN, classes, |counters| counters.seen);
    counts(page, &table::EVENTS_FILTERED, classes, |counters| {
        counters.filtered
    });
    counts(page, &table::EVENTS_EMITTED, classes, |counters| {
        counters.emitted
    });
    let mut lost = page.family(&table::EVENTS_LOST);
    for (class, counters) in &kernel.classes {
        for &reason in Reason::ALL {
            lost.add(&[class.name(), reason.name()], counters.lost_for(reason));
        }
    }
    programs(page, &kernel.programs);
    let mut sizes = page.family(&table::RING_SIZE);
    for (lane, bytes) in LANES.into_iter().zip(kernel.rings) {
        sizes.add(&[lane], bytes);
    }
    let mut highest = page.family(&table::RING_PEAK);
    for (lane, bytes) in LANES.into_iter().zip(peaks) {
        highest.add(&[lane], bytes);
    }
}

fn programs(page: &mut Page, programs: &[ProgramReport]) {
    let mut misses = page.family(&table::PROGRAM_MISSES);
    for program in programs {
        if let Some(count) = program.misses {
            misses.add(&[program.name], count);
        }
    }
    let ran = || {
        programs
            .iter()
            .filter_map(|program| Some((program.name, program.runs?)))
    };
    let mut runs = page.family(&table::PROGRAM_RUNS);
    for (name, (count, _)) in ran() {
        runs.add(&[name], count);
    }
    let mut times = page.family(&table::PROGRAM_RUN_TIME);
    for (name, (_, time)) in ran() {
        times.add(&[name], time);
    }
}

fn decisions(page: &mut Page, report: &Report) {
    let totals = &report.totals;
    page.one(&table::RECORDS, totals.records);
    page.one(&table::UNDECODABLE, totals.undecodable);
    page.family(&table::LAG).add_histogram(&[], &totals.lags);
    page.one(&table::ALERTS, totals.alerts);
    page.one(&table::HIDDEN, totals.hidden);
}

fn identity(page: &mut Page, facts: &Facts<'_>, report: &Report) {
    let waited = &report.totals.waited;
    page.family(&table::IDENTITY_WAIT)
        .add_histogram(&[], &waited.times);
    page.one(&table::IDENTITY_WAITS, waited.cgroups);
    page.one(&table::IDENTITY_WAITED_EVENTS, waited.records);
    let mut expiries = page.family(&table::IDENTITY_EXPIRIES);
    for (reason, count) in waited.without() {
        expiries.add(&[reason], count);
    }
    let (bytes, records) = report.waiting;
    page.one(&table::IDENTITY_WAITING, records);
    page.one(&table::IDENTITY_WAITING_BYTES, bytes);
    let mut states = page.family(&table::SOURCE_STATE);
    for (source, now) in Source::ALL.into_iter().zip(report.sources) {
        for state in Reach::NAMES.into_iter().filter(|_| !now.is_empty()) {
            states.add(&[source.name(), state], state == now);
        }
    }
    let sources = || Source::ALL.into_iter().zip(facts.inquiries);
    let mut requests = page.family(&table::SOURCE_REQUESTS);
    for (source, (count, _)) in sources() {
        requests.add(&[source.name()], count);
    }
    let mut errors = page.family(&table::SOURCE_ERRORS);
    for (source, (_, count)) in sources() {
        errors.add(&[source.name()], count);
    }
}

fn tables(page: &mut Page, report: &Report) {
    page.one(&table::PROCESSES, report.processes);
    page.one(&table::PROCESS_TEXTS, report.texts);
    let mut evicted = page.family(&table::PROCESSES_EVICTED);
    evicted.add(&["exited"], report.table.evicted_exited);
    evicted.add(&["living"], report.table.evicted_living);
    page.one(&table::PROCESSES_MISSING, report.table.missing);
    let [cgroups, containers, pods] = report.containers;
    page.one(&table::CGROUPS, cgroups);
    page.one(&table::CONTAINERS, containers);
    page.one(&table::PODS, pods);
    page.one(&table::CONTAINERS_EVICTED, report.containers_evicted);
}

fn sinks(page: &mut Page, board: &Board) {
    counted(page, board, &table::SINK_QUEUED, |sink| sink.lost.waiting());
    counted(page, board, &table::SINK_QUEUED_BYTES, |sink| {
        sink.lost.queued()
    });
    counted(page, board, &table::SINK_LOST, |sink| sink.lost.alerts());
    counted(page, board, &table::SINK_LINES, |sink| {
        sink.progress.lines()
    });
    counted(page, board, &table::SINK_BLOCKED, |sink| {
        sink.progress.blocked()
    });
    counted(page, board, &table::SINK_FAILING, |sink| {
        sink.fault().is_some()
    });
    counted(page, board, &table::SINK_SPOOLED, State::spooled);
}

/// A sample of each sink.
fn counted<V: Into<Value>>(
    page: &mut Page,
    board: &Board,
    metric: &'static Metric,
    of: impl Fn(&State) -> V,
) {
    let mut samples = page.family(metric);
    for sink in board.sinks() {
        samples.add(&[sink.name()], of(sink));
    }
}

fn http(page: &mut Page, served: &Served) {
    let mut requests = page.family(&table::HTTP_REQUESTS);
    for (path, code, count) in served.requests() {
        requests.add(&[path, code.as_str()], count);
    }
    page.one(&table::HTTP_EVICTED, served.evicted());
}

fn coverage(page: &mut Page, board: &Board) {
    let coverage = board.coverage();
    let mut rounds = page.family(&table::CANARY_ROUNDS);
    rounds.add(&["done"], coverage.rounds);
    rounds.add(&["failed"], coverage.failed);
    let mut covered = page.family(&table::CANARY_COVERED);
    for of in &coverage.classes {
        covered.add(&[of.class.name()], of.came_back);
    }
    let mut misses = page.family(&table::CANARY_MISSES);
    for of in &coverage.classes {
        misses.add(&[of.class.name()], of.misses);
    }
    let sheds = board.sheds();
    let mut shed = page.family(&table::SHED);
    for (class, is_shed, _) in &sheds {
        shed.add(&[class.name()], *is_shed);
    }
    let mut times = page.family(&table::SHEDS);
    for (class, _, count) in &sheds {
        times.add(&[class.name()], *count);
    }
}

fn process(page: &mut Page, facts: &Facts<'_>) {
    let own = &facts.own;
    page.one(&table::RESIDENT, own.resident);
    page.one(&table::CPU, own.cpu);
    page.one(&table::START, Duration::from_nanos(facts.board.started));
    page.one(&table::OPEN_FDS, own.descriptors);
}

#[cfg(test)]
mod tests;
