//! Standard output of the agent, read line by line by a reader that stalls on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::place::MARKER;
use crate::agent::{Totals, own_event};

/// Time between two looks at whether to read on.
const LOOK: Duration = Duration::from_millis(20);
/// Lines that are no JSON, of which the text is kept.
const KEPT: usize = 3;

/// What was read so far, and whether more is to be read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    tally: Mutex<Tally>,
    stalls: AtomicBool,
}

impl Reader {
    /// Reads until the agent closes its end.
    pub(super) fn read(&self, stdout: impl Read, nonce: &str) {
        let mut lines = BufReader::new(stdout).lines();
        loop {
            while self.stalls() {
                thread::sleep(LOOK);
            }
            let Some(Ok(line)) = lines.next() else {
                return;
            };
            self.tally().add(&line, nonce);
        }
    }

    /// Reads nothing from now on, or goes on.
    pub(super) fn stall(&self, stalls: bool) {
        self.stalls.store(stalls, Ordering::Release);
    }

    /// Whether it reads nothing.
    pub(super) fn stalls(&self) -> bool {
        self.stalls.load(Ordering::Acquire)
    }

    /// What was read so far.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line about what was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blind {
    pub(super) stage: String,
    pub(super) class: Option<String>,
    pub(super) count: u64,
    /// Nanoseconds since the epoch; 0 where unknown.
    pub(super) first: u64,
    pub(super) last: u64,
}

/// What the lines say together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) lines: u64,
    /// The first lines that are no JSON objects with a number, and how many there were.
    pub(super) unreadable: (Vec<String>, u64),
    /// Number of the line before.
    pub(super) seq: u64,
    /// Times that a number did not follow the one before.
    pub(super) gaps: u64,
    /// Alerts of rules.
    pub(super) alerts: u64,
    pub(super) by_rule: BTreeMap<String, u64>,
    /// Events of the agent itself, by name.
    pub(super) own: BTreeMap<String, u64>,
    pub(super) blind: Vec<Blind>,
    /// Alerts about each marker.
    pub(super) markers: BTreeMap<u64, u64>,
    /// Hashes of the rule sets by which markers were judged.
    pub(super) sets: BTreeSet<String>,
    /// What the agent said at its end.
    pub(super) totals: Option<Totals>,
}

impl Tally {
    fn add(&mut self, text: &str, nonce: &str) {
        self.lines += 1;
        let line: Option<Value> = serde_json::from_str(text).ok();
        let numbered = line.and_then(|line| Some((line.get("seq")?.as_u64()?, line)));
        let Some((seq, line)) = numbered else {
            if self.unreadable.0.len() < KEPT {
                self.unreadable.0.push(text.to_owned());
            }
            self.unreadable.1 += 1;
            return;
        };
        self.gaps += u64::from(seq != self.seq + 1);
        self.seq = seq;
        match own_event(&line) {
            Some(event) => self.add_own(event, &line),
            None => self.add_alert(&line, nonce),
        }
    }

    fn add_own(&mut self, event: &str, line: &Value) {
        *self.own.entry(event.to_owned()).or_default() += 1;
        if event == "blind" {
            self.blind.push(blind(line));
        }
        self.totals = Totals::of(line).or(self.totals);
    }

    fn add_alert(&mut self, line: &Value, nonce: &str) {
        self.alerts += 1;
        let rule = line.get("rule").and_then(Value::as_str).unwrap_or_default();
        *self.by_rule.entry(rule.to_owned()).or_default() += 1;
        if rule != MARKER {
            return;
        }
        if let Some(number) = marker(line, nonce) {
            *self.markers.entry(number).or_default() += 1;
        }
        let hash = line.get("rules_hash").and_then(Value::as_str);
        self.sets.extend(hash.map(str::to_owned));
    }

    /// Sum of what was told as lost where `of` says so.
    pub(super) fn lost(&self, of: impl Fn(&Blind) -> bool) -> u64 {
        let of = self.blind.iter().filter(|blind| of(blind));
        of.map(|blind| blind.count).sum()
    }
}

fn blind(line: &Value) -> Blind {
    let fact = |name: &str| line.get("output_fields")?.get(name);
    let text = |name: &str| Some(fact(name)?.as_str()?.to_owned());
    let number = |name: &str| fact(name).and_then(Value::as_u64).unwrap_or_default();
    Blind {
        stage: text("komainu.stage").unwrap_or_default(),
        class: text("komainu.class"),
        count: number("komainu.count"),
        first: number("komainu.first"),
        last: number("komainu.last"),
    }
}

/// Number of the marker that an alert is about.
fn marker(line: &Value, nonce: &str) -> Option<u64> {
    let arguments = line.get("output_fields")?.get("proc.args")?.as_str()?;
    arguments.strip_prefix(nonce)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let reader = Reader::default();
        reader.read(lines.join("\n").as_bytes(), "nonce-");
        reader.tally().clone()
    }

    #[test]
    fn lines_are_added_up() {
        let tally = tally(&[
            r#"{"seq":1,"rule":"Komainu started","output_fields":{"komainu.event":"started"}}"#,
            r#"{"seq":2,"rule":"Soak marker","rules_hash":"a","output_fields":{"proc.args":"nonce-7"}}"#,
            r#"{"seq":3,"rule":"other","output_fields":{}}"#,
            r#"{"seq":4,"output_fields":{"komainu.event":"blind","komainu.stage":"stdout","komainu.class":null,"komainu.count":5,"komainu.first":10,"komainu.last":20}}"#,
            r#"{"seq":5,"output_fields":{"komainu.event":"stopped","komainu.alerts":7,"komainu.lost":5}}"#,
        ]);
        assert_eq!((tally.lines, tally.alerts, tally.gaps), (5, 2, 0));
        assert_eq!(tally.markers, [(7, 1)].into());
        assert_eq!(tally.sets, ["a".to_owned()].into());
        assert_eq!(tally.lost(|blind| blind.stage == "stdout"), 5);
        assert_eq!((tally.blind[0].first, tally.blind[0].last), (10, 20));
        assert_eq!(tally.totals.unwrap().alerts, Some(7));
    }

    #[test]
    fn gaps_and_torn_lines_are_counted() {
        let tally = tally(&[r#"{"seq":1}"#, r#"{"seq":3}"#, r#"{"seq":3}"#, r#"{"se"#]);
        assert_eq!((tally.gaps, tally.unreadable.1), (2, 1));
        assert_eq!(tally.unreadable.0, [r#"{"se"#]);
    }

    #[test]
    fn a_reader_that_stalls_goes_on_where_it_was() {
        let reader = Reader::default();
        reader.stall(true);
        thread::scope(|scope| {
            scope.spawn(|| reader.read("{\"seq\":1}\n".as_bytes(), ""));
            thread::sleep(3 * LOOK);
            assert_eq!(reader.tally().lines, 0);
            reader.stall(false);
        });
        assert_eq!(reader.tally().lines, 1);
    }
}
