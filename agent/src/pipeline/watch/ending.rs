//! Probes off, rings emptied, alerts written.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::timeout;

use super::super::board::Stage;
use super::super::clock;
use super::super::decide::{COUNT, DRAIN, Totals};
use super::setup::{decider_error, sink_error, tell_waited};
use super::{Deciding, End, FLUSH, Sink, Watch};
use crate::emit::OwnEvent;

/// Longest that the deciding thread may take to end beyond draining the rings.
const DECIDE: Duration = Duration::from_secs(3);

impl Watch {
    /// Probes off, rings emptied, alerts written, in this order.
    pub(super) async fn take_down(
        mut self,
        end: End,
        sink: Sink,
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
            End::Sink(error) => return Err(error),
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
        let flushed = timeout(FLUSH, async {
            // Fails where the sink is gone, which its own result says.
            drop(self.alerts.send(last).await);
            drop(self.alerts);
            sink.await
        });
        match flushed.await {
            Ok(Ok(Ok(written))) => tracing::info!(written.lines, written.lost, "stopped"),
            Ok(ended) => return Err(sink_error(ended)),
            Err(_) => {
                return Err(anyhow!(
                    "standard output did not take the last alerts within {FLUSH:?}"
                ));
            }
        }
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
            lost: totals.lost
                + self.losses.nameless
                + self.losses.missed.total()
                + self.shared.lost.alerts(),
        }
    }
}
