//! What the kernel half lost, and who is told.

use std::sync::mpsc::TrySendError;
use std::time::Duration;

use tokio::time::sleep;

use super::super::clock;
use super::super::decide::Notice;
use super::super::losses::{Look, Missed, Told, Untold};
use super::Watch;
use crate::decode::Clock;
use crate::emit::lost::{Place, Tally};

/// Tries to have the deciding thread name the last losses, and the time between two.
const LAST_TRIES: usize = 20;
const LAST_TRY: Duration = Duration::from_millis(50);

/// What the kernel half lost, and who was told.
pub(super) struct Losses {
    told: Told,
    /// Losses that the deciding thread had no room for.
    untold: Untold,
    pub(super) missed: Missed,
    /// Losses that were told without the deciding thread, which is to count them.
    pub(super) nameless: u64,
}

impl Losses {
    pub(super) fn from_now() -> Self {
        Self {
            told: Told::since(clock::boot()),
            untold: Untold::default(),
            missed: Missed::since(clock::now()),
            nameless: 0,
        }
    }
}

impl Watch {
    /// Asks the kernel half what it lost since the last time.
    pub(super) fn tell_losses(&mut self, look: Look) {
        self.look_for_losses(look);
        let notices = &self.notices;
        self.losses
            .untold
            .hand_over(|losses| match notices.try_send(Notice::Lost(losses)) {
                Err(
                    TrySendError::Full(Notice::Lost(losses))
                    | TrySendError::Disconnected(Notice::Lost(losses)),
                ) => Err(losses),
                _ => Ok(()),
            });
    }

    fn look_for_losses(&mut self, look: Look) {
        let ledger = self.kernel.ledger().map(|rows| {
            rows.iter()
                .map(|row| (row.key, row.entry))
                .collect::<Vec<_>>()
        });
        let counters = self.kernel.counters().map(|rows| {
            rows.iter()
                .map(|row| (row.class, row.counters))
                .collect::<Vec<_>>()
        });
        let (ledger, counters) = match (ledger, counters) {
            (Ok(ledger), Ok(counters)) => (ledger, counters),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "cannot read what the kernel half lost");
                return;
            }
        };
        let losses = self
            .losses
            .told
            .observe(&ledger, &counters, look, clock::boot());
        self.losses.untold.add(losses);
        let missed = self.kernel.missed();
        let missed = missed.map(|row| (row.probe.program, row.probe.classes, row.count));
        for (place, tally) in self.losses.missed.observe(missed, clock::now()) {
            self.outlet.lost(&place, tally);
        }
    }

    /// The last look, after which nothing happens any more. Told without the name of a container
    /// where the deciding thread stays busy.
    pub(super) async fn tell_last_losses(&mut self) {
        self.tell_losses(Look::Last);
        for _ in 0..LAST_TRIES {
            if self.losses.untold.is_empty() {
                return;
            }
            sleep(LAST_TRY).await;
            self.tell_losses(Look::Last);
        }
        let (outlet, nameless) = (&self.outlet, &mut self.losses.nameless);
        let clock = Clock {
            boot: clock::epoch(),
        };
        self.losses.untold.hand_over(|losses| {
            for loss in losses {
                let place = Place {
                    stage: loss.stage,
                    class: Some(loss.class.name()),
                    place: loss.cgroup_name(),
                };
                let tally = Tally {
                    count: loss.count,
                    first: clock.unix(loss.first),
                    last: clock.unix(loss.last),
                    noticed: clock::now(),
                };
                outlet.lost(&place, tally);
                *nameless += loss.count;
            }
            Ok(())
        });
    }
}
