//! From alerts that wait to lines.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::outlet::Queued;
use super::super::{Lines, Stream, own};
use super::{Batch, IDLE, State};

/// The end of a sink's queue.
#[derive(Debug)]
pub(super) struct Intake {
    alerts: Receiver<Queued>,
    stream: Stream,
    batch: Batch,
    state: Arc<State>,
    /// Made, and not taken yet.
    lines: Lines,
    /// When no further line is waited for.
    until: Option<Instant>,
    ended: bool,
    told: u64,
}

impl Intake {
    pub(super) fn new(
        alerts: Receiver<Queued>,
        stream: Stream,
        batch: Batch,
        state: Arc<State>,
    ) -> Self {
        Self {
            alerts,
            stream,
            batch,
            state,
            lines: Lines::default(),
            until: None,
            ended: false,
            told: 0,
        }
    }

    /// Collects a batch, or nothing where nothing comes for a while. May be cancelled: what was collected stays.
    pub(super) async fn collect(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            // Without alerts, losses are told all the same.
            match timeout(IDLE, self.alerts.recv()).await {
                Ok(Some(alert)) => self.add(alert)?,
                Ok(None) => self.ended = true,
                Err(_) => {}
            }
        }
        self.collect_now()?;
        if self.lines.is_empty() || self.batch.wait.is_zero() {
            return Ok(());
        }
        let until = *self
            .until
            .get_or_insert_with(|| Instant::now() + self.batch.wait);
        while !self.is_full() && !self.ended {
            match timeout_at(until, self.alerts.recv()).await {
                Ok(Some(alert)) => self.add(alert)?,
                Ok(None) => self.ended = true,
                Err(_) => break,
            }
        }
        self.tell()
    }

    /// Collects what waits already.
    pub(super) fn collect_now(&mut self) -> io::Result<()> {
        while !self.is_full()
            && let Ok(alert) = self.alerts.try_recv()
        {
            self.add(alert)?;
        }
        self.tell()
    }

    /// What was collected.
    pub(super) fn take(&mut self) -> Lines {
        self.until = None;
        std::mem::take(&mut self.lines)
    }

    /// Gives lines back for their memory.
    pub(super) fn recycle(&mut self, lines: Arc<Lines>) {
        if let Ok(mut lines) = Arc::try_unwrap(lines)
            && self.lines.is_empty()
        {
            lines.clear();
            self.lines = lines;
        }
    }

    pub(super) fn batch(&self) -> Batch {
        self.batch
    }

    /// Nobody can send any more, and nothing waits.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Nothing was collected.
    pub(super) fn is_idle(&self) -> bool {
        self.lines.is_empty()
    }

    /// Nobody can send any more.
    pub(super) fn is_closed(&self) -> bool {
        self.alerts.is_closed()
    }

    /// Alerts lost and told.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// Gives up what still waits: counted, and told to nobody by this sink.
    pub(super) fn abandon(&mut self) -> u64 {
        let mut alerts = 0;
        while let Ok(queued) = self.alerts.try_recv() {
            self.state.lost.release(queued.bytes);
            self.state.lost.add(queued.alert.time);
            alerts += 1;
        }
        alerts
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= self.batch.lines || self.lines.bytes().len() >= self.batch.bytes
    }

    fn add(&mut self, queued: Queued) -> io::Result<()> {
        self.state.lost.release(queued.bytes);
        // What the agent says of itself comes after what was lost until then.
        if queued.alert.source == own::SOURCE {
            self.tell()?;
        }
        self.line(queued.alert)
    }

    /// Tells of losses, if any.
    fn tell(&mut self) -> io::Result<()> {
        let untold: Vec<_> = self.state.lost.take().collect();
        for (count, event) in untold {
            self.line(Arc::new(event))?;
            self.told += count;
        }
        Ok(())
    }

    fn line(&mut self, alert: Arc<super::super::Alert>) -> io::Result<()> {
        let (lines, stream) = (&mut self.lines, &mut self.stream);
        Ok(lines.push_with(|out| stream.line(out, Arc::unwrap_or_clone(alert)))?)
    }
}
