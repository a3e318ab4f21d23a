//! Readers that stall or go away.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use komainu::emit::Format;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Test, contract,
    watch::{Watch, act, finish},
};

pub(crate) const TESTS: &[Test] = &[
    (
        "stalled_stdout_and_stderr_do_not_outlive_sigterm",
        stalled_streams_end,
    ),
    ("stalled_reader_gone_is_noticed_without_alerts", gone_reader),
];

/// Longest that the agent may take to end, every patience of its own together.
const BOUND: Duration = Duration::from_secs(25);

const OPENS: &str = "
- rule: Opened
  desc: a test
  condition: evt.type in (open, openat, openat2)
  output: file=%fd.name command=%proc.cmdline
  priority: WARNING
";

fn start(rules: &std::path::Path, stdout: Stdio, stderr: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_komainu"))
        .args(["run", "--log-level", "trace", "--rules"])
        .arg(rules)
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap()
}

/// Its status, or a panic after killing it.
fn ended_within(mut child: Child, bound: Duration) -> ExitStatus {
    let deadline = Instant::now() + bound;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("still running after {bound:?}");
}

fn stalled_streams_end(_: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("rules.yaml");
    fs::write(&rules, OPENS).unwrap();
    let (unread, pipe) = rustix::pipe::pipe().unwrap();
    let (pipe, other) = (File::from(pipe), unread);
    let child = start(&rules, pipe.try_clone().unwrap().into(), pipe.into());
    std::thread::sleep(Duration::from_secs(3));
    let flood = act("open-flood")
        .args(["/etc/hostname", "50000"])
        .spawn()
        .unwrap();
    finish(flood);
    // Each writes a line of the log: together more than a pipe holds.
    for _ in 0..300 {
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    ended_within(child, BOUND);
    drop(other);
}

fn gone_reader(_: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("rules.yaml");
    let never = "- rule: never\n  desc: d\n  condition: evt.type = openat and fd.name = /no/such\n  output: o\n  priority: INFO\n";
    fs::write(&rules, never).unwrap();
    let mut child = start(&rules, Stdio::piped(), Stdio::null());
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    contract::read(Format::Falco, &line);
    drop(reader);
    assert_eq!(
        ended_within(child, Duration::from_secs(10)).code(),
        Some(1),
        "nothing happens that would make it write"
    );
}
