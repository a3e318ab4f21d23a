//! The deciding thread's end of the channel to the sink.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::Alert;
use super::lost::{Lost, Place, Tally};

/// Hands alerts over without ever waiting. One that finds no room is counted.
#[derive(Clone, Debug)]
pub struct Outlet {
    alerts: Sender<Alert>,
    lost: Arc<Lost>,
    max_bytes: usize,
}

impl Outlet {
    /// `lost` is shared with the sink, which tells it in the stream. Alerts of more than
    /// `max_bytes` together do not wait.
    pub fn new(alerts: Sender<Alert>, lost: Arc<Lost>, max_bytes: usize) -> Self {
        Self {
            alerts,
            lost,
            max_bytes,
        }
    }

    /// Hands one over, or counts it.
    pub fn send(&self, mut alert: Alert) {
        let (time, bytes) = (alert.time, alert.bytes());
        if !self.lost.reserve(bytes, self.max_bytes) {
            return self.lost.add(time);
        }
        alert.queued = bytes;
        if self.alerts.try_send(alert).is_err() {
            self.lost.release(bytes);
            self.lost.add(time);
        }
    }

    /// Has the sink tell what was lost elsewhere. Needs no room in the channel.
    pub fn tell(&self, place: Place, tally: Tally) {
        self.lost.merge(place, tally);
    }

    /// Whether nobody takes alerts any more.
    pub fn is_closed(&self) -> bool {
        self.alerts.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    #[test]
    fn bytes_that_wait_are_bounded() {
        let (tx, mut rx) = channel(1000);
        let lost = Arc::new(Lost::default());
        let outlet = Outlet::new(tx, Arc::clone(&lost), 100_000);
        let alert = Alert {
            message: "x".repeat(10_000),
            ..Alert::default()
        };
        for _ in 0..100 {
            outlet.send(alert.clone());
        }
        assert_eq!((rx.len(), lost.alerts()), (9, 91));
        let taken = rx.try_recv().unwrap();
        lost.release(taken.queued);
        outlet.send(alert);
        assert_eq!((rx.len(), lost.alerts()), (9, 91), "there is room again");
    }
}
