//! Stalls, losses, restarts.

use std::path::Path;

use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, duplex,
};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::lost::{Place, Tally};
use super::super::{Alert, Format, Outlet, OwnEvent, Redactor};
use super::*;

/// A writer to whatever.
struct To<W>(W);

impl<W: AsyncWrite + Unpin + Send> Writer for To<W> {
    async fn write(&mut self, lines: &Arc<Lines>, _: &State) -> io::Result<()> {
        self.0.write_all(lines.bytes()).await?;
        self.0.flush().await
    }
}

/// A writer that waits for leave for each batch.
struct OnLeave<W>(To<W>, Arc<Notify>);

impl<W: AsyncWrite + Unpin + Send> Writer for OnLeave<W> {
    async fn write(&mut self, lines: &Arc<Lines>, state: &State) -> io::Result<()> {
        self.1.notified().await;
        self.0.write(lines, state).await
    }
}

/// Tells how many lines it was given.
struct Sizes(Sender<usize>);

impl Writer for Sizes {
    async fn write(&mut self, lines: &Arc<Lines>, _: &State) -> io::Result<()> {
        self.0.send(lines.len()).await.map_err(io::Error::other)
    }
}

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

type Running = JoinHandle<io::Result<Totals>>;

struct Bench {
    outlet: Outlet,
    state: Arc<State>,
    sink: Running,
}

impl Bench {
    fn new(writer: impl Writer + 'static, queue: usize, spool: Option<Spool>) -> Self {
        let state = Arc::new(State::default());
        let sinks = [Arc::clone(&state)];
        let (outlet, mut queues) = Outlet::new(sinks, Arc::default(), queue, 1 << 30);
        let sink = tokio::spawn(run(
            queues.remove(0),
            writer,
            spool,
            stream(),
            Batch::default(),
            Arc::clone(&state),
        ));
        Self {
            outlet,
            state,
            sink,
        }
    }

    async fn end(self) -> io::Result<Totals> {
        drop(self.outlet);
        self.sink.await.unwrap()
    }
}

async fn read(from: DuplexStream) -> Vec<Value> {
    let mut lines = BufReader::new(from).lines();
    let mut values = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        values.push(serde_json::from_str(&line).unwrap());
    }
    values
}

fn seqs(values: &[Value]) -> Vec<u64> {
    values.iter().map(|v| v["seq"].as_u64().unwrap()).collect()
}

/// Alerts that are said to be lost.
fn told(values: &[Value]) -> u64 {
    let counts = values.iter();
    let counts = counts.filter_map(|v| v["output_fields"]["komainu.count"].as_u64());
    counts.sum()
}

/// Numbers of the alerts among lines.
fn alerts(values: &[Value]) -> Vec<u64> {
    let alerts = values.iter().filter(|value| value["source"] == "");
    let message = |value: &Value| value["output"].as_str().unwrap().to_owned();
    alerts
        .map(|value| message(value).rsplit_once(' ').unwrap().1.parse().unwrap())
        .collect()
}

#[tokio::test]
async fn stalled_reader_costs_alerts_that_are_counted() {
    // The pipe holds less than one line: the first write stalls.
    let (ours, theirs) = duplex(16);
    let bench = Bench::new(To(ours), 4, None);
    for n in 1..=100 {
        bench.outlet.send(alert(n));
        tokio::task::yield_now().await;
    }
    let progress = &bench.state.progress;
    assert!(!progress.blocked().is_zero() && progress.lines() == 0);
    let reader = tokio::spawn(read(theirs));
    while bench.state.lost.waiting() > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    bench.outlet.send(alert(101));
    let state = Arc::clone(&bench.state);
    let totals = bench.end().await.unwrap();
    let values = reader.await.unwrap();
    assert!(totals.lost > 0);
    assert_eq!(totals.lost, state.lost.alerts());
    assert_eq!(alerts(&values).len() as u64 + totals.lost, 101);
    assert_eq!(totals.lines, values.len() as u64);
    assert_eq!(
        (state.progress.lines(), state.progress.blocked()),
        (totals.lines, Duration::ZERO)
    );
    assert_eq!(seqs(&values), (1..=totals.lines).collect::<Vec<_>>());
    assert_eq!(told(&values), totals.lost);
}

