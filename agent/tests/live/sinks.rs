//! Sinks beside standard output, and the spool, of the whole agent: confined as it always is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    Test,
    agent::{Agent, own, rule},
    watch::{Watch, finish},
};

pub(crate) const TESTS: &[Test] = &[
    (
        "sinks_spool_keeps_what_a_stalled_reader_misses_over_a_restart",
        spool_over_a_restart,
    ),
    ("sinks_file_is_rotated_under_load", file_is_rotated),
    (
        "sinks_webhook_that_fails_and_hangs_loses_nothing_and_stalls_nobody",
        webhook_recovers,
    ),
    ("sinks_syslog_gets_every_alert", syslog_gets_every_alert),
];

/// Patience for what must come.
const SOON: Duration = Duration::from_secs(20);

fn mark() -> String {
    format!("komainu-sinks-{}", std::process::id())
}

fn rules() -> String {
    let mark = mark();
    format!(
        "
- rule: Ran
  desc: a test
  condition: evt.type = execve and proc.args startswith {mark}
  output: command=%proc.cmdline
  priority: WARNING
"
    )
}

/// Starts programs that the rule is about, to their ends.
fn run(numbers: std::ops::Range<usize>) {
    for number in numbers {
        let mut program = Command::new("/bin/true");
        finish(program.arg(format!("{}-{number}", mark())).spawn().unwrap());
    }
}

/// Which program an alert is about.
fn number(line: &Value) -> Option<usize> {
    let command = line["output_fields"]["proc.cmdline"].as_str()?;
    let is_alert = rule("Ran")(line);
    is_alert.then(|| command.rsplit('-').next()?.parse().ok())?
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    let alerts = lines.iter().filter(|line| rule("Ran")(line));
    alerts
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect()
}

fn seqs(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|v| v["seq"].as_u64().unwrap()).collect()
}

/// Whole lines of a text.
fn parse(text: &str) -> Vec<Value> {
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts an agent that writes there and nowhere else.
fn start(directory: &Path, stdout: Stdio) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_komainu"))
        .args(["run", "--log-level", "warn", "--rules"])
        .arg(directory.join("rules.yaml"))
        .arg("--config")
        .arg(directory.join("komainu.yaml"))
        .stdout(stdout)
        .spawn()
        .unwrap()
}

fn spool_over_a_restart(_: &mut Watch) {
    const RUN: usize = 400;
    let directory = tempfile::tempdir().unwrap();
    let (path, spool) = (directory.path(), directory.path().join("spool"));
    fs::write(path.join("rules.yaml"), rules()).unwrap();
    // The queue alone would not hold them.
    let config = format!(
        "spool: {{directory: {}}}\noutput: {{queue: 128}}\n",
        spool.display()
    );
    fs::write(path.join("komainu.yaml"), config).unwrap();
    let (unread, pipe) = rustix::pipe::pipe().unwrap();
    let mut unread = BufReader::new(File::from(unread));
    let mut child = start(path, File::from(pipe).into());
    let mut first = String::new();
    unread.read_line(&mut first).unwrap();
    run(0..RUN);
    until("alerts are on disk", || {
        let files = fs::read_dir(spool.join("stdout")).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>()
            > 100_000
    });
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
    unread.read_to_string(&mut first).unwrap();

    let out = path.join("out");
    let mut child = start(path, File::create(&out).unwrap().into());
    until("the next one has told everything", || {
        let lines = parse(&fs::read_to_string(&out).unwrap());
        lines.iter().any(own("started"))
    });
    run(RUN..RUN + 1);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let second = parse(&fs::read_to_string(&out).unwrap());
    told_in_order(&parse(&first), &second, RUN);
}

/// Nothing is missing of what two runs told, of which the first did not get rid of everything.
fn told_in_order(first: &[Value], second: &[Value], count: usize) {
    let began = second.iter().position(own("started")).unwrap();
    let (left, new) = second.split_at(began);
    assert!(
        number(left.last().unwrap()).is_some() || own("stopped")(left.last().unwrap()),
        "{left:#?}"
    );
    // A line may come twice, and in the order in which it was numbered.
    let both: BTreeMap<u64, &Value> = first
        .iter()
        .chain(left)
        .map(|line| (line["seq"].as_u64().unwrap(), line))
        .collect();
    let all: Vec<usize> = both.values().filter_map(|line| number(line)).collect();
    assert_eq!(all, (0..count).collect::<Vec<_>>(), "none is missing");
    assert!(seqs(left).is_sorted(), "{:?}", seqs(left));
    assert_eq!(new.iter().filter_map(number).collect::<Vec<_>>(), [count]);
    assert_eq!(seqs(new), (1..=new.len() as u64).collect::<Vec<_>>());
    assert!(!second.iter().any(own("blind")), "nothing is lost");
}

