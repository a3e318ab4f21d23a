//! Named steps: what happened, and how long it took.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Everything it checks holds.
    Passed,
    /// What could be checked here holds; what was left out, and why.
    PassedWithout(String),
    /// It ran tests: how many passed and failed.
    Counted { passed: u64, failed: u64 },
    /// It could not run here, and why.
    LeftOut(String),
    /// It failed, and why.
    Failed(String),
}

impl Outcome {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Counted { failed: 1.., .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::PassedWithout(what) => write!(f, "passed without {what}"),
            Self::Counted { passed, failed } => write!(f, "{passed} passed, {failed} failed"),
            Self::LeftOut(reason) => write!(f, "left out: {reason}"),
            Self::Failed(reason) => write!(f, "FAILED: {reason}"),
        }
    }
}

/// The steps of one verb.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    rows: Vec<(String, Outcome, Duration)>,
}

impl Steps {
    /// Runs one step. A failure is kept and later steps still run, so that one run tells all.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<Outcome>) {
        println!("── {name}");
        let start = Instant::now();
        let outcome = step().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let took = start.elapsed();
        println!("   {name}: {outcome} ({})", seconds(took));
        self.rows.push((name.to_owned(), outcome, took));
    }

    /// Adds the steps of another verb.
    pub(crate) fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
    }

    /// Prints the table of steps and a last line with the sum: each test counts as one, each
    /// other step as one.
    pub(crate) fn summary(&self) {
        let width = self
            .rows
            .iter()
            .map(|(name, ..)| name.chars().count())
            .max()
            .unwrap_or(0);
        println!("\n{:width$}  {:>9}  result", "step", "time");
        for (name, outcome, took) in &self.rows {
            println!("{name:width$}  {:>9}  {outcome}", seconds(*took));
        }
        let (passed, failed) = self.totals();
        println!("\n{passed} passed, {failed} failed");
    }

    /// An error if any step failed.
    pub(crate) fn into_result(self) -> Result<()> {
        let failed: Vec<&str> = self
            .rows
            .iter()
            .filter(|(_, outcome, _)| outcome.is_failure())
            .map(|(name, ..)| name.as_str())
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        bail!("failed: {}", failed.join(", "))
    }

    fn totals(&self) -> (u64, u64) {
        self.rows
            .iter()
            .fold((0, 0), |(passed, failed), (_, outcome, _)| match outcome {
                Outcome::Passed | Outcome::PassedWithout(_) => (passed + 1, failed),
                Outcome::Failed(_) => (passed, failed + 1),
                Outcome::Counted {
                    passed: p,
                    failed: f,
                } => (passed + p, failed + f),
                Outcome::LeftOut(_) => (passed, failed),
            })
    }
}

/// A duration as people read it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_or_step_fails_the_verb() {
        let mut steps = Steps::default();
        steps.run("a", || Ok(Outcome::Passed));
        steps.run("b", || {
            Ok(Outcome::Counted {
                passed: 3,
                failed: 1,
            })
        });
        steps.run("c", || bail!("broken"));
        steps.run("d", || Ok(Outcome::LeftOut("no root".into())));
        assert_eq!(steps.totals(), (4, 2));
        assert_eq!(steps.into_result().unwrap_err().to_string(), "failed: b, c");
    }

    #[test]
    fn what_is_left_out_neither_passes_nor_fails() {
        let mut steps = Steps::default();
        steps.run("a", || Ok(Outcome::LeftOut("no root".into())));
        assert_eq!(steps.totals(), (0, 0));
        steps.into_result().unwrap();
    }

    #[test]
    fn the_table_names_what_was_left_out() {
        let outcome = Outcome::PassedWithout("advisories: no network".into());
        assert_eq!(outcome.to_string(), "passed without advisories: no network");
        let mut steps = Steps::default();
        steps.run("a", || Ok(outcome));
        assert_eq!(steps.totals(), (1, 0));
        steps.into_result().unwrap();
    }
}
