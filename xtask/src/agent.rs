//! Building the agent, starting it, and reading its alerts.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{project, setup};

/// Builds the release agent; gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    let bpf = setup::for_build()?;
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    bpf.export(&sh);
    let cargo = project::cargo();
    println!("building the agent");
    cmd!(sh, "{cargo} build --release --locked --package komainu")
        .quiet()
        .run()?;
    Ok(project::target().join("release/komainu"))
}

/// Where the shipped rules are.
pub(crate) fn shipped_rules() -> PathBuf {
    project::root().join("rules")
}

/// The agent with these rule files and directories.
pub(crate) fn command(program: &Path, rules: &[PathBuf], format: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg("--rules")
        .args(rules)
        .args(["--format", format]);
    command
}

/// Lines of the agent that wait to be looked at; beyond it the agent's own queue fills.
const LINES: usize = 65_536;

/// One line of the agent's output, and when it came.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) json: Value,
    pub(crate) at: Timestamp,
}

/// What an agent says when it ends; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Events its user half saw.
    pub(crate) events: Option<u64>,
    /// Alerts made of them.
    pub(crate) alerts: Option<u64>,
    /// Events and alerts that were lost.
    pub(crate) lost: Option<u64>,
}

impl Totals {
    /// What a line says, if it is that last one.
    pub(crate) fn of(line: &Value) -> Option<Self> {
        let count = |name: &str| line.get("output_fields")?.get(name)?.as_u64();
        (own_event(line) == Some("stopped")).then(|| Self {
            events: count("komainu.events"),
            alerts: count("komainu.alerts"),
            lost: count("komainu.lost"),
        })
    }
}

/// The process of an agent; ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; its log goes to `log`, and what it writes to standard output is for the caller to read.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Result<(Self, ChildStdout)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stdout = child.stdout.take().context("the agent has no stdout")?;
        Ok((Self { child, log }, stdout))
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error if it ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    /// Asks the agent to end and waits for it; an error if it does not, or not with 0.
    pub(crate) fn stop(&mut self, within: Duration) -> Result<()> {
        signal(&self.child, Signal::TERM);
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.ended(status)),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
        bail!("the agent did not end within {within:?} of SIGTERM")
    }

    fn ended(&self, status: ExitStatus) -> anyhow::Error {
        let tail = self.log_tail();
        anyhow!("the agent ended with {status}; its log ends with:\n{tail}")
    }

    fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(&self.child, Signal::KILL);
        }
        // Reaps it; there is nobody to tell if that fails.
        drop(self.child.wait());
    }
}

/// A running agent whose lines are read as they come; ends with this value.
#[derive(Debug)]
pub(crate) struct Agent {
    process: Process,
    lines: Receiver<Result<Line, String>>,
}

impl Agent {
    /// Starts the agent and waits until it says that it sees events.
    pub(crate) fn start(program: &Path, rules: &[PathBuf], within: Duration) -> Result<Self> {
        let log = project::scratch()?.join("agent.log");
        let (process, stdout) = Process::start(command(program, rules, "json"), log)?;
        let (send, lines) = sync_channel(LINES);
        thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&text)
                    .map(|json| Line {
                        json,
                        at: Timestamp::now(),
                    })
                    .map_err(|error| format!("not JSON ({error}): {text}"));
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut agent = Self { process, lines };
        agent.wait_started(within)?;
        Ok(agent)
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line, if one comes before `deadline`.
    pub(crate) fn next_line(&mut self, deadline: Instant) -> Result<Option<Line>> {
        let wait = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(wait) {
            Ok(Ok(line)) => Ok(Some(line)),
            Ok(Err(bad)) => bail!("the agent printed a line that is {bad}"),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.process.child.wait()?;
                Err(self.process.ended(status))
            }
        }
    }

    /// Asks the agent to end and waits for it; an error if it does not, or not with 0.
    pub(crate) fn stop(mut self, within: Duration) -> Result<Totals> {
        self.process.stop(within)?;
        let lines = self.lines.iter().flatten();
        let last = lines.filter_map(|line| Totals::of(&line.json)).last();
        Ok(last.unwrap_or_default())
    }

    fn wait_started(&mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while let Some(line) = self.next_line(deadline)? {
            if own_event(&line.json) == Some("started") {
                return Ok(());
            }
        }
        bail!(
            "the agent did not start within {within:?}; its log ends with:\n{}",
            self.process.log_tail()
        )
    }
}

/// Name of an event of the agent itself, such as `started`; `None` for alerts.
pub(crate) fn own_event(line: &Value) -> Option<&str> {
    line.get("output_fields")?.get("komainu.event")?.as_str()
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        kill_process(pid, signal).ok();
    }
}
