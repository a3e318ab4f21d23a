//! What was lost since the last look: the kernel's ledger and counters are sums since the start.

mod missed;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use komainu_common::Class;
use komainu_common::ledger::{ClassCounters, LedgerEntry, LedgerKey, Reason};

pub(super) use missed::Missed;

/// Events lost in one cgroup, or in one that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// Name of the [`Reason`].
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
    ledger: HashMap<(u64, u32, u32), LedgerEntry>,
    /// By class and reason: losses that no ledger entry accounts for.
    rest: HashMap<(u16, u32), Rest>,
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
            for reason in Reason::ALL {
                let counted = counters.lost_for(*reason);
                losses.extend(self.rest(ledger, *class, *reason, counted, look));
            }
        }
        losses
    }

    fn rest(
        &mut self,
        ledger: &[(LedgerKey, LedgerEntry)],
        class: Class,
        reason: Reason,
        counted: u64,
        look: Look,
    ) -> Option<Loss> {
        let here = |key: &LedgerKey| key.class == u32::from(class.0) && key.reason == reason.0;
        let rows = ledger.iter().filter(|(key, _)| here(key));
        let named: u64 = rows.map(|(_, entry)| entry.count).sum();
        let rest = counted.saturating_sub(named);
        let known = self.rest.entry((class.0, reason.0)).or_default();
        let before = std::mem::replace(&mut known.seen, rest);
        let stable = match look {
            Look::Next => rest.min(before),
            Look::Last => rest,
        };
        let told = known.told;
        known.told = told.max(stable);
        (stable > told).then(|| unnamed(reason.name(), class, stable - told))
    }

    fn row(&mut self, (key, entry): &(LedgerKey, LedgerEntry)) -> Option<Loss> {
        let place = (key.cgroup, key.class, key.reason);
        let told = self.ledger.insert(place, *entry);
        let (before, first) = told.map_or((0, entry.first), |old| (old.count, old.last));
        let count = entry.count.checked_sub(before).filter(|count| *count > 0)?;
        Some(Loss {
            stage: Reason(key.reason).name(),
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
