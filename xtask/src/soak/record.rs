//! What a soak measures.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::churn::Churned;
use super::log::Log;
use super::marker::Marker;
use super::stream::Tally;
use crate::bench::Counts;

/// The agent at one moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Sample {
    /// Since the beginning.
    pub(super) seconds: u64,
    pub(super) resident_kib: u64,
    pub(super) anonymous_kib: u64,
    pub(super) descriptors: u64,
    /// Processes and containers that the agent knows.
    pub(super) processes: u64,
    pub(super) containers: u64,
    /// Alerts that wait for standard output.
    pub(super) queued: u64,
    /// Events seen, lost in the kernel half, and alerts lost at standard output, since the start.
    pub(super) seen: u64,
    pub(super) lost: u64,
    pub(super) alerts_lost: u64,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) time: Duration,
    pub(super) samples: Vec<Sample>,
    /// At the end, when everything was quiet.
    pub(super) classes: BTreeMap<String, Counts>,
    pub(super) tally: Tally,
    pub(super) markers: Vec<Marker>,
    pub(super) churned: Churned,
    pub(super) stalls: u64,
    /// Times that the rules were replaced.
    pub(super) swaps: u64,
    /// Reloads that the agent counted: those that went well, and those that failed.
    pub(super) reloads: [u64; 2],
    pub(super) log: Log,
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::stream::Blind;
    use super::*;
    use crate::agent::Totals;

    /// The loss of a stall, in the second second.
    pub(in super::super) fn stdout() -> Blind {
        Blind {
            stage: "stdout".into(),
            class: None,
            count: 5,
            first: 1_200_000_000,
            last: 1_600_000_000,
        }
    }

    /// A soak in which everything holds.
    pub(in super::super) fn sound() -> Record {
        let open = Counts {
            seen: 100,
            emitted: 30,
            filtered: 68,
            lost: 2,
        };
        let ring = Blind {
            stage: "ring".into(),
            class: Some("open".into()),
            count: 2,
            first: 0,
            last: u64::MAX,
        };
        let tally = Tally {
            lines: 20,
            alerts: 10,
            blind: vec![stdout(), ring],
            markers: (0..4).map(|number| (number, 1)).collect(),
            sets: ["a".to_owned(), "b".to_owned()].into(),
            totals: Some(Totals {
                events: Some(100),
                alerts: Some(15),
                lost: Some(7),
            }),
            ..Tally::default()
        };
        let marker = |number| Marker {
            number,
            before: number * 1_000_000_000,
            after: number * 1_000_000_000 + 500_000_000,
        };
        let sample = Sample {
            resident_kib: 50_000,
            anonymous_kib: 30_000,
            descriptors: 40,
            ..Sample::default()
        };
        Record {
            time: Duration::from_secs(40),
            samples: vec![sample; 8],
            classes: [("open".to_owned(), open)].into(),
            tally,
            markers: (0..4).map(marker).collect(),
            churned: Churned {
                made: 3,
                removed: 3,
                failed: 0,
            },
            stalls: 1,
            swaps: 5,
            reloads: [5, 0],
            log: Log::default(),
        }
    }
}
