//! From alerts to numbered lines.

use std::hash::{BuildHasher, Hasher};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::format::{Format, Stamp};
use super::{Alert, Redactor};

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
    /// Tells this run's ids from every other's.
    run: u64,
    seq: u64,
    zone: TimeZone,
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
            // Randomly keyed by the standard library: unique per run, which is all it has to be.
            run: std::hash::RandomState::new().build_hasher().finish(),
            seq: 0,
            zone: TimeZone::system(),
        }
    }

    /// Appends the alert as a line with the next number.
    pub fn line(&mut self, out: &mut Vec<u8>, mut alert: Alert) -> serde_json::Result<()> {
        self.redactor.alert(&mut alert);
        self.seq += 1;
        let time = utc(alert.time);
        let id = format!("{:016x}-{}", self.run, self.seq);
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
        self.format.line(out, &alert, &stamp)
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
fn timestamp(time: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
