//! A sink: takes alerts from its own bounded queue, makes lines of them and has them written.
//!
//! Each sink is a task with a queue, a numbering and a writer of its own, so one that stalls or fails fills its queue and
//! stalls nobody else. An alert that finds the queue full is counted in [`Lost`]; the sink tells the count, in its
//! stream, with the next lines. With a [`Spool`] what the writer does not take goes to disk instead ([`spooled`]).

mod intake;
mod spooled;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use super::outlet::Queued;
use super::{Lines, Spool, Stream};
use intake::Intake;
pub use state::{Progress, State};

/// Longest that a loss stays untold while there are no alerts.
const IDLE: Duration = Duration::from_secs(1);

/// Where lines go.
pub trait Writer: Send {
    /// Writes whole lines, and tries again as long as that can help. What the other side will never take is counted as
    /// lost in `state`. An error means that nothing can be written any more.
    fn write(
        &mut self,
        lines: &Arc<Lines>,
        state: &State,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// How many lines are written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Lines at most.
    pub lines: usize,
    /// Bytes at which no further line is added.
    pub bytes: usize,
    /// Longest that the first line waits for others.
    pub wait: Duration,
}

impl Default for Batch {
    /// As they come.
    fn default() -> Self {
        Self {
            lines: usize::MAX,
            bytes: 64 * 1024,
            wait: Duration::ZERO,
        }
    }
}

/// What a sink did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines written, own events included.
    pub lines: u64,
    /// Alerts lost and told.
    pub lost: u64,
    /// Lines that the spool keeps for the next run, or could not keep.
    pub left: u64,
}

/// Writes until nobody can send alerts any more and none wait; with a spool no longer than a moment after that.
pub async fn run(
    alerts: Receiver<Queued>,
    mut writer: impl Writer,
    spool: Option<Spool>,
    stream: Stream,
    batch: Batch,
    state: Arc<State>,
) -> io::Result<Totals> {
    let mut intake = Intake::new(alerts, stream, batch, Arc::clone(&state));
    if let Some(spool) = spool {
        return spooled::run(intake, writer, spool, state).await;
    }
    loop {
        intake.collect().await?;
        let lines = Arc::new(intake.take());
        if !lines.is_empty() {
            state.progress.begin();
            writer.write(&lines, &state).await?;
            state.progress.wrote(lines.len());
            intake.recycle(lines);
        }
        if intake.has_ended() {
            return Ok(Totals {
                lines: state.progress.lines(),
                lost: intake.told(),
                left: 0,
            });
        }
    }
}
