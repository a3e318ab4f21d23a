//! What became of the events of a running agent, as its kernel half counts them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Events of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Counts {
    pub(crate) seen: u64,
    pub(crate) emitted: u64,
    pub(crate) filtered: u64,
    pub(crate) lost: u64,
}

impl Counts {
    /// What came since `before`.
    fn since(self, before: Self) -> Self {
        Self {
            seen: self.seen.saturating_sub(before.seen),
            emitted: self.emitted.saturating_sub(before.emitted),
            filtered: self.filtered.saturating_sub(before.filtered),
            lost: self.lost.saturating_sub(before.lost),
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            seen: self.seen + other.seen,
            emitted: self.emitted + other.emitted,
            filtered: self.filtered + other.filtered,
            lost: self.lost + other.lost,
        }
    }

    /// The part that ended in the kernel, in percent; 0 where nothing was seen.
    pub(super) fn filtered_percent(self) -> f64 {
        if self.seen == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 events")]
        let (filtered, seen) = (self.filtered as f64, self.seen as f64);
        100.0 * filtered / seen
    }
}

/// A program that reads the counters of one agent.
#[derive(Debug)]
pub(super) struct Reader {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    /// Starts it for the agent with this process id.
    pub(super) fn start(program: &Path, agent: u32) -> Result<Self> {
        let mut child = Command::new(program)
            .arg(agent.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, answers) = pipes.context("no pipes")?;
        Ok(Self {
            child,
            ask,
            answers: BufReader::new(answers),
        })
    }

    /// The counters now.
    pub(super) fn read(&mut self) -> Result<Counters> {
        writeln!(self.ask)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).context("cannot read the counters of the agent")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// By name of the class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Counters(BTreeMap<String, Counts>);

impl Counters {
    /// Those of one class.
    pub(super) fn of(&self, class: &str) -> Counts {
        self.0.get(class).copied().unwrap_or_default()
    }

    /// What came since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let rows = self.0.iter();
        let since = rows.map(|(class, now)| (class.clone(), now.since(before.of(class))));
        Self(since.collect())
    }

    /// Events of all classes.
    pub(super) fn total(&self) -> Counts {
        self.0
            .values()
            .copied()
            .fold(Counts::default(), Counts::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Counters {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn differences_and_shares() {
        let before = parse(r#"{"open": {"seen": 10, "emitted": 6, "filtered": 4, "lost": 0}}"#);
        let after = parse(
            r#"{"open": {"seen": 210, "emitted": 10, "filtered": 199, "lost": 1},
                "exec": {"seen": 5, "emitted": 5, "filtered": 0, "lost": 0}}"#,
        );
        let since = after.since(&before);
        assert_eq!((since.of("open").seen, since.of("open").lost), (200, 1));
        assert!((since.of("open").filtered_percent() - 97.5).abs() < 1e-9);
        assert_eq!(since.total().seen, 205);
        assert_eq!(since.of("none"), Counts::default());
        assert_eq!(Counts::default().filtered_percent().to_string(), "0");
    }
}
