//! What was lost, from whoever noticed until the sink tells it. It does not queue behind alerts:
//! a stream that is too slow for them still says what is missing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Alert, OwnEvent};

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

/// Losses that the stream has not told yet, and the bytes that wait for it.
#[derive(Debug, Default)]
pub struct Lost {
    untold: Mutex<BTreeMap<Place, Tally>>,
    alerts: AtomicU64,
    queued: AtomicUsize,
}

impl Lost {
    /// Counts an alert that found no room, of `time`, nanoseconds since the epoch.
    pub fn add(&self, time: u64) {
        self.alerts.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            stage: "stdout",
            class: None,
            place: None,
        };
        let tally = Tally {
            count: 1,
            first: time,
            last: time,
            noticed: time,
        };
        self.merge(place, tally);
    }

    /// Adds to what is to be told of a place.
    pub fn merge(&self, mut place: Place, tally: Tally) {
        // Held by the other side for as long as it takes to swap the map.
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        if untold.len() >= PLACES && !untold.contains_key(&place) {
            place.place = None;
        }
        untold.entry(place).or_default().add(tally);
    }

    /// Alerts lost since the start, told or not.
    pub fn alerts(&self) -> u64 {
        self.alerts.load(Ordering::Relaxed)
    }

    /// Bytes of alerts that wait.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// What was lost since the last call, as own events; with each, how many alerts that is.
    pub fn take(&self) -> impl Iterator<Item = (u64, Alert)> {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *untold);
        drop(untold);
        taken.into_iter().map(|(place, tally)| {
            let alerts = if place.stage == "stdout" {
                tally.count
            } else {
                0
            };
            let event = OwnEvent::Blind {
                stage: place.stage,
                class: place.class,
                place: place.place,
                count: tally.count,
                first: tally.first,
                last: tally.last,
            };
            (alerts, event.into_alert(tally.noticed))
        })
    }

    /// Takes room for an alert that will wait; false if there would be more than `max` bytes.
    pub(super) fn reserve(&self, bytes: usize, max: usize) -> bool {
        let take = |queued: usize| Some(queued.saturating_add(bytes)).filter(|sum| *sum <= max);
        self.queued
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .is_ok()
    }

    /// Gives back what [`Self::reserve`] took.
    pub(super) fn release(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::AcqRel);
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
