//! What was lost, from whoever noticed until the sink tells it. It does not queue behind alerts:
//! a stream that is too slow for them still says what is missing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Alert, OwnEvent};
use crate::lock::lock;

/// Places told apart at most; losses in further ones are told without their place.
const PLACES: usize = 1024;

/// Where something was lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As in [`OwnEvent::Blind`].
    pub stage: &'static str,
    /// Event class, where known.
    pub class: Option<&'static str>,
    /// As in [`OwnEvent::Blind`].
    pub place: Option<String>,
}

/// How much was lost, and when. Times are nanoseconds since the epoch, 0 where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events (at `stdout`: alerts).
    pub count: u64,
    /// Time of the first.
    pub first: u64,
    /// Time of the last.
    pub last: u64,
    /// When it was noticed.
    pub noticed: u64,
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.count = self.count.saturating_add(more.count);
        self.first = match (self.first, more.first) {
            (0, time) | (time, 0) => time,
            (a, b) => a.min(b),
        };
        self.last = self.last.max(more.last);
        self.noticed = self.noticed.max(more.noticed);
    }
}

/// Alerts that were not shown because they repeat others, and when. Times are nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Alerts.
    pub count: u64,
    /// Time of the first.
    pub first: u64,
    /// Time of the last.
    pub last: u64,
}

impl Held {
    /// One more.
    pub fn add(&mut self, time: u64) {
        self.merge(Self {
            count: 1,
            first: time,
            last: time,
        });
    }

    fn merge(&mut self, more: Self) {
        self.first = match self.count {
            0 => more.first,
            _ => self.first.min(more.first),
        };
        self.count = self.count.saturating_add(more.count);
        self.last = self.last.max(more.last);
    }
}

/// A window of the throttle that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Name of the rule.
    pub rule: String,
    /// Its priority.
    pub priority: &'static str,
    /// What they had in common, `NAME=VALUE`; empty where that is several things.
    pub key: Vec<String>,
    /// What was held back.
    pub held: Held,
    /// Length of the window.
    pub seconds: u64,
}

/// Losses that the stream has not told yet, and the bytes that wait for it.
#[derive(Debug)]
pub struct Lost {
    /// Of the sink, and of the stage where it loses something.
    name: &'static str,
    untold: Mutex<Untold>,
    alerts: AtomicU64,
    /// Bytes, and alerts.
    queued: AtomicUsize,
    waiting: AtomicUsize,
    /// Tells what is lost here too.
    also: Option<Arc<Lost>>,
}

impl Default for Lost {
    /// Of standard output.
    fn default() -> Self {
        Self::of(STDOUT, None)
    }
}

/// The sink that there always is.
pub const STDOUT: &str = "stdout";

/// What is to be told.
#[derive(Debug, Default)]
struct Untold {
    losses: BTreeMap<Place, Tally>,
    /// By rule and key.
    repeats: BTreeMap<(String, Vec<String>), Repeats>,
}

impl Lost {
    /// Of a sink of this name; its losses are told by `also` too.
    pub fn of(name: &'static str, also: Option<Arc<Self>>) -> Self {
        Self {
            name,
            untold: Mutex::default(),
            alerts: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            also,
        }
    }

