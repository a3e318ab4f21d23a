//! The figures, as a table for people and as JSON for comparison.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::setups::Setup;
use super::stats::{Summary, summarise};
use super::work::Work;
use crate::agent::Totals;

const HEADINGS: [&str; 7] = [
    "one operation",
    "none",
    "floor",
    "agent",
    "agent/none",
    "agent/floor",
    "agent CPU",
];
const WIDTHS: [usize; 7] = [38, 24, 24, 24, 11, 11, 9];

/// Everything measured.
#[derive(Debug)]
pub(super) struct Report {
    rounds: u32,
    order: Vec<(&'static str, u32)>,
    /// Nanoseconds per operation, one sample per round.
    times: BTreeMap<(&'static str, Setup), Vec<f64>>,
    /// Processor time of the set-up's own process, over all rounds.
    cpu: BTreeMap<(&'static str, Setup), Duration>,
    memory_kib: BTreeMap<Setup, u64>,
    /// Events that the agent saw and lost, over all rounds.
    events: u64,
    lost: u64,
}

/// One workload's line.
#[derive(Debug, Serialize)]
struct Row {
    work: &'static str,
    none_ns: Summary,
    floor_ns: Summary,
    agent_ns: Summary,
    /// Ratios of times of the same round.
    floor_to_none: Summary,
    agent_to_none: Summary,
    agent_to_floor: Summary,
    /// Processor time of the agent's own process for one operation.
    agent_cpu_ns: f64,
}

impl Report {
    pub(super) fn new(rounds: u32) -> Self {
        Self {
            rounds,
            order: Vec::new(),
            times: BTreeMap::new(),
            cpu: BTreeMap::new(),
            memory_kib: BTreeMap::new(),
            events: 0,
            lost: 0,
        }
    }

    /// Adds one measurement.
    pub(super) fn add(&mut self, work: &Work, setup: Setup, nanoseconds: f64, cpu: Duration) {
        if !self.order.iter().any(|(name, _)| *name == work.name) {
            self.order.push((work.name, work.operations));
        }
        self.times
            .entry((work.name, setup))
            .or_default()
            .push(nanoseconds);
        *self.cpu.entry((work.name, setup)).or_default() += cpu;
    }

    /// Keeps the largest resident memory of a set-up.
    pub(super) fn memory(&mut self, setup: Setup, kib: u64) {
        let largest = self.memory_kib.entry(setup).or_default();
        *largest = kib.max(*largest);
    }

    /// Adds what the agent says at the end of a round.
    pub(super) fn totals(&mut self, totals: Totals) {
        self.events += totals.events.unwrap_or_default();
        self.lost += totals.lost.unwrap_or_default();
    }

    /// A Markdown table, which reads well in a terminal too.
    pub(super) fn table(&self) -> String {
        let mut text = table_line(HEADINGS.map(str::to_owned));
        text += &table_line(WIDTHS.map(|width| "-".repeat(width)));
        for row in self.rows() {
            text += &table_line([
                row.work.to_owned(),
                time(row.none_ns),
                time(row.floor_ns),
                time(row.agent_ns),
                ratio(row.agent_to_none),
                ratio(row.agent_to_floor),
                nanoseconds(row.agent_cpu_ns),
            ]);
        }
        write!(
            text,
            "\nMedians of {} interleaved rounds, with the quartiles; ratios are medians of the \
             ratios within each round.\nagent CPU: processor time of the agent's own process for \
             one operation. Agent's resident memory: {} MiB; it saw {} events and lost {}.\n{}, {} processors, {}\n",
            self.rounds,
            self.memory_kib
                .get(&Setup::Agent)
                .copied()
                .unwrap_or_default()
                / 1024,
            self.events,
            self.lost,
            kernel(),
            processors(),
            Timestamp::now().strftime("%Y-%m-%d"),
        )
        .ok();
        text
    }

    /// Writes `bench.md` and `bench.json`.
    pub(super) fn save(&self, dir: &Path) -> Result<()> {
        fs::write(dir.join("bench.md"), self.table())?;
        let json = serde_json::json!({
            "rounds": self.rounds,
            "kernel": kernel(),
            "processors": processors(),
            "time": Timestamp::now().to_string(),
            "agent_memory_kib": self.memory_kib.get(&Setup::Agent),
            "agent_events": self.events,
            "agent_lost": self.lost,
            "rows": self.rows(),
        });
        fs::write(dir.join("bench.json"), serde_json::to_vec_pretty(&json)?)?;
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        self.order
            .iter()
            .map(|(work, operations)| self.row(work, *operations))
            .collect()
    }

    fn row(&self, work: &'static str, operations: u32) -> Row {
        let done = f64::from(operations) * f64::from(self.rounds);
        let cpu = self
            .cpu
            .get(&(work, Setup::Agent))
            .copied()
            .unwrap_or_default();
        Row {
            work,
            none_ns: summarise(self.samples(work, Setup::None)),
            floor_ns: summarise(self.samples(work, Setup::Floor)),
            agent_ns: summarise(self.samples(work, Setup::Agent)),
            floor_to_none: self.ratios(work, Setup::Floor, Setup::None),
            agent_to_none: self.ratios(work, Setup::Agent, Setup::None),
            agent_to_floor: self.ratios(work, Setup::Agent, Setup::Floor),
            agent_cpu_ns: cpu.as_secs_f64() * 1e9 / done,
        }
    }

    fn samples(&self, work: &'static str, setup: Setup) -> &[f64] {
        self.times.get(&(work, setup)).map_or(&[], Vec::as_slice)
    }

    fn ratios(&self, work: &'static str, above: Setup, below: Setup) -> Summary {
        let pairs = self
            .samples(work, above)
            .iter()
            .zip(self.samples(work, below));
        summarise(
            &pairs
                .map(|(above, below)| above / below)
                .collect::<Vec<f64>>(),
        )
    }
}

/// One line of a Markdown table, padded so that it reads well in a terminal too.
fn table_line(cells: [String; 7]) -> String {
    let mut line = String::from("|");
    for (cell, width) in cells.into_iter().zip(WIDTHS) {
        write!(line, " {cell:width$} |").ok();
    }
    line + "\n"
}

fn time(summary: Summary) -> String {
    format!(
        "{} ({}–{})",
        nanoseconds(summary.median),
        nanoseconds(summary.low),
        nanoseconds(summary.high)
    )
}

fn ratio(summary: Summary) -> String {
    format!(
        "{:.2} ±{:.2}",
        summary.median,
        (summary.high - summary.low) / 2.0
    )
}

/// With three significant digits and a unit.
fn nanoseconds(value: f64) -> String {
    match value {
        value if value < 1e3 => format!("{value:.0} ns"),
        value if value < 1e4 => format!("{:.2} µs", value / 1e3),
        value if value < 1e6 => format!("{:.0} µs", value / 1e3),
        value => format!("{:.2} ms", value / 1e6),
    }
}

fn kernel() -> String {
    let name = rustix::system::uname();
    format!("Linux {}", name.release().to_string_lossy())
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::work;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let works = work::all().unwrap();
        let work = works.last().unwrap();
        let mut report = Report::new(2);
        // The machine was twice as slow in the second round; the ratio was the same.
        for speed in [1.0, 2.0] {
            report.add(work, Setup::None, 100.0 * speed, Duration::ZERO);
            report.add(work, Setup::Floor, 150.0 * speed, Duration::ZERO);
            report.add(
                work,
                Setup::Agent,
                300.0 * speed,
                Duration::from_millis(500),
            );
        }
        let row = report.row(work.name, work.operations);
        assert_eq!(ratio(row.agent_to_none), "3.00 ±0.00");
        assert_eq!(ratio(row.agent_to_floor), "2.00 ±0.00");
        assert_eq!(nanoseconds(row.agent_cpu_ns), "500 ns");
        assert!(report.table().contains("getppid"));
    }
}
