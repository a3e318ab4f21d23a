//! The figures that have a target, and how far each is from it.

use serde::Serialize;

use super::report::Measured;
use super::rounds::Row;
use super::work::{COMPILE, CONNECT, FORK_EXEC, GETPPID, OPEN_CLOSE, READ_ZERO};
use crate::stats::{Summary, summarise};

/// What a figure should be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// By what part of the target the value misses it; `None` where it does not.
    pub(super) fn missed_by(self, value: f64) -> Option<f64> {
        match self {
            Self::AtMost(0.0) => (value > 0.0).then_some(f64::INFINITY),
            Self::AtMost(most) => (value > most).then(|| value / most - 1.0),
            Self::AtLeast(least) => (value < least).then(|| 1.0 - value / least),
        }
    }
}

/// One figure.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) what: String,
    pub(super) value: Summary,
    /// What it is counted in; empty for a ratio.
    pub(super) unit: &'static str,
    pub(super) target: Target,
}

/// Every figure with a target, of what was measured.
pub(super) fn figures(measured: &Measured) -> Vec<Figure> {
    let rows = measured.rounds.rows();
    let mut figures: Vec<Figure> = ratios(&rows).collect();
    figures.extend(processor_time(&rows));
    figures.extend(flood(measured));
    figures.extend(filtered(&rows));
    figures.extend(sustained(measured));
    figures.extend(lifetime(measured));
    figures
}

fn figure(what: impl Into<String>, value: Summary, unit: &'static str, target: Target) -> Figure {
    Figure {
        what: what.into(),
        value,
        unit,
        target,
    }
}

fn row<'a>(rows: &'a [Row], work: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.work == work)
}

/// Times with the agent, as a ratio to those without any program or with the empty one.
fn ratios(rows: &[Row]) -> impl Iterator<Item = Figure> + '_ {
    let to_none = [(OPEN_CLOSE, 1.25), (FORK_EXEC, 1.05), (CONNECT, 1.05)];
    let to_none = to_none.into_iter().filter_map(|(work, most)| {
        let (value, target) = (row(rows, work)?.agent_to_none, Target::AtMost(most));
        Some(figure(format!("{work}: agent/none"), value, "", target))
    });
    let to_floor = [(GETPPID, 1.10), (READ_ZERO, 1.10)];
    let to_floor = to_floor.into_iter().filter_map(|(work, most)| {
        let (value, target) = (row(rows, work)?.agent_to_floor, Target::AtMost(most));
        Some(figure(format!("{work}: agent/floor"), value, "", target))
    });
    to_none.chain(to_floor)
}

/// Seconds of the agent's processor time for many operations.
fn processor_time(rows: &[Row]) -> impl Iterator<Item = Figure> + '_ {
    let of = [
        (OPEN_CLOSE, "1,000,000", 1e6, 0.05),
        (FORK_EXEC, "10,000", 1e4, 0.5),
        (CONNECT, "1,000,000", 1e6, 0.5),
    ];
    of.into_iter().filter_map(|(work, many, times, most)| {
        let value = row(rows, work)?.agent_cpu_ns.scaled(times / 1e9);
        let what = format!("agent CPU for {many} × {work}");
        Some(figure(what, value, "s", Target::AtMost(most)))
    })
}

fn flood(measured: &Measured) -> [Figure; 2] {
    let pairs = &measured.floods;
    let kept = pairs
        .iter()
        .map(|[none, agent]| 100.0 * agent.opens_per_second / none.opens_per_second);
    let lost = pairs.iter().map(|[_, agent]| whole(agent.lost));
    let what = "two processes open flat out";
    [
        figure(
            format!("{what}: rate kept"),
            summarise(&kept.collect::<Vec<f64>>()),
            "%",
            Target::AtLeast(80.0),
        ),
        figure(
            format!("{what}: events lost"),
            summarise(&lost.collect::<Vec<f64>>()),
            "",
            Target::AtMost(0.0),
        ),
    ]
}

/// Opens of a normal mix that end in the kernel.
fn filtered(rows: &[Row]) -> Option<Figure> {
    let share = row(rows, COMPILE)?.opens.filtered_percent();
    let what = format!("opens filtered in the kernel, {COMPILE}");
    Some(figure(
        what,
        summarise(&[share]),
        "%",
        Target::AtLeast(99.0),
    ))
}

fn sustained(measured: &Measured) -> [Figure; 2] {
    let of = |value: fn(&super::flood::Sustained) -> f64| {
        let values: Vec<f64> = measured.sustained.iter().map(value).collect();
        summarise(&values)
    };
    [
        figure(
            "unfiltered opens for each second of the agent's CPU",
            of(|sustained| sustained.per_core_second),
            "/s",
            Target::AtLeast(300_000.0),
        ),
        figure(
            "unfiltered opens lost meanwhile",
            of(|sustained| whole(sustained.lost)),
            "",
            Target::AtMost(0.0),
        ),
    ]
}

fn lifetime(measured: &Measured) -> [Figure; 3] {
    let mebibytes = |kib: u64| summarise(&[whole(kib) / 1024.0]);
    [
        figure(
            "resident memory after the start",
            measured.rounds.memory().scaled(1.0 / 1024.0),
            "MiB",
            Target::AtMost(40.0),
        ),
        figure(
            format!("resident memory after {} execs", measured.churn.execs),
            mebibytes(measured.churn.end_kib),
            "MiB",
            Target::AtMost(40.0),
        ),
        figure(
            "start to first alert",
            summarise(&measured.first_alerts),
            "s",
            Target::AtMost(1.0),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misses_a_target_is_told_by_how_much() {
        let missed = |target: Target, value| target.missed_by(value).map(|by| format!("{by:.2}"));
        assert_eq!(missed(Target::AtMost(1.25), 1.25), None);
        assert_eq!(missed(Target::AtMost(1.25), 1.5), Some("0.20".into()));
        assert_eq!(missed(Target::AtLeast(80.0), 80.0), None);
        assert_eq!(missed(Target::AtLeast(80.0), 60.0), Some("0.25".into()));
        assert_eq!(missed(Target::AtMost(0.0), 0.0), None);
        assert_eq!(missed(Target::AtMost(0.0), 3.0), Some("inf".into()));
    }
}