    /// Name of the sink.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Counts an alert that found no room, of `time`, nanoseconds since the epoch.
    pub fn add(&self, time: u64) {
        self.lose(self.name, None, 1, time);
        self.alerts.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts alerts that the other side will not take, at `now`.
    pub fn refused(&self, count: u64, now: u64) {
        self.lose(self.name, None, count, now);
        self.alerts.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts lines that the spool could not give back. When they were put there is not known.
    pub fn damaged(&self, count: u64) {
        if count > 0 {
            self.lose("spool", Some(self.name), count, 0);
            self.alerts.fetch_add(count, Ordering::Relaxed);
        }
    }

    fn lose(&self, stage: &'static str, place: Option<&str>, count: u64, time: u64) {
        let place = Place {
            stage,
            class: None,
            place: place.map(ToOwned::to_owned),
        };
        let tally = Tally {
            count,
            first: time,
            last: time,
            noticed: time,
        };
        if let Some(also) = &self.also {
            also.merge(place.clone(), tally);
        }
        self.merge(place, tally);
    }

    /// Adds to what is to be told of a place.
    pub fn merge(&self, mut place: Place, tally: Tally) {
        let losses = &mut self.untold().losses;
        if losses.len() >= PLACES && !losses.contains_key(&place) {
            place.place = None;
        }
        losses.entry(place).or_default().add(tally);
    }

    /// Adds to what is to be told of alerts that repeat.
    pub fn repeated(&self, mut repeats: Repeats) {
        let untold = &mut self.untold().repeats;
        let mut place = (repeats.rule.clone(), repeats.key.clone());
        if untold.len() >= PLACES && !untold.contains_key(&place) {
            (place.1, repeats.key) = (Vec::new(), Vec::new());
        }
        match untold.entry(place) {
            Entry::Vacant(entry) => {
                entry.insert(repeats);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.held.merge(repeats.held);
                known.seconds = known.seconds.saturating_add(repeats.seconds);
            }
        }
    }

    fn untold(&self) -> MutexGuard<'_, Untold> {
        // Held by the other side for as long as it takes to swap the maps.
        lock(&self.untold)
    }

    /// Alerts lost since the start, told or not.
    pub fn alerts(&self) -> u64 {
        self.alerts.load(Ordering::Relaxed)
    }

    /// Bytes of alerts that wait.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// What was lost or held back since the last call, as own events; with each, how many lost alerts that is.
    pub fn take(&self) -> impl Iterator<Item = (u64, Alert)> {
        let name = self.name;
        let Untold { losses, repeats } = std::mem::take(&mut *self.untold());
        let repeats = repeats.into_values().map(|repeats| {
            let time = repeats.held.last;
            (0, OwnEvent::Throttled(repeats).into_alert(time))
        });
        let losses = losses.into_iter().map(move |(place, tally)| {
            let alerts = if place.stage == name { tally.count } else { 0 };
            let event = OwnEvent::Blind {
                stage: place.stage,
                class: place.class,
                place: place.place,
                count: tally.count,
                first: tally.first,
                last: tally.last,
            };
            (alerts, event.into_alert(tally.noticed))
        });
        repeats.chain(losses)
    }

    /// Alerts that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes room for an alert that will wait; false if there would be more than `max` bytes.
    pub(super) fn reserve(&self, bytes: usize, max: usize) -> bool {
        let take = |queued: usize| Some(queued.saturating_add(bytes)).filter(|sum| *sum <= max);
        let taken = self
            .queued
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .is_ok();
        self.waiting
            .fetch_add(usize::from(taken), Ordering::Relaxed);
        taken
    }

    /// Gives back what [`Self::reserve`] took.
    pub(super) fn release(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::AcqRel);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_merged_and_bounded() {
        let lost = Lost::default();
        let at = |n: u64| Place {
            stage: "ring",
            class: Some("open"),
            place: Some(format!("cgroup {n}")),
        };
        let tally = |time| Tally {
            count: 2,
            first: time,
            last: time,
            noticed: 9,
        };
        for n in 0..2 * PLACES as u64 {
            lost.merge(at(n), tally(5));
            lost.merge(at(n), tally(3));
        }
        let told: Vec<_> = lost.take().collect();
        assert_eq!(told.len(), PLACES + 1);
        let count = |alert: &Alert| alert.fields[4].1.as_u64().unwrap();
        let sum: u64 = told.iter().map(|(_, alert)| count(alert)).sum();
        assert_eq!(sum, 8 * PLACES as u64, "none is forgotten");
        let (_, rest) = told.last().unwrap();
        assert_eq!(
            (count(rest), rest.fields[5].1.as_u64(), rest.time),
            (4, Some(3), 9)
        );
        assert_eq!(lost.take().count(), 0);
    }
}
