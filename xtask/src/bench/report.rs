//! The report, as Markdown for people and as JSON for comparison.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;

use super::figures::{Figure, Target, figures};
use super::flood::{Flooded, Sustained};
use super::lifetime::Churn;
use super::rounds::{Rounds, Row};
use super::units;
use crate::host;
use crate::stats::Summary;
use crate::table::table;

/// Everything measured, and with what.
#[derive(Debug)]
pub(super) struct Measured {
    /// Names of rule files and directories.
    pub(super) rules: Vec<String>,
    pub(super) number_of_rounds: u32,
    pub(super) rounds: Rounds,
    /// Beside nothing and beside the agent.
    pub(super) floods: Vec<[Flooded; 2]>,
    pub(super) sustained: Vec<Sustained>,
    pub(super) churn: Churn,
    /// Seconds.
    pub(super) first_alerts: Vec<f64>,
}

impl Measured {
    /// Tables and notes, which read well in a terminal too.
    pub(super) fn markdown(&self) -> String {
        let mut text = table(&self.rounds.rows().iter().map(line).collect::<Vec<_>>());
        text.push('\n');
        text += &table(&figures(self).iter().map(target_line).collect::<Vec<_>>());
        text + "\n" + &self.notes()
    }

    fn notes(&self) -> String {
        let spoken = self.rounds.spoken;
        let mut text = format!(
            "Medians of {} interleaved rounds, with the quartiles; ratios are medians of the ratios \
             within each round.\nagent CPU: processor time of the agent's own process for one \
             operation; filtered: events that ended in the kernel.\nThe agents of all rounds together \
             read {} events, made {} alerts and lost {}.\n",
            self.number_of_rounds, spoken.events, spoken.alerts, spoken.lost,
        );
        let made = self.sustained.iter().map(|sustained| sustained.per_second);
        let made = crate::stats::summarise(&made.collect::<Vec<f64>>());
        writeln!(
            text,
            "Of the resident memory {} MiB are the rings, whose pages count as soon as they are mapped.",
            self.rounds.rings_kib / 1024,
        )
        .ok();
        writeln!(
            text,
            "Unfiltered opens were made at {} a second, by one process less than there are processors.",
            units::count(made.median)
        )
        .ok();
        writeln!(
            text,
            "Rules: {}. {}, {} processors ({}), {}.",
            self.rules.join(", "),
            host::kernel(),
            host::processors(),
            host::model(),
            Timestamp::now().strftime("%Y-%m-%d"),
        )
        .ok();
        text
    }

    /// Writes `bench.md` and `bench.json`.
    pub(super) fn save(&self, dir: &Path) -> Result<()> {
        fs::write(dir.join("bench.md"), self.markdown())?;
        let json = serde_json::json!({
            "rules": self.rules,
            "rounds": self.number_of_rounds,
            "kernel": host::kernel(),
            "processors": host::processors(),
            "processor": host::model(),
            "time": Timestamp::now().to_string(),
            "agents": self.rounds.spoken,
            "rings_kib": self.rounds.rings_kib,
            "rows": self.rounds.rows(),
            "figures": figures(self),
            "floods": self.floods,
            "sustained": self.sustained,
            "churn": self.churn,
            "first_alerts_s": self.first_alerts,
        });
        fs::write(dir.join("bench.json"), serde_json::to_vec_pretty(&json)?)?;
        Ok(())
    }
}

/// One workload, cell by cell under its headings.
fn line(row: &Row) -> Vec<(&'static str, String)> {
    vec![
        ("one operation", row.work.to_owned()),
        ("none", time(row.none_ns)),
        ("floor", time(row.floor_ns)),
        ("agent", time(row.agent_ns)),
        ("agent/none", ratio(row.agent_to_none)),
        ("agent/floor", ratio(row.agent_to_floor)),
        ("agent CPU", units::nanoseconds(row.agent_cpu_ns.median)),
        ("filtered", filtered(row)),
    ]
}

/// The part of the events that ended in the kernel, where the operation makes events at all.
fn filtered(row: &Row) -> String {
    const SOME: f64 = 0.1;
    if row.events_each < SOME {
        return "no events".to_owned();
    }
    format!("{:.1} %", row.events.filtered_percent())
}

/// One figure beside its target.
fn target_line(figure: &Figure) -> Vec<(&'static str, String)> {
    let unit = match figure.unit {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let bound = match figure.target {
        Target::AtMost(most) => format!("≤ {}{unit}", units::number(most)),
        Target::AtLeast(least) => format!("≥ {}{unit}", units::number(least)),
    };
    let verdict = match figure.target.missed_by(figure.value.median) {
        None => "met".to_owned(),
        Some(by) if by.is_infinite() => "missed".to_owned(),
        Some(by) => format!("missed by {} %", units::number(100.0 * by)),
    };
    let value = figure.value;
    let spread = match value.high - value.low {
        spread if spread > 0.0 => format!(" ±{}", units::number(spread / 2.0)),
        _ => String::new(),
    };
    vec![
        ("figure", figure.what.clone()),
        (
            "measured",
            format!("{}{spread}{unit}", units::number(value.median)),
        ),
        ("target", bound),
        ("", verdict),
    ]
}

fn time(summary: Summary) -> String {
    format!(
        "{} ({}–{})",
        units::nanoseconds(summary.median),
        units::nanoseconds(summary.low),
        units::nanoseconds(summary.high)
    )
}

fn ratio(summary: Summary) -> String {
    format!(
        "{:.2} ±{:.2}",
        summary.median,
        (summary.high - summary.low) / 2.0
    )
}

#[cfg(test)]
mod tests {
    use super::super::rounds::tests::two_rounds;
    use super::super::setups::Setup;
    use super::*;

    fn measured() -> Measured {
        let flooded = |setup, opens_per_second| Flooded {
            setup,
            opens_per_second,
            lost: 0,
        };
        Measured {
            rules: vec!["rules".into()],
            number_of_rounds: 2,
            rounds: two_rounds(),
            floods: vec![[flooded(Setup::None, 100.0), flooded(Setup::Agent, 60.0)]],
            sustained: vec![Sustained {
                per_second: 1e5,
                per_core_second: 4e5,
                lost: 2,
            }],
            churn: Churn {
                execs: 10,
                start_kib: 1024,
                end_kib: 2048,
                lost: 0,
            },
            first_alerts: vec![0.5],
        }
    }

    #[test]
    fn each_figure_stands_beside_its_target() {
        let text = measured().markdown();
        let line = |name: &str| {
            let line = text.lines().find(|line| line.contains(name));
            line.unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            line("open + close: agent/none"),
            "| open + close: agent/none | 3 | ≤ 1.25 | missed by 140 % |"
        );
        assert_eq!(
            line("rate kept"),
            "| two processes open flat out: rate kept | 60 % | ≥ 80 % | missed by 25 % |"
        );
        assert!(line("opens lost meanwhile").ends_with("| 2 | ≤ 0 | missed |"));
        assert!(line("CPU for 1,000,000 × open").ends_with("| 0.05 s | ≤ 0.05 s | met |"));
        assert!(line("first alert").ends_with("| 0.5 s | ≤ 1 s | met |"));
    }
}
