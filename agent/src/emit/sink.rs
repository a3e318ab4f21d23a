//! The sink: lines go out as they come, in few writes, and a reader that stalls stalls nobody else.
//!
//! The channel to it is bounded. An alert that finds it full is counted in [`Lost`]; the sink
//! tells the count, in the stream, with the next line that can be written. A reader that went away
//! (`EPIPE`) ends the sink.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::{Alert, OwnEvent, Stream};

/// Bytes collected before a write.
const BATCH: usize = 64 * 1024;
/// Longest that a loss stays untold while there are no alerts.
const IDLE: Duration = Duration::from_secs(1);

/// Alerts that found the channel full.
#[derive(Debug, Default)]
pub struct Lost {
    count: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
    total: AtomicU64,
}

impl Lost {
    /// Counts one that happened at `time`, nanoseconds since the epoch. Called by one thread.
    pub fn add(&self, time: u64) {
        if self.count.load(Ordering::Acquire) == 0 {
            self.first.store(time, Ordering::Relaxed);
        }
        self.last.store(time, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Release);
    }

    /// All since the start, told or not.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// What was counted since the last call, as an own event of the time of the last one.
    fn take(&self) -> Option<(u64, Alert)> {
        let count = self.count.swap(0, Ordering::AcqRel);
        let (first, last) = (
            self.first.load(Ordering::Relaxed),
            self.last.load(Ordering::Relaxed),
        );
        let event = OwnEvent::Blind {
            stage: "stdout",
            class: None,
            place: None,
            count,
            first,
            last,
        };
        (count > 0).then(|| (count, event.into_alert(last)))
    }
}

/// Writes until the channel closes and is empty. Returns the lines written, and how many alerts
/// were lost.
pub async fn run(
    mut alerts: Receiver<Alert>,
    mut out: impl AsyncWrite + Unpin,
    mut stream: Stream,
    lost: &Lost,
) -> Result<Totals, io::Error> {
    let mut buffer = Vec::with_capacity(BATCH);
    let mut totals = Totals::default();
    loop {
        // Without alerts, losses are told all the same.
        let (mut next, open) = match timeout(IDLE, alerts.recv()).await {
            Ok(None) => (None, false),
            Ok(alert) => (alert, true),
            Err(_) => (None, true),
        };
        while let Some(alert) = next.take() {
            stream.line(&mut buffer, alert)?;
            totals.lost += tell(lost, &mut stream, &mut buffer)?;
            if buffer.len() < BATCH {
                next = alerts.try_recv().ok();
            }
        }
        totals.lost += tell(lost, &mut stream, &mut buffer)?;
        if !buffer.is_empty() {
            out.write_all(&buffer).await?;
            out.flush().await?;
            buffer.clear();
        }
        totals.lines = stream.lines();
        if !open {
            return Ok(totals);
        }
    }
}

/// Tells of lost alerts, if any; returns how many.
fn tell(lost: &Lost, stream: &mut Stream, buffer: &mut Vec<u8>) -> io::Result<u64> {
    let Some((count, blind)) = lost.take() else {
        return Ok(0);
    };
    stream.line(buffer, blind)?;
    Ok(count)
}

/// What a sink did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines written, own events included.
    pub lines: u64,
    /// Alerts lost and told.
    pub lost: u64,
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use serde_json::Value;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::sync::mpsc;

    use super::super::{Format, Redactor};
    use super::*;

    fn stream() -> Stream {
        Stream::new(
            Format::Json,
            false,
            Redactor::default(),
            "h".into(),
            "n".into(),
        )
    }

    fn alert(n: u64) -> Alert {
        Alert {
            time: n,
            message: format!("{n}"),
            ..Alert::default()
        }
    }

    #[tokio::test]
    async fn stalled_reader_costs_alerts_that_are_counted() {
        let (tx, rx) = mpsc::channel(4);
        // The pipe holds less than one line: the first write stalls.
        let (ours, theirs) = tokio::io::duplex(16);
        let lost = Arc::new(Lost::default());
        let for_sink = Arc::clone(&lost);
        let sink = tokio::spawn(async move { run(rx, ours, stream(), &for_sink).await });
        let mut sent = 0;
        for n in 1..=100 {
            match tx.try_send(alert(n)) {
                Ok(()) => sent += 1,
                Err(_) => lost.add(n),
            }
            tokio::task::yield_now().await;
        }
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(theirs).lines();
            let mut values = Vec::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                values.push(serde_json::from_str::<Value>(&line).unwrap());
            }
            values
        });
        tx.send(alert(101)).await.unwrap();
        drop(tx);
        let totals = sink.await.unwrap().unwrap();
        let values = reader.await.unwrap();
        assert_eq!(totals.lost + sent, 100);
        assert!(totals.lost > 0);
        assert_eq!(totals.lines, values.len() as u64);
        let seqs: Vec<u64> = values.iter().map(|v| v["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=totals.lines).collect::<Vec<_>>());
        let told: u64 = values
            .iter()
            .filter_map(|v| v["output_fields"]["komainu.count"].as_u64())
            .sum();
        assert_eq!(told, totals.lost);
    }

    #[tokio::test]
    async fn losses_are_told_without_alerts() {
        let (tx, rx) = mpsc::channel(4);
        let (ours, theirs) = tokio::io::duplex(4096);
        let lost = Arc::new(Lost::default());
        lost.add(5);
        let for_sink = Arc::clone(&lost);
        let sink = tokio::spawn(async move { run(rx, ours, stream(), &for_sink).await });
        let mut lines = BufReader::new(theirs).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        assert!(first.contains("1 alerts were lost at stdout"), "{first}");
        lost.add(6);
        drop(tx);
        let end = lines.next_line().await.unwrap().unwrap();
        assert!(
            end.contains("1 alerts were lost at stdout"),
            "at the end: {end}"
        );
        assert_eq!(sink.await.unwrap().unwrap(), Totals { lines: 2, lost: 2 });
    }

    #[derive(Debug)]
    struct Closed;

    impl AsyncWrite for Closed {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn closed_reader_ends_the_sink() {
        let (tx, rx) = mpsc::channel(4);
        tx.send(alert(1)).await.unwrap();
        let error = run(rx, Closed, stream(), &Lost::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(tx.send(alert(2)).await.is_err());
    }
}
