//! The deciding thread's end of the channel to the sink.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::Alert;
use super::sink::Lost;

/// Hands alerts over without ever waiting. One that finds the channel full is counted.
#[derive(Clone, Debug)]
pub struct Outlet {
    alerts: Sender<Alert>,
    lost: Arc<Lost>,
}

impl Outlet {
    /// `lost` is shared with the sink, which tells it in the stream.
    pub fn new(alerts: Sender<Alert>, lost: Arc<Lost>) -> Self {
        Self { alerts, lost }
    }

    /// Hands one over, or counts it.
    pub fn send(&self, alert: Alert) {
        let time = alert.time;
        if self.alerts.try_send(alert).is_err() {
            self.lost.add(time);
        }
    }

    /// Whether nobody takes alerts any more.
    pub fn is_closed(&self) -> bool {
        self.alerts.is_closed()
    }
}
