//! From alerts to numbered lines.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::format::{Format, Stamp};
use super::syslog::Frame;
use super::{Alert, Redactor};

/// What the ids of one run have in common. Every sink tells the same alert by the same id.
#[derive(Debug)]
pub struct Run {
    /// Tells this run's ids from every other's.
    name: u64,
    last: AtomicU64,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            // Randomly keyed by the standard library: unique per run, which is all it has to be.
            name: std::hash::RandomState::new().build_hasher().finish(),
            last: AtomicU64::new(0),
        }
    }
}

impl Run {
    /// The next number, from 1.
    pub fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// One output stream of one run: numbers lines from 1 without a gap, so that a reader sees what
/// was lost between the agent and itself.
#[derive(Debug)]
pub struct Stream {
    format: Format,
    colour: bool,
    redactor: Redactor,
    hostname: String,
    node: String,
    boot: String,
    run: Arc<Run>,
    seq: u64,
    zone: TimeZone,
    /// Each line is a message of syslog.
    frame: Option<Frame>,
}

impl Stream {
    /// A stream that starts at number 1. `colour` concerns the text format only; `boot` is the id that
    /// the kernel gave this boot, empty where unknown.
    pub fn new(
        format: Format,
        colour: bool,
        redactor: Redactor,
        hostname: String,
        node: String,
        boot: String,
    ) -> Self {
        Self {
            format,
            colour,
            redactor,
            hostname,
            node,
            boot,
            run: Arc::default(),
            seq: 0,
            zone: TimeZone::system(),
            frame: None,
        }
    }

    /// The same with ids of this run, which others number too.
    #[must_use]
    pub fn of_run(mut self, run: Arc<Run>) -> Self {
        self.run = run;
        self
    }

    /// The same with a message of syslog for each line, without a line break.
    #[must_use]
    pub fn in_syslog(mut self, frame: Frame) -> Self {
        self.frame = Some(frame);
        self
    }

    /// Appends the alert as a line with the next number.
    pub fn line(&mut self, out: &mut Vec<u8>, mut alert: Alert) -> serde_json::Result<()> {
        self.redactor.alert(&mut alert);
        self.seq += 1;
        let time = utc(alert.time);
        let number = match alert.number {
            0 => self.run.next(),
            number => number,
        };
        let id = format!("{:016x}-{number}", self.run.name);
        let output = format!(
            "{}: {} {}",
            self.local(alert.time),
            alert.priority,
            alert.message
        );
        let stamp = Stamp {
            seq: self.seq,
            id: &id,
            time: &time,
            output: &output,
            hostname: &self.hostname,
            node: &self.node,
            boot: &self.boot,
            colour: self.colour,
        };
        let start = out.len();
        self.format.line(out, &alert, &stamp)?;
        if let Some(frame) = &self.frame {
            frame.wrap(out, start, &alert, &stamp);
        }
        Ok(())
    }

    /// Lines so far.
    pub fn lines(&self) -> u64 {
        self.seq
    }

    /// Local wall-clock time as Falco prints it, `HH:MM:SS.nnnnnnnnn`.
    fn local(&self, time: u64) -> String {
        let zoned = timestamp(time).to_zoned(self.zone.clone());
        zoned.strftime("%H:%M:%S.%9f").to_string()
    }
}

/// UTC with nanoseconds, `2026-01-31T10:20:30.123456789Z`.
pub fn utc(time: u64) -> String {
    timestamp(time)
        .strftime("%Y-%m-%dT%H:%M:%S.%9fZ")
        .to_string()
}

/// Nanoseconds since the epoch; beyond the year 9999, the epoch.
pub(super) fn timestamp(time: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
