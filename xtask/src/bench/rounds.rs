//! What the rounds measured, by workload and set-up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::counters::{Counters, Counts};
use super::setups::Setup;
use super::work::Work;
use crate::agent::Totals;
use crate::stats::{Summary, summarise};

/// Everything measured in rounds.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// Workloads in the order of the first round, and their operations in one.
    order: Vec<(&'static str, u32)>,
    /// Nanoseconds per operation, one sample per round.
    times: BTreeMap<(&'static str, Setup), Vec<f64>>,
    /// Nanoseconds of the agent's processor time per operation, one sample per round.
    cpu: BTreeMap<&'static str, Vec<f64>>,
    /// Events of all classes, and opens, while the workload ran.
    events: BTreeMap<&'static str, (Counts, Counts)>,
    /// Resident memory of the agent after its start, KiB.
    memory: Vec<f64>,
    /// The part of it that is rings.
    pub(super) rings_kib: u64,
    /// What the agents said at their ends, added up.
    pub(super) spoken: Spoken,
}

/// What agents say at their ends.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Spoken {
    /// Events that reached user space.
    pub(super) events: u64,
    pub(super) alerts: u64,
    pub(super) lost: u64,
}

/// One workload's line.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) work: &'static str,
    pub(super) none_ns: Summary,
    pub(super) floor_ns: Summary,
    pub(super) agent_ns: Summary,
    /// Ratios of times of the same round.
    pub(super) floor_to_none: Summary,
    pub(super) agent_to_none: Summary,
    pub(super) agent_to_floor: Summary,
    /// Processor time of the agent's own process for one operation.
    pub(super) agent_cpu_ns: Summary,
    /// Events that one operation makes; what else happens on the machine is in it.
    pub(super) events_each: f64,
    /// What became of the events of every class, and of the opens among them.
    pub(super) events: Counts,
    pub(super) opens: Counts,
}

impl Rounds {
    /// Adds the time of one operation.
    pub(super) fn add(&mut self, work: &Work, setup: Setup, nanoseconds: f64) {
        if !self.order.iter().any(|(name, _)| *name == work.name) {
            self.order.push((work.name, work.operations));
        }
        let samples = self.times.entry((work.name, setup)).or_default();
        samples.push(nanoseconds);
    }

    /// Adds what the agent did meanwhile.
    pub(super) fn add_agent(&mut self, work: &Work, cpu: Duration, counters: &Counters) {
        let each = cpu.as_secs_f64() * 1e9 / f64::from(work.operations);
        self.cpu.entry(work.name).or_default().push(each);
        let (all, opens) = self.events.entry(work.name).or_default();
        *all = all.plus(counters.total());
        *opens = opens.plus(counters.of("open"));
    }

    /// Adds the resident memory of an agent that just started.
    pub(super) fn add_memory(&mut self, kib: u64) {
        // Exact below 4 TiB.
        self.memory
            .push(f64::from(u32::try_from(kib).unwrap_or(u32::MAX)));
    }

    /// Adds what the agent says at the end of a round.
    pub(super) fn add_totals(&mut self, totals: Totals) {
        self.spoken.events += totals.events.unwrap_or_default();
        self.spoken.alerts += totals.alerts.unwrap_or_default();
        self.spoken.lost += totals.lost.unwrap_or_default();
    }

    /// Resident memory after the start, KiB.
    pub(super) fn memory(&self) -> Summary {
        summarise(&self.memory)
    }

    /// A line for each workload, in the order of the first round.
    pub(super) fn rows(&self) -> Vec<Row> {
        let works = self.order.iter();
        works
            .map(|(work, operations)| self.row(work, *operations))
            .collect()
    }

    fn row(&self, work: &'static str, operations: u32) -> Row {
        let time = |setup| summarise(self.samples(work, setup));
        let (events, opens) = self.events.get(work).copied().unwrap_or_default();
        Row {
            work,
            none_ns: time(Setup::None),
            floor_ns: time(Setup::Floor),
            agent_ns: time(Setup::Agent),
            floor_to_none: self.ratios(work, Setup::Floor, Setup::None),
            agent_to_none: self.ratios(work, Setup::Agent, Setup::None),
            agent_to_floor: self.ratios(work, Setup::Agent, Setup::Floor),
            agent_cpu_ns: summarise(self.cpu.get(work).map_or(&[], Vec::as_slice)),
            events_each: events_each(events, operations, self.memory.len()),
            events,
            opens,
        }
    }

    fn samples(&self, work: &'static str, setup: Setup) -> &[f64] {
        self.times.get(&(work, setup)).map_or(&[], Vec::as_slice)
    }

    fn ratios(&self, work: &'static str, above: Setup, below: Setup) -> Summary {
        let above = self.samples(work, above).iter();
        let pairs = above.zip(self.samples(work, below));
        let ratios: Vec<f64> = pairs.map(|(above, below)| above / below).collect();
        summarise(&ratios)
    }
}

/// Events for each operation of so many rounds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn events_each(events: Counts, operations: u32, rounds: usize) -> f64 {
    let done = f64::from(operations) * rounds.max(1) as f64;
    events.seen as f64 / done
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::work;

    /// Two rounds of the first workload; the machine was twice as slow in the second.
    pub(in crate::bench) fn two_rounds() -> Rounds {
        let works = work::all().unwrap();
        let work = works.first().unwrap();
        let mut rounds = Rounds::default();
        for speed in [1.0, 2.0] {
            rounds.add(work, Setup::None, 100.0 * speed);
            rounds.add(work, Setup::Floor, 150.0 * speed);
            rounds.add(work, Setup::Agent, 300.0 * speed);
            let cpu = Duration::from_nanos(50) * work.operations;
            rounds.add_agent(work, cpu, &Counters::default());
        }
        rounds
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let rows = two_rounds().rows();
        let row = rows.first().unwrap();
        let whole = |summary: Summary| (summary.low, summary.median, summary.high);
        assert_eq!(whole(row.agent_to_none), (3.0, 3.0, 3.0));
        assert_eq!(whole(row.agent_to_floor), (2.0, 2.0, 2.0));
        assert_eq!(whole(row.agent_cpu_ns), (50.0, 50.0, 50.0));
        assert_eq!(rows.len(), 1);
    }
}