fn file_is_rotated(_: &mut Watch) {
    const RUN: usize = 400;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.json");
    let config = format!(
        "file: {{path: {}, max_bytes: 65536, keep: 50}}\n",
        path.display()
    );
    let agent = Agent::start_with(&rules(), &config);
    run(0..RUN / 2);
    // As logrotate does it.
    let moved = directory.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    run(RUN / 2..RUN);
    let (status, lines) = agent.stop();
    assert!(status.success());
    let name = |number: usize| format!("{}.{number}", path.display());
    let older = (1..=50).rev().map(name).collect::<Vec<_>>();
    let mut files: Vec<String> = older
        .into_iter()
        .filter(|f| Path::new(f).exists())
        .collect();
    assert!(files.len() > 4, "{files:?}");
    files.push(path.display().to_string());
    let mut written = Vec::new();
    for file in files.iter().chain([&moved.display().to_string()]) {
        assert!(fs::metadata(file).unwrap().len() <= 65_536);
        written.extend(parse(&fs::read_to_string(file).unwrap()));
    }
    written.sort_by_key(|line| line["seq"].as_u64());
    assert_eq!(
        seqs(&written),
        (1..=written.len() as u64).collect::<Vec<_>>()
    );
    assert!(own("started")(&written[0]));
    assert!(own("stopped")(written.last().unwrap()));
    let numbers: Vec<usize> = written.iter().filter_map(number).collect();
    assert_eq!(numbers, (0..RUN).collect::<Vec<_>>());
    assert_eq!(ids(&written), ids(&lines), "the same alert has the same id");
}

/// An endpoint that fails, hangs and recovers.
#[derive(Default)]
struct Endpoint {
    requests: AtomicUsize,
    taken: Mutex<Vec<Value>>,
}

impl Endpoint {
    fn serve(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            while let Some(body) = body(&mut stream) {
                let status = match self.requests.fetch_add(1, Ordering::SeqCst) {
                    0..2 => "500 Broken",
                    2 => {
                        std::thread::sleep(Duration::from_millis(1_500));
                        break;
                    }
                    3 => "429 Slowly\r\nretry-after: 1",
                    _ => {
                        let alerts: Vec<Value> = serde_json::from_str(&body).unwrap();
                        self.taken.lock().unwrap().extend(alerts);
                        "204 No Content"
                    }
                };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    }
}

/// The body of the next request.
fn body(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

fn webhook_recovers(_: &mut Watch) {
    const RUN: usize = 300;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Arc::new(Endpoint::default());
    let serving = Arc::clone(&endpoint);
    std::thread::spawn(move || serving.serve(&listener));
    let config = format!(
        "webhook: {{url: 'http://{address}/', timeout_seconds: 1, batch_milliseconds: 100, batch_alerts: 50}}\n"
    );
    let agent = Agent::start_with(&rules(), &config);
    let mut lines = Vec::new();
    for n in 0..RUN {
        run(n..n + 1);
        // Standard output does not wait for an endpoint that is down.
        lines.push(agent.wait_for_within(|line| number(line) == Some(n), Duration::from_secs(2)));
    }
    until("the endpoint has everything", || {
        endpoint
            .taken
            .lock()
            .unwrap()
            .iter()
            .filter_map(number)
            .count()
            >= RUN
    });
    let (status, rest) = agent.stop();
    assert!(status.success());
    assert!(!rest.iter().any(own("blind")), "{rest:#?}");
    assert!(endpoint.requests.load(Ordering::SeqCst) > 5);
    let taken = endpoint.taken.lock().unwrap();
    let numbers: Vec<usize> = taken.iter().filter_map(number).collect();
    assert_eq!(numbers, (0..RUN).collect::<Vec<_>>());
    assert_eq!(seqs(&taken), (1..=taken.len() as u64).collect::<Vec<_>>());
    assert_eq!(ids(&taken), ids(&lines));
    assert!(
        own("stopped")(taken.last().unwrap()),
        "the end comes there too"
    );
}

fn syslog_gets_every_alert(_: &mut Watch) {
    const RUN: usize = 100;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reading = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let config = format!("syslog: {{address: 'tcp://{address}', facility: local3}}\n");
    let agent = Agent::start_with(&rules(), &config);
    run(0..RUN);
    let (status, lines) = agent.stop();
    assert!(status.success());
    let bytes = reading.join().unwrap();
    let (mut rest, mut told) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let blank = rest.iter().position(|byte| *byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&rest[..blank])
            .unwrap()
            .parse()
            .unwrap();
        let (message, after) = rest[blank + 1..].split_at(length);
        rest = after;
        let message = std::str::from_utf8(message).unwrap();
        let (head, text) = message.split_once("] ").unwrap();
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        if rule("Ran")(&value) {
            assert!(head.starts_with("<156>1 2"), "local3, warning: {head}");
            let id = value["id"].as_str().unwrap();
            assert!(head.contains(&format!("alert [komainu@32473 id=\"{id}\" seq=")));
        }
        told.push(value);
    }
    assert_eq!(seqs(&told), (1..=told.len() as u64).collect::<Vec<_>>());
    let numbers: Vec<usize> = told.iter().filter_map(number).collect();
    assert_eq!(numbers, (0..RUN).collect::<Vec<_>>());
    assert_eq!(ids(&told), ids(&lines));
}
