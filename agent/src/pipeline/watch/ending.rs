//! Probes off, rings emptied, alerts written.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, timeout};

use super::super::board::Stage;
use super::super::clock;
use super::super::decide::{COUNT, DRAIN, Totals};
use super::super::sinks::Sinks;
use super::setup::{decider_error, tell_waited};
use super::{Deciding, End, FLUSH, Watch};
use crate::emit::OwnEvent;

/// Longest that the deciding thread may take to end beyond draining the rings.
const DECIDE: Duration = Duration::from_secs(3);
/// Time that the sinks have at the end, however long the last word took.
const LEAST_FLUSH: Duration = Duration::from_secs(3);

impl Watch {
    /// Probes off, rings emptied, alerts written, in this order.
    pub(super) async fn take_down(
        mut self,
        end: End,
        sinks: Sinks,
        deciding: Deciding,
    ) -> anyhow::Result<()> {
        self.shared.board.enter(Stage::Stopping);
        self.kernel.detach();
        // Where nobody reads the stream, nobody can be told.
        if !matches!(end, End::Sink(_)) {
            self.tell_shed().await;
            self.tell_last_losses().await;
        }
        deciding.stop.store(true, Ordering::Release);
        deciding.waker.wake();
        let (reason, mut result) = match end {
            End::Signal(name) => (name.to_owned(), Ok(())),
            End::Sink(error) => {
                drop(self.outlet);
                // Others may still take what there is.
                drop(sinks.end(FLUSH).await);
                return Err(error);
            }
            End::Decider(error) => (format!("{error:#}"), Err(error)),
        };
        let mut totals = Totals::default();
        if result.is_ok() {
            match timeout(DRAIN + COUNT + DECIDE, deciding.done).await {
                Ok(Ok(Ok(decided))) => totals = decided,
                Ok(ended) => result = Err(decider_error(ended)),
                Err(_) => result = Err(anyhow!("the deciding thread does not end")),
            }
        }
        if result.is_ok() && totals.hidden > 0 {
            result = Err(anyhow!(
                "the kernel filter would have hidden {} alerts",
                totals.hidden
            ));
        }
        tell_waited(&totals.waited);
        let stopped = self.stopped(reason, &totals);
        let last = stopped.into_alert(clock::now());
        // Where standard output is gone, its own result says so.
        let began = Instant::now();
        self.outlet.tell(last, FLUSH).await;
        drop(self.outlet);
        sinks
            .end(FLUSH.saturating_sub(began.elapsed()).max(LEAST_FLUSH))
            .await?;
        result
    }

    fn stopped(&self, reason: String, totals: &Totals) -> OwnEvent {
        OwnEvent::Stopped {
            reason,
            identified: totals.waited.known(),
            unidentified: totals
                .waited
                .without()
                .map(|(why, count)| format!("{why} {count}"))
                .collect(),
            events: totals.records,
            alerts: totals.alerts,
            throttled: totals.throttled,
            lost: totals.lost
                + self.losses.nameless
                + self.losses.missed.total()
                + self
                    .shared
                    .board
                    .sinks()
                    .map(|sink| sink.lost.alerts())
                    .sum::<u64>(),
        }
    }
}
