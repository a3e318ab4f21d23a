//! The sink: lines go out as they come, in few writes, and a reader that stalls stalls nobody else.
//!
//! The channel to it is bounded. An alert that finds it full is counted in [`Lost`]; the sink
//! tells the count, in the stream, with the next line that can be written. A reader that went away
//! (`EPIPE`) ends the sink.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::{Alert, Lost, Stream, own};

/// Bytes collected before a write.
const BATCH: usize = 64 * 1024;
/// Longest that a loss stays untold while there are no alerts.
const IDLE: Duration = Duration::from_secs(1);

/// How far a sink is, for whoever asks meanwhile.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    lines: AtomicU64,
    /// When the write under way began, nanoseconds after `began`; 0 where none is.
    writing: AtomicU64,
    ended: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            lines: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }
}

impl Progress {
    fn begin(&self) {
        self.writing.store(self.now().max(1), Ordering::Relaxed);
    }

    fn wrote(&self, lines: u64) {
        self.writing.store(0, Ordering::Relaxed);
        self.lines.store(lines, Ordering::Relaxed);
    }

    /// Nothing is written any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is written any more.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Lines written.
    pub fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// How long the write under way has taken.
    pub fn blocked(&self) -> Duration {
        match self.writing.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_nanos(self.now().saturating_sub(since)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Writes until the channel closes and is empty. Returns the lines written, and how many alerts
/// were lost.
pub async fn run(
    mut alerts: Receiver<Alert>,
    mut out: impl AsyncWrite + Unpin,
    mut stream: Stream,
    lost: &Lost,
    progress: &Progress,
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
            lost.release(alert.queued);
            // What the agent says of itself comes after what was lost until then.
            if alert.source == own::SOURCE {
                totals.lost += tell(lost, &mut stream, &mut buffer)?;
            }
            stream.line(&mut buffer, alert)?;
            if buffer.len() < BATCH {
                next = alerts.try_recv().ok();
            }
        }
        totals.lost += tell(lost, &mut stream, &mut buffer)?;
        if !buffer.is_empty() {
            progress.begin();
            out.write_all(&buffer).await?;
            out.flush().await?;
            buffer.clear();
        }
        totals.lines = stream.lines();
        progress.wrote(totals.lines);
        if !open {
            return Ok(totals);
        }
    }
}

/// Tells of losses, if any; returns how many alerts were lost.
fn tell(lost: &Lost, stream: &mut Stream, buffer: &mut Vec<u8>) -> io::Result<u64> {
    let mut alerts = 0;
    for (count, blind) in lost.take() {
        stream.line(buffer, blind)?;
        alerts += count;
    }
    Ok(alerts)
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

    use super::super::lost::{Place, Tally};
    use super::super::{Format, Outlet, OwnEvent, Redactor};
    use super::*;

    fn stream() -> Stream {
        Stream::new(
            Format::Falco,
            false,
            Redactor::default(),
            "h".into(),
            "n".into(),
            String::new(),
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
        let progress = Arc::new(Progress::default());
        let of_sink = Arc::clone(&progress);
        let sink = tokio::spawn(async move { run(rx, ours, stream(), &for_sink, &of_sink).await });
        let mut sent = 0;
        for n in 1..=100 {
            match tx.try_send(alert(n)) {
                Ok(()) => sent += 1,
                Err(_) => lost.add(n),
            }
            tokio::task::yield_now().await;
        }
        assert!(!progress.blocked().is_zero() && progress.lines() == 0);
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
        assert_eq!(
            (progress.lines(), progress.blocked()),
            (totals.lines, Duration::ZERO)
        );
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
        let sink =
            tokio::spawn(
                async move { run(rx, ours, stream(), &for_sink, &Progress::default()).await },
            );
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

    /// The full channel has no room for a word on the rings, and the end comes last.
    #[tokio::test]
    async fn losses_do_not_compete_with_alerts() {
        let (tx, rx) = mpsc::channel(2);
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let lost = Arc::new(Lost::default());
        let outlet = Outlet::new(tx.clone(), Arc::clone(&lost), 1 << 20);
        tx.send(alert(1)).await.unwrap();
        let stopped = OwnEvent::Reloaded {
            rules: 1,
            rules_hash: "h".into(),
        };
        tx.send(stopped.into_alert(2)).await.unwrap();
        for n in 1..=50 {
            let place = Place {
                stage: "ring",
                class: Some("open"),
                place: Some("host".into()),
            };
            let tally = Tally {
                count: 10,
                first: n,
                last: n,
                noticed: n,
            };
            outlet.tell(place, tally);
            outlet.send(alert(n));
        }
        drop((tx, outlet));
        let totals = run(rx, ours, stream(), &lost, &Progress::default())
            .await
            .unwrap();
        assert_eq!(totals, Totals { lines: 4, lost: 50 });
        let mut lines = BufReader::new(theirs).lines();
        let mut texts = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            texts.push(line);
        }
        assert!(
            texts[1].contains("500 open events of host were lost at ring"),
            "{texts:?}"
        );
        assert!(texts[2].contains("50 alerts were lost"), "{texts:?}");
        assert!(texts[3].contains("reloaded"), "{texts:?}");
    }

    #[tokio::test]
    async fn losses_are_told_once_per_batch() {
        let (tx, rx) = mpsc::channel(4);
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let lost = Lost::default();
        lost.add(1);
        for n in 1..=3 {
            tx.send(alert(n)).await.unwrap();
        }
        drop(tx);
        run(rx, ours, stream(), &lost, &Progress::default())
            .await
            .unwrap();
        let mut lines = BufReader::new(theirs).lines();
        for _ in 0..3 {
            let line = lines.next_line().await.unwrap().unwrap();
            assert!(!line.contains("lost"), "{line}");
        }
        assert!(lines.next_line().await.unwrap().unwrap().contains("lost"));
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
        let error = run(rx, Closed, stream(), &Lost::default(), &Progress::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(tx.send(alert(2)).await.is_err());
    }
}
