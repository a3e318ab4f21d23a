//! Keeps the agent's CPU time within a budget, by doing without classes of events that the configuration allows it to do
//! without, one after the other in its order.
//!
//! A class is shed when the budget was exceeded for [`PATIENCE`] in a row, and taken back when well less was taken for
//! [`CALM`]; each time that a class has to be shed again, it stays so for twice as long.

use std::time::Duration;

use komainu_common::Class;

/// Time above the budget after which a class is shed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time below it after which one is taken back.
const CALM: Duration = Duration::from_secs(30);
/// The longest that this may grow to.
const LONGEST: Duration = Duration::from_mins(30);
/// Part of the budget that counts as well below.
const WELL_BELOW: f64 = 0.7;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Do without this class from now on.
    Shed(Class),
    /// Watch it again.
    Restore(Class),
}

/// The governor.
#[derive(Clone, Debug)]
pub(super) struct Governor {
    /// Cores.
    budget: f64,
    order: Vec<Class>,
    /// How many of them are shed.
    shed: usize,
    above: Duration,
    below: Duration,
    calm: Duration,
    /// Since the last class was taken back.
    restored: Duration,
}

impl Governor {
    /// With a budget in cores, 0 for none, and the classes that may be shed, in order.
    pub(super) fn new(budget: f64, order: Vec<Class>) -> Self {
        Self {
            budget,
            order,
            shed: 0,
            above: Duration::ZERO,
            below: Duration::ZERO,
            calm: CALM,
            restored: Duration::MAX,
        }
    }

    /// Classes that are shed.
    pub(super) fn shed(&self) -> &[Class] {
        self.order.get(..self.shed).unwrap_or_default()
    }

    /// Looks at the CPU time taken in the time since the last look.
    pub(super) fn observe(&mut self, cpu: Duration, elapsed: Duration) -> Option<Change> {
        if self.budget <= 0.0 || elapsed.is_zero() {
            return None;
        }
        self.restored = self.restored.saturating_add(elapsed);
        let taken = cpu.as_secs_f64() / elapsed.as_secs_f64();
        let add = |so_far: Duration, holds| {
            if holds {
                so_far + elapsed
            } else {
                Duration::ZERO
            }
        };
        self.above = add(self.above, taken > self.budget);
        self.below = add(self.below, taken < WELL_BELOW * self.budget);
        if self.above >= PATIENCE {
            self.above = Duration::ZERO;
            return self.shed_next();
        }
        if self.below >= self.calm {
            self.below = Duration::ZERO;
            return self.restore_last();
        }
        None
    }

    fn shed_next(&mut self) -> Option<Change> {
        let class = *self.order.get(self.shed)?;
        self.shed += 1;
        // What was taken back a moment ago had better stayed away.
        self.calm = if self.restored < self.calm + PATIENCE {
            (self.calm * 2).min(LONGEST)
        } else {
            CALM
        };
        Some(Change::Shed(class))
    }

    fn restore_last(&mut self) -> Option<Change> {
        let last = self.shed.checked_sub(1)?;
        let class = *self.order.get(last)?;
        self.shed = last;
        self.restored = Duration::ZERO;
        Some(Change::Restore(class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Seconds at this part of a core until something is to be done, at most `most`.
    fn until(governor: &mut Governor, part: f64, most: u32) -> Option<(u32, Change)> {
        (1..=most).find_map(|second| {
            let change = governor.observe(SECOND.mul_f64(part), SECOND)?;
            Some((second, change))
        })
    }

    fn governor() -> Governor {
        Governor::new(0.5, vec![Class::RECEIVE, Class::OPEN])
    }

    #[test]
    fn classes_go_in_order_and_come_back_the_other_way() {
        let mut governor = governor();
        assert_eq!(
            until(&mut governor, 0.5, 100),
            None,
            "all of it may be taken"
        );
        assert_eq!(
            until(&mut governor, 0.9, 100),
            Some((5, Change::Shed(Class::RECEIVE)))
        );
        assert_eq!(
            until(&mut governor, 0.9, 100),
            Some((5, Change::Shed(Class::OPEN)))
        );
        assert_eq!(governor.shed(), [Class::RECEIVE, Class::OPEN]);
        assert_eq!(until(&mut governor, 0.9, 100), None, "nothing is left");
        assert_eq!(until(&mut governor, 0.4, 100), None, "not well below");
        assert_eq!(
            until(&mut governor, 0.1, 100),
            Some((30, Change::Restore(Class::OPEN)))
        );
        assert_eq!(
            until(&mut governor, 0.1, 100),
            Some((30, Change::Restore(Class::RECEIVE)))
        );
        assert_eq!(until(&mut governor, 0.1, 100), None);
    }

    #[test]
    fn a_peak_is_forgiven() {
        let mut governor = governor();
        for _ in 0..10 {
            assert_eq!(until(&mut governor, 2.0, 4), None);
            assert_eq!(until(&mut governor, 0.1, 1), None);
        }
    }

    #[test]
    fn what_has_to_go_again_stays_away_for_longer() {
        let mut governor = governor();
        let mut waits = Vec::new();
        for _ in 0..9 {
            assert!(until(&mut governor, 0.9, 10).is_some());
            waits.push(until(&mut governor, 0.1, 10_000).unwrap().0);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
        assert_eq!(until(&mut governor, 0.1, 10_000), None);
        assert!(until(&mut governor, 0.9, 10).is_some());
        assert_eq!(
            until(&mut governor, 0.1, 10_000).unwrap().0,
            30,
            "that is long ago"
        );
    }

    #[test]
    fn without_a_budget_nothing_is_shed() {
        let mut governor = Governor::new(0.0, vec![Class::OPEN]);
        assert_eq!(until(&mut governor, 9.0, 1000), None);
    }
}