#[tokio::test]
async fn losses_are_told_without_alerts() {
    let (ours, theirs) = duplex(4096);
    let bench = Bench::new(To(ours), 4, None);
    bench.state.lost.add(5);
    let mut lines = BufReader::new(theirs).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    assert!(first.contains("1 alerts were lost at stdout"), "{first}");
    bench.state.lost.add(6);
    let sink = tokio::spawn(bench.end());
    let end = lines.next_line().await.unwrap().unwrap();
    assert!(
        end.contains("1 alerts were lost at stdout"),
        "at the end: {end}"
    );
    let totals = sink.await.unwrap().unwrap();
    assert_eq!((totals.lines, totals.lost), (2, 2));
}

/// The full queue has no room for a word on the rings, and the end comes last.
#[tokio::test]
async fn losses_do_not_compete_with_alerts() {
    let (ours, theirs) = duplex(1 << 16);
    let state = Arc::new(State::default());
    let (outlet, mut queues) = Outlet::new([Arc::clone(&state)], Arc::default(), 2, 1 << 20);
    outlet.send(alert(1));
    let stopped = OwnEvent::Reloaded {
        rules: 1,
        rules_hash: "h".into(),
    };
    assert!(outlet.tell(stopped.into_alert(2), Duration::ZERO).await);
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
        outlet.lost(&place, tally);
        outlet.send(alert(n));
    }
    drop(outlet);
    let queue = queues.remove(0);
    let totals = run(queue, To(ours), None, stream(), Batch::default(), state);
    let totals = totals.await.unwrap();
    assert_eq!((totals.lines, totals.lost), (4, 50));
    let texts: Vec<String> = read(theirs).await.iter().map(Value::to_string).collect();
    assert!(
        texts[1].contains("500 open events of host were lost at ring"),
        "{texts:?}"
    );
    assert!(texts[2].contains("50 alerts were lost"), "{texts:?}");
    assert!(texts[3].contains("reloaded"), "{texts:?}");
}

#[tokio::test]
async fn losses_are_told_once_per_batch() {
    let (ours, theirs) = duplex(1 << 16);
    let bench = Bench::new(To(ours), 4, None);
    bench.state.lost.add(1);
    for n in 1..=3 {
        bench.outlet.send(alert(n));
    }
    bench.end().await.unwrap();
    let values = read(theirs).await;
    assert_eq!((alerts(&values), told(&values)), (vec![1, 2, 3], 1));
    assert_eq!(told(&values[3..]), 1, "behind them");
}

#[tokio::test]
async fn closed_reader_ends_the_sink() {
    let (ours, theirs) = duplex(16);
    drop(theirs);
    let bench = Bench::new(To(ours), 4, None);
    bench.outlet.send(alert(1));
    let error = bench.sink.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let event = OwnEvent::CoverageRestored { classes: vec![] }.into_alert(1);
    assert!(!bench.outlet.tell(event, Duration::from_secs(5)).await);
}

#[tokio::test]
async fn lines_wait_for_each_other_where_that_is_wanted() {
    let state = Arc::new(State::default());
    let (outlet, mut queues) = Outlet::new([Arc::clone(&state)], Arc::default(), 100, 1 << 20);
    let batch = Batch {
        lines: 3,
        bytes: 1 << 20,
        wait: Duration::from_hours(1),
    };
    let (sizes, mut told) = channel(10);
    let queue = queues.remove(0);
    let sink = tokio::spawn(run(queue, Sizes(sizes), None, stream(), batch, state));
    for n in 1..=7 {
        outlet.send(alert(n));
        tokio::task::yield_now().await;
    }
    assert_eq!((told.recv().await, told.recv().await), (Some(3), Some(3)));
    drop(outlet);
    assert_eq!(told.recv().await, Some(1), "the end waits for nothing");
    sink.await.unwrap().unwrap();
}

fn spool(path: &Path) -> Spool {
    Spool::open(path, 1 << 20).unwrap()
}

