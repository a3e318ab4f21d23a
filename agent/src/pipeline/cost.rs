//! What each rule matched, and what its evaluation costs: of one event in [`SAMPLE`] each rule is timed.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::rules::RuleSet;

/// Events to one whose evaluation is timed. Two looks at the clock for each rule would double the time of a cheap one.
const SAMPLE: u64 = 128;

/// Counts of one rule. Written by the deciding thread alone.
#[derive(Debug, Default)]
pub(super) struct Cost {
    matches: AtomicU64,
    throttled: AtomicU64,
    samples: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Cost {
    /// Events that the rule matched.
    pub(super) fn matches(&self) -> u64 {
        self.matches.load(Ordering::Relaxed)
    }

    /// Alerts of it that were not shown.
    pub(super) fn held_back(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Evaluations that were timed, and their time together.
    pub(super) fn sampled(&self) -> (u64, Duration) {
        let time = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
        (self.samples.load(Ordering::Relaxed), time)
    }

    /// Counts a match.
    pub(super) fn matched(&self) {
        self.matches.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an alert that is not shown, because it repeats others.
    pub(super) fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.samples.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(time, Ordering::Relaxed);
    }
}

/// Counts of every rule, in the order of the set.
#[derive(Debug, Default)]
pub(super) struct Costs(Vec<Arc<Cost>>);

impl Costs {
    /// For rules that follow others: what has the same name is counted on.
    pub(super) fn following(old: &RuleSet, costs: &Self, rules: &RuleSet) -> Self {
        let names = old.rules().iter().map(|rule| rule.name.as_str());
        let known: HashMap<&str, &Arc<Cost>> = names.zip(&costs.0).collect();
        let of = |name: &str| {
            known
                .get(name)
                .map_or_else(Arc::default, |cost| Arc::clone(cost))
        };
        Self(rules.rules().iter().map(|rule| of(&rule.name)).collect())
    }

    /// Counts of a rule by its number.
    pub(super) fn of(&self, rule: u32) -> Option<&Cost> {
        self.0.get(rule as usize).map(|cost| &**cost)
    }

    /// Times the rules of this event, or does nothing.
    pub(super) fn stopwatch(&self, event: u64) -> Stopwatch<'_> {
        Stopwatch {
            costs: event.is_multiple_of(SAMPLE).then_some(self),
            running: Cell::new(None),
        }
    }
}

/// Times one rule after the other.
#[derive(Debug)]
pub(super) struct Stopwatch<'c> {
    costs: Option<&'c Costs>,
    running: Cell<Option<(u32, Instant)>>,
}

impl Stopwatch<'_> {
    /// The evaluation of this rule begins, and that of the one before is over.
    pub(super) fn begin(&self, rule: u32) {
        if self.costs.is_some() {
            let now = Instant::now();
            self.end(now);
            self.running.set(Some((rule, now)));
        }
    }

    /// The last evaluation is over.
    pub(super) fn stop(&self) {
        if self.costs.is_some() {
            self.end(Instant::now());
        }
    }

    fn end(&self, now: Instant) {
        if let Some((rule, since)) = self.running.take()
            && let Some(cost) = self.costs.and_then(|costs| costs.of(rule))
        {
            cost.took(now.saturating_duration_since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{LoadOptions, Source, load};

    fn rules(names: &[&str]) -> RuleSet {
        let rule = |name| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n"
            )
        };
        let text: String = names.iter().map(rule).collect();
        let loaded = load(&[Source::new("r", text)], &LoadOptions::default());
        loaded.rules.unwrap()
    }

    #[test]
    fn a_rule_is_counted_on_by_its_name() {
        let (before, after) = (rules(&["a", "b"]), rules(&["c", "b"]));
        let old = Costs::following(&RuleSet::default(), &Costs::default(), &before);
        old.of(0).unwrap().matched();
        old.of(1).unwrap().matched();
        old.of(1).unwrap().throttled();
        let new = Costs::following(&before, &old, &after);
        old.of(1).unwrap().matched();
        let matches = |number| new.of(number).map(Cost::matches);
        assert_eq!(
            [matches(0), matches(1), matches(2)],
            [Some(0), Some(2), None]
        );
        assert_eq!(new.of(1).unwrap().held_back(), 1);
    }

    #[test]
    fn few_events_are_timed_and_of_them_each_rule() {
        let costs = Costs::following(&RuleSet::default(), &Costs::default(), &rules(&["a", "b"]));
        for event in 1..=2 * SAMPLE {
            let stopwatch = costs.stopwatch(event);
            stopwatch.begin(0);
            std::thread::sleep(Duration::from_micros(50));
            stopwatch.begin(1);
            stopwatch.stop();
            stopwatch.stop();
        }
        let [a, b] = [0, 1].map(|rule| costs.of(rule).unwrap().sampled());
        assert_eq!((a.0, b.0), (2, 2));
        assert!(
            a.1 >= Duration::from_micros(100) && b.1 < a.1,
            "{a:?} {b:?}"
        );
    }
}
