//! What was lost since the last look: the kernel's ledger and counters are sums since the start.

mod missed;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use komainu_common::Class;
use komainu_common::header::CGROUP_V1;
use komainu_common::ledger::{ClassCounters, LedgerEntry, LedgerKey, Reason};

#[cfg(feature = "ebpf")]
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
    /// Time of the first, nanoseconds since boot, or a time before it.
    pub(super) first: u64,
    /// Time of the last, nanoseconds since boot, or a time after it.
    pub(super) last: u64,
}

impl Loss {
    /// What is known of the place without its path.
    pub(super) fn cgroup_name(&self) -> Option<String> {
        self.cgroup.map(cgroup_name)
    }
}

/// How a cgroup is named where nothing else is known of it.
pub(super) fn cgroup_name(cgroup: u64) -> String {
    match cgroup & CGROUP_V1 {
        0 => format!("cgroup {cgroup}"),
        _ => format!("v1 cgroup {}", cgroup & !CGROUP_V1),
    }
}

/// What was told already.
#[derive(Debug)]
pub(super) struct Told {
    ledger: HashMap<(u64, u32, u32), LedgerEntry>,
    /// By class and reason: losses that no ledger entry accounts for.
    rest: HashMap<(u16, u32), Rest>,
    /// Times of the last look and the one before, nanoseconds since boot.
    looks: [u64; 2],
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
                    known.first = known.first.min(loss.first);
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
    /// From `now` on, nanoseconds since boot.
    pub(super) fn since(now: u64) -> Self {
        Self {
            ledger: HashMap::new(),
            rest: HashMap::new(),
            looks: [now; 2],
        }
    }

    /// Losses since the last call, `now` being nanoseconds since boot.
    ///
    /// Ledger and counters are not read at one instant: a loss in between is in one of them only.
    /// So a loss counts as one without cgroup when it still is at the second look, or the last. It
    /// then was after the look before that.
    pub(super) fn observe(
        &mut self,
        ledger: &[(LedgerKey, LedgerEntry)],
        counters: &[(Class, ClassCounters)],
        look: Look,
        now: u64,
    ) -> Vec<Loss> {
        let mut losses: Vec<Loss> = ledger.iter().filter_map(|row| self.row(row)).collect();
        for (class, counters) in counters {
            for reason in Reason::ALL {
                let counted = counters.lost_for(*reason);
                if let Some(count) = self.rest(ledger, *class, *reason, counted, look) {
                    losses.push(Loss {
                        stage: reason.name(),
                        class: *class,
                        cgroup: None,
                        count,
                        first: self.looks[1],
                        last: now,
                    });
                }
            }
        }
        self.looks = [now, self.looks[0]];
        losses
    }

    /// Losses of a class that no row accounts for, and that were not told.
    fn rest(
        &mut self,
        ledger: &[(LedgerKey, LedgerEntry)],
        class: Class,
        reason: Reason,
        counted: u64,
        look: Look,
    ) -> Option<u64> {
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
        stable.checked_sub(told).filter(|count| *count > 0)
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