/// Reads what comes and gives leave for more, until nothing has come for a while.
async fn until_quiet(from: &mut DuplexStream, leave: &Notify) -> Vec<Value> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        leave.notify_one();
        match timeout(Duration::from_millis(400), from.read(&mut chunk)).await {
            Ok(Ok(count)) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => break,
        }
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[tokio::test]
async fn what_the_writer_does_not_take_comes_later_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, mut theirs) = duplex(1 << 20);
    let leave = Arc::new(Notify::new());
    let writer = OnLeave(To(ours), Arc::clone(&leave));
    let bench = Bench::new(writer, 8, Some(spool(directory.path())));
    for n in 1..=200 {
        bench.outlet.send(alert(n));
        // More than the queue holds, more slowly than the disk takes it.
        while bench.state.lost.waiting() > 4 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    while bench.state.lost.waiting() > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(100)).await;
    assert!(bench.state.spooled() > 0, "{:?}", bench.state);
    let values = until_quiet(&mut theirs, &leave).await;
    assert_eq!(alerts(&values), (1..=200).collect::<Vec<_>>());
    assert_eq!(seqs(&values), (1..=200).collect::<Vec<_>>());
    assert_eq!(bench.state.spooled(), 0);
    // And the short way again.
    bench.outlet.send(alert(201));
    leave.notify_one();
    let values = until_quiet(&mut theirs, &leave).await;
    assert_eq!(alerts(&values), [201]);
    let totals = bench.end().await.unwrap();
    assert_eq!((totals.lines, totals.lost, totals.left), (201, 0, 0));
}

#[tokio::test]
async fn what_is_left_comes_out_first_in_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, theirs) = duplex(16);
    let bench = Bench::new(To(ours), 8, Some(spool(directory.path())));
    for n in 1..=100 {
        bench.outlet.send(alert(n));
        while bench.state.lost.waiting() > 4 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    let before = bench.end().await.unwrap();
    assert!(before.left > 0 && before.lines == 0, "{before:?}");
    drop(theirs);
    let (ours, theirs) = duplex(1 << 20);
    let bench = Bench::new(To(ours), 8, Some(spool(directory.path())));
    bench.outlet.send(alert(101));
    let reader = tokio::spawn(read(theirs));
    let totals = bench.end().await.unwrap();
    let values = reader.await.unwrap();
    assert_eq!(alerts(&values), (1..=101).collect::<Vec<_>>());
    let expected: Vec<u64> = (1..=100).chain([1]).collect();
    assert_eq!(seqs(&values), expected, "those of each run");
    assert_eq!((totals.lines, totals.lost, totals.left), (101, 0, 0));
}

#[tokio::test]
async fn a_full_spool_loses_before_it_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, mut theirs) = duplex(1 << 16);
    let leave = Arc::new(Notify::new());
    let writer = OnLeave(To(ours), Arc::clone(&leave));
    let bench = Bench::new(writer, 8, Some(spool(directory.path())));
    for n in 1..=400 {
        let mut alert = alert(n);
        alert.rule = "x".repeat(8_000);
        bench.outlet.send(alert);
        sleep(Duration::from_millis(1)).await;
    }
    let lost = bench.state.lost.alerts();
    assert!(lost > 100, "{:?}", bench.state);
    assert!(bench.state.spooled() <= 1 << 20);
    let values = until_quiet(&mut theirs, &leave).await;
    let expected: Vec<u64> = (1..=values.len() as u64).collect();
    assert_eq!(seqs(&values), expected, "no gap");
    assert_eq!(told(&values), lost);
    assert_eq!(alerts(&values).len() as u64 + lost, 400);
    assert!(alerts(&values).is_sorted());
    drop(bench);
}

#[tokio::test]
async fn a_reader_that_goes_away_leaves_lines_for_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, theirs) = duplex(16);
    drop(theirs);
    let bench = Bench::new(To(ours), 100, Some(spool(directory.path())));
    (1..=50).for_each(|n| bench.outlet.send(alert(n)));
    let error = bench.sink.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let (ours, theirs) = duplex(1 << 20);
    let bench = Bench::new(To(ours), 8, Some(spool(directory.path())));
    let reader = tokio::spawn(read(theirs));
    bench.end().await.unwrap();
    let values = reader.await.unwrap();
    assert_eq!(alerts(&values), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn damage_on_disk_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut torn = spool(directory.path());
    let mut lines = Lines::default();
    (1..=3).for_each(|n| lines.push(format!("{{\"seq\":{n},\"source\":\"\"}}\n").as_bytes()));
    torn.append(&lines).1.unwrap();
    drop(torn);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "seg") {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(path.metadata().unwrap().len() - 1).unwrap();
        }
    }
    let (ours, theirs) = duplex(1 << 20);
    let bench = Bench::new(To(ours), 8, Some(spool(directory.path())));
    let totals = bench.end().await.unwrap();
    let values = read(theirs).await;
    assert_eq!(seqs(&values), [1, 2, 1], "{values:#?}");
    let output = values[2]["output"].as_str().unwrap();
    assert!(
        output.ends_with("1 lines of stdout were lost at spool"),
        "{output}"
    );
    assert_eq!(totals.left, 0);
}
