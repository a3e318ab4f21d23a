//! What was lost since the last look: the kernel's ledger and counters are sums since the start.

use hashbrown::HashMap;
use komainu_common::Class;
use komainu_common::ledger::{ClassCounters, LedgerEntry, LedgerKey};

/// Events lost in one cgroup, or in one that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
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
    /// So a loss counts as one without cgroup when it still is at the second look.
    pub(super) fn observe(
        &mut self,
        ledger: &[(LedgerKey, LedgerEntry)],
        counters: &[(Class, ClassCounters)],
    ) -> Vec<Loss> {
        let mut losses: Vec<Loss> = ledger.iter().filter_map(|row| self.row(row)).collect();
        for (class, counters) in counters {
            let named: u64 = ledger
                .iter()
                .filter(|(key, _)| key.class == u32::from(class.0))
                .map(|(_, entry)| entry.count)
                .sum();
            let lost = counters.lost_ring.saturating_add(counters.lost_internal);
            let rest = lost.saturating_sub(named);
            let known = self.rest.entry(class.0).or_default();
            let stable = rest.min(std::mem::replace(&mut known.seen, rest));
            if stable > known.told {
                losses.push(Loss {
                    class: *class,
                    cgroup: None,
                    count: stable - known.told,
                    first: 0,
                    last: 0,
                });
                known.told = stable;
            }
        }
        losses
    }

    fn row(&mut self, (key, entry): &(LedgerKey, LedgerEntry)) -> Option<Loss> {
        let told = self.ledger.insert((key.cgroup, key.class), *entry);
        let (before, first) = told.map_or((0, entry.first), |old| (old.count, old.last));
        let count = entry.count.checked_sub(before).filter(|count| *count > 0)?;
        Some(Loss {
            class: Class(u16::try_from(key.class).unwrap_or(u16::MAX)),
            cgroup: Some(key.cgroup),
            count,
            first,
            last: entry.last,
        })
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
        assert_eq!(told.observe(&[], &counters(0, 0)), []);
        let first = told.observe(&[row(7, 5, 10, 20)], &counters(5, 0));
        let loss = Loss {
            class: Class::OPEN,
            cgroup: Some(7),
            count: 5,
            first: 10,
            last: 20,
        };
        assert_eq!(first, [loss]);
        assert_eq!(told.observe(&[row(7, 5, 10, 20)], &counters(5, 0)), []);
        let more = told.observe(&[row(7, 8, 10, 30), row(8, 1, 25, 25)], &counters(9, 0));
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
        assert_eq!(told.observe(&[row(7, 5, 10, 20)], &counters(6, 2)).len(), 1);
        let losses = told.observe(&[row(7, 5, 10, 20)], &counters(6, 2));
        let rest = Loss {
            class: Class::OPEN,
            cgroup: None,
            count: 3,
            first: 0,
            last: 0,
        };
        assert_eq!(losses, [rest]);
        assert_eq!(told.observe(&[row(7, 5, 10, 20)], &counters(6, 2)), []);
    }

    #[test]
    fn a_ledger_behind_its_counters_is_not_told_twice() {
        let mut told = Told::default();
        assert_eq!(told.observe(&[], &counters(4, 0)), []);
        let losses = told.observe(&[row(7, 4, 10, 20)], &counters(4, 0));
        assert_eq!(losses.iter().map(|l| l.count).sum::<u64>(), 4);
        assert_eq!(told.observe(&[row(7, 4, 10, 20)], &counters(4, 0)), []);
    }
}
