//! What was lost since the last look: the kernel's ledger and counters are sums since the start.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use komainu_common::Class;
use komainu_common::ledger::{ClassCounters, LedgerEntry, LedgerKey};

/// Events lost in one cgroup, or in one that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// `ring`: there was no room. `internal`: the kernel half could not make the record.
    pub(super) stage: &'static str,
    /// Event class.
    pub(super) class: Class,
    /// cgroup id; `None` where the ledger had no room, or the event no cgroup yet.
    pub(super) cgroup: Option<u64>,
    /// Events.
    pub(super) count: u64,
    /// Time of the first, nanoseconds since boot; 0 where unknown.
    pub(super) first: u64,
    /// Time of the last, nanoseconds since boot; 0 where unknown.
    pub(super) last: u64,
}

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Told {
    ledger: HashMap<(u64, u32), LedgerEntry>,
    /// By class: losses that no ledger entry accounts for.
    rest: HashMap<u16, Rest>,
    /// By class: what got no further than the kernel half.
    internal: HashMap<u16, u64>,
}

/// Whether there is another look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is.
    Next,
    /// Nothing happens any more, and nobody looks again.
    Last,
}

/// Losses on their way to whoever tells them. As many as the kernel half tells apart.
#[derive(Debug, Default)]
pub(super) struct Untold(HashMap<(&'static str, u16, Option<u64>), Loss>);

impl Untold {
    /// Adds to what is known.
    pub(super) fn add(&mut self, losses: Vec<Loss>) {
        for loss in losses {
            let key = (loss.stage, loss.class.0, loss.cgroup);
            match self.0.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(loss);
                }
                Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    known.count = known.count.saturating_add(loss.count);
                    known.last = known.last.max(loss.last);
                }
            }
        }
    }

    /// Hands all over; what `send` gives back stays.
    pub(super) fn hand_over(&mut self, send: impl FnOnce(Vec<Loss>) -> Result<(), Vec<Loss>>) {
        let losses: Vec<Loss> = self.0.drain().map(|(_, loss)| loss).collect();
        if !losses.is_empty()
            && let Err(back) = send(losses)
        {
            self.add(back);
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// At the last look.
    seen: u64,
    told: u64,
}

impl Told {
    /// Losses since the last call.
    ///
    /// Ledger and counters are not read at one instant: a loss in between is in one of them only.
    /// So a loss counts as one without cgroup when it still is at the second look, or the last.
    pub(super) fn observe(
        &mut self,
        ledger: &[(LedgerKey, LedgerEntry)],
        counters: &[(Class, ClassCounters)],
        look: Look,
    ) -> Vec<Loss> {
        let mut losses: Vec<Loss> = ledger.iter().filter_map(|row| self.row(row)).collect();
        for (class, counters) in counters {
            let named: u64 = ledger
                .iter()
                .filter(|(key, _)| key.class == u32::from(class.0))
                .map(|(_, entry)| entry.count)
                .sum();
            let rest = counters.lost_ring.saturating_sub(named);
            let known = self.rest.entry(class.0).or_default();
            let before = std::mem::replace(&mut known.seen, rest);
            let stable = match look {
                Look::Next => rest.min(before),
                Look::Last => rest,
            };
            if stable > known.told {
                losses.push(unnamed("ring", *class, stable - known.told));
                known.told = stable;
            }
            let lost = counters.lost_internal;
            let told = self.internal.insert(class.0, lost).unwrap_or(0);
            if lost > told {
                losses.push(unnamed("internal", *class, lost - told));
            }
        }
        losses
    }

    fn row(&mut self, (key, entry): &(LedgerKey, LedgerEntry)) -> Option<Loss> {
        let told = self.ledger.insert((key.cgroup, key.class), *entry);
        let (before, first) = told.map_or((0, entry.first), |old| (old.count, old.last));
        let count = entry.count.checked_sub(before).filter(|count| *count > 0)?;
        Some(Loss {
            stage: "ring",
            class: Class(u16::try_from(key.class).unwrap_or(u16::MAX)),
            cgroup: Some(key.cgroup),
            count,
            first,
            last: entry.last,
        })
    }
}

/// A loss of which only the class is known.
fn unnamed(stage: &'static str, class: Class, count: u64) -> Loss {
    Loss {
        stage,
        class,
        cgroup: None,
        count,
        first: 0,
        last: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cgroup: u64, count: u64, first: u64, last: u64) -> (LedgerKey, LedgerEntry) {
        let key = LedgerKey {
            cgroup,
            class: u32::from(Class::OPEN.0),
            reserved: 0,
        };
        (key, LedgerEntry { count, first, last })
    }

    fn counters(lost_ring: u64, lost_internal: u64) -> [(Class, ClassCounters); 1] {
        let counters = ClassCounters {
            seen: 100,
            emitted: 0,
            filtered: 0,
            lost_ring,
            lost_internal,
        };
        [(Class::OPEN, counters)]
    }

    #[test]
    fn tells_each_loss_once() {
        let mut told = Told::default();
        assert_eq!(told.observe(&[], &counters(0, 0), Look::Next), []);
        let first = told.observe(&[row(7, 5, 10, 20)], &counters(5, 0), Look::Next);
        let loss = Loss {
            stage: "ring",
            class: Class::OPEN,
            cgroup: Some(7),
            count: 5,
            first: 10,
            last: 20,
        };
        assert_eq!(first, [loss]);
        assert_eq!(
            told.observe(&[row(7, 5, 10, 20)], &counters(5, 0), Look::Next),
            []
        );
        let more = told.observe(
            &[row(7, 8, 10, 30), row(8, 1, 25, 25)],
            &counters(9, 0),
            Look::Next,
        );
        let grown = Loss {
            count: 3,
            first: 20,
            last: 30,
            ..loss
        };
        let other = Loss {
            cgroup: Some(8),
            count: 1,
            first: 25,
            last: 25,
            ..loss
        };
        assert_eq!(more, [grown, other]);
    }

    #[test]
    fn what_the_ledger_cannot_hold_is_told_by_class() {
        let mut told = Told::default();
        assert_eq!(
            told.observe(&[row(7, 5, 10, 20)], &counters(6, 0), Look::Next)
                .len(),
            1
        );
        let losses = told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next);
        let rest = unnamed("ring", Class::OPEN, 1);
        assert_eq!(losses, [rest, unnamed("internal", Class::OPEN, 2)]);
        assert_eq!(
            told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next),
            []
        );
    }

    #[test]
    fn a_ledger_behind_its_counters_is_not_told_twice() {
        let mut told = Told::default();
        assert_eq!(told.observe(&[], &counters(4, 0), Look::Next), []);
        let losses = told.observe(&[row(7, 4, 10, 20)], &counters(4, 0), Look::Next);
        assert_eq!(losses.iter().map(|l| l.count).sum::<u64>(), 4);
        assert_eq!(
            told.observe(&[row(7, 4, 10, 20)], &counters(4, 0), Look::Next),
            []
        );
    }

    #[test]
    fn the_last_look_waits_for_no_other() {
        let mut told = Told::default();
        assert_eq!(told.observe(&[], &counters(4, 0), Look::Next), []);
        let losses = told.observe(&[], &counters(6, 0), Look::Last);
        assert_eq!(losses, [unnamed("ring", Class::OPEN, 6)]);
    }

    #[test]
    fn what_was_not_taken_is_kept_and_merged() {
        let mut untold = Untold::default();
        untold.add(vec![unnamed("ring", Class::OPEN, 2)]);
        untold.hand_over(Err);
        untold.add(vec![unnamed("ring", Class::OPEN, 3)]);
        let mut taken = Vec::new();
        untold.hand_over(|losses| {
            taken = losses;
            Ok(())
        });
        assert_eq!(taken, [unnamed("ring", Class::OPEN, 5)]);
        assert!(untold.is_empty());
    }
}
