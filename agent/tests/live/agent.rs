//! The whole agent, as a user runs it: `komainu run`, lines of JSON on its standard output.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use komainu::emit::Format;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    cgroup::Cgroup,
    contract,
    node::Node,
    watch::{Watch, act, finish, text},
};

pub(crate) const TESTS: &[Test] = &[
    (
        "agent_symlink_gives_one_alert_with_both_paths",
        symlink_gives_one_alert,
    ),
    ("agent_sigterm_drains_and_exits_0", sigterm_drains),
    ("agent_sighup_reloads_or_keeps", sighup_reloads_or_keeps),
    (
        "agent_killed_leaves_no_program_or_map",
        killed_leaves_nothing,
    ),
    ("agent_flood_loses_no_exec_alert", flood_loses_no_exec_alert),
    ("agent_tells_who_lost_what_when", tells_who_lost_what_when),
    ("agent_ends_when_its_reader_is_gone", ends_without_reader),
];

/// Patience for a line that must come.
const SOON: Duration = Duration::from_secs(10);

const SHADOW: &str = "
- rule: Watched file opened
  desc: a test
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/shadow
  output: file=%fd.name command=%proc.cmdline user=%user.name
  priority: WARNING
";

const EXECS: &str = "
- rule: Program started
  desc: a test
  condition: evt.type = execve and proc.args startswith komainu-test
  output: command=%proc.cmdline parent=%proc.pname
  priority: INFO
";

/// Matches nothing, which the kernel half cannot know.
pub(crate) const UNFILTERED: &str = "
- rule: Never
  desc: a test
  condition: evt.type in (open, openat, openat2) and proc.cmdline contains komainu-no-such-command
  output: file=%fd.name
  priority: INFO
";

/// A running agent.
pub(crate) struct Agent {
    child: Child,
    lines: Receiver<Value>,
    /// Ends with the agent's output, and panics where a line is not what the contract says.
    reader: Option<JoinHandle<()>>,
    rules: PathBuf,
    _directory: TempDir,
}

impl Agent {
    /// Starts it with one rule file and waits until it watches.
    fn start(rules: &str) -> Self {
        Self::start_with(rules, "")
    }

    /// The same with a configuration.
    pub(crate) fn start_with(rules: &str, config: &str) -> Self {
        Self::start_by(&[], rules, config)
    }

    /// The same by a command that executes what follows its own arguments.
    pub(crate) fn start_by(launcher: &[String], rules: &str, config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, rules).unwrap();
        Self::launch(launcher, Format::Falco, path, directory, config)
    }

    /// The same as [`Self::start_with`], writing another format.
    pub(crate) fn start_in(format: Format, rules: &str, config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, rules).unwrap();
        Self::launch(&[], format, path, directory, config)
    }

    /// Starts it with the rules there, a file or a directory.
    pub(crate) fn start_on(rules: &Path, config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::launch(&[], Format::Falco, rules.to_owned(), directory, config)
    }

    fn launch(
        launcher: &[String],
        format: Format,
        path: PathBuf,
        directory: TempDir,
        config: &str,
    ) -> Self {
        let settings = directory.path().join("komainu.yaml");
        fs::write(&settings, config).unwrap();
        let mut words = launcher
            .iter()
            .map(String::as_str)
            .chain([env!("CARGO_BIN_EXE_komainu")]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(["run", "--format", format.name(), "--log-level", "warn"])
            .arg("--rules")
            .arg(&path)
            .arg("--config")
            .arg(&settings)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if send.send(contract::read(format, &line.unwrap())).is_err() {
                    return;
                }
            }
        });
        let agent = Self {
            child,
            lines,
            reader: Some(reader),
            rules: path,
            _directory: directory,
        };
        agent.wait_for(contract::is_started(format));
        agent
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes other rules, to be read when it is told to.
    pub(crate) fn replace_rules(&self, rules: &str) {
        fs::write(&self.rules, rules).unwrap();
    }

    /// The rules that it was started with.
    pub(crate) fn rules(&self) -> &Path {
        &self.rules
    }

    /// The next line, if there is one in this time.
    pub(crate) fn next_line(&self, time: Duration) -> Option<Value> {
        self.lines.recv_timeout(time).ok()
    }

    /// The same, asking the runtime of a node; `more` stands behind its socket in the configuration.
    pub(crate) fn on(node: &Node, rules: &str, more: &str) -> Self {
        let socket = node.socket();
        let config = format!("containers: {{socket: {}}}\n{more}", socket.display());
        Self::start_with(rules, &config)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Resident memory, bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.unwrap().trim_end_matches("kB").trim();
        kilobytes.parse::<u64>().unwrap() * 1024
    }

    /// The next line that `wanted` likes; lines before it are dropped.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_for_within(wanted, SOON)
    }

    /// The same with another patience.
    pub(crate) fn wait_for_within(
        &self,
        wanted: impl Fn(&Value) -> bool,
        patience: Duration,
    ) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => {}
                Err(error) => panic!("no such line: {error}"),
            }
        }
    }

    /// Every line until there is none for `quiet`.
    fn lines_until_quiet(&self, quiet: Duration) -> Vec<Value> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(quiet) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return lines,
            }
        }
    }

    /// Ends it by SIGTERM; its status and remaining lines.
    pub(crate) fn stop(mut self) -> (ExitStatus, Vec<Value>) {
        self.signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        let lines = self.lines_until_quiet(Duration::from_secs(2));
        (status, lines)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        let read = self.reader.take().map(JoinHandle::join);
        // No test passes with a line that breaks the contract, whether it looked at that line or not.
        let keeps_it = !matches!(read, Some(Err(_)));
        assert!(
            keeps_it || std::thread::panicking(),
            "a line of the agent breaks the contract, see above"
        );
    }
}

/// Matches an event of the agent itself.
pub(crate) fn own(name: &str) -> impl Fn(&Value) -> bool + '_ {
    move |line| line["source"] == "komainu" && line["output_fields"]["komainu.event"] == name
}

pub(crate) fn rule(name: &str) -> impl Fn(&Value) -> bool + '_ {
    move |line| line["rule"] == name
}

fn symlink_gives_one_alert(_: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("innocent");
    symlink("/etc/shadow", &link).unwrap();
    let agent = Agent::start(SHADOW);
    let began = Instant::now();
    finish(
        Command::new("cat")
            .arg(&link)
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    // Others on this machine open the file too.
    let ours = |line: &Value| {
        rule("Watched file opened")(line)
            && line["output_fields"]["fd.name"].as_str() == link.to_str()
    };
    let alert = agent.wait_for(ours);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let text = alert.to_string();
    assert!(
        text.contains("\"/etc/shadow\""),
        "the resolved path is missing: {text}"
    );
    assert_eq!(alert["output_fields"]["user.name"], "root");
    let (status, rest) = agent.stop();
    assert!(status.success());
    assert!(!rest.iter().any(ours), "one alert, not more: {rest:?}");
}

/// Starts a program that [`EXECS`] is about, to its end.
fn start_true(number: usize) {
    let mut program = Command::new("/bin/true");
    finish(program.arg(argument(number)).spawn().unwrap());
}

/// Of our own: other programs of this machine that run meanwhile are not counted.
fn argument(number: usize) -> String {
    format!("komainu-test-{}-{number}", std::process::id())
}

/// Command lines of the alerts about [`start_true`], in the order of the stream.
fn started(lines: &[Value]) -> Vec<&str> {
    let ours = format!("true komainu-test-{}-", std::process::id());
    lines
        .iter()
        .filter(|line| rule("Program started")(line))
        .filter_map(|line| line["output_fields"]["proc.cmdline"].as_str())
        .filter(|command| command.starts_with(&ours))
        .collect()
}

/// Everything that happened before the signal is told, in order, without a gap, and then the end.
fn sigterm_drains(_: &mut Watch) {
    const STARTED: usize = 300;
    let agent = Agent::start(EXECS);
    (0..STARTED).for_each(start_true);
    let (status, lines) = agent.stop();
    assert_eq!(status.code(), Some(0));
    let expected: Vec<String> = (0..STARTED)
        .map(|number| format!("true {}", argument(number)))
        .collect();
    assert_eq!(started(&lines), expected);
    let sequence: Vec<u64> = lines
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert!(
        sequence.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{sequence:?}"
    );
    assert!(
        lines.last().is_some_and(own("stopped")),
        "{:?}",
        lines.last()
    );
}

fn read_shadow() {
    let mut cat = Command::new("cat");
    finish(
        cat.arg("/etc/shadow")
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
}

fn sighup_reloads_or_keeps(_: &mut Watch) {
    let agent = Agent::start_with(EXECS, "reload: signal\n");
    agent.replace_rules(SHADOW);
    agent.signal(Signal::HUP);
    agent.wait_for(own("reloaded"));
    read_shadow();
    agent.wait_for(rule("Watched file opened"));

    agent.replace_rules("- rule: broken\n  condition: evt.type = \n");
    agent.signal(Signal::HUP);
    let failed = agent.wait_for(own("reload_failed"));
    assert!(failed.to_string().contains("rules.yaml"), "{failed}");
    read_shadow();
    agent.wait_for(rule("Watched file opened"));
    assert!(agent.stop().0.success());
}

fn killed_leaves_nothing(_: &mut Watch) {
    let before = loaded();
    let mut agent = Agent::start(EXECS);
    let ours: BTreeSet<Object> = loaded()
        .difference(&before)
        .filter(|object| NAMES.contains(&object.name.as_str()))
        .cloned()
        .collect();
    for name in NAMES {
        assert!(
            ours.iter().any(|object| object.name == *name),
            "{name} is not among what was loaded: {ours:?}"
        );
    }
    agent.signal(Signal::KILL);
    agent.child.wait().unwrap();
    // The kernel frees them after a grace period. Listing maps opens each for a moment, and a
    // program array that is opened just while its owner dies is never cleared (seen on 6.18): so
    // the test looks when it should be over, not while.
    let patience = Instant::now() + SOON;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let left: Vec<_> = loaded().intersection(&ours).cloned().collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < patience, "left behind: {left:?}");
    }
}

/// Names of some of our programs and maps, as the kernel keeps them (15 bytes).
const NAMES: &[&str] = &[
    "sys_exit",
    "exec",
    "open",
    "LIFECYCLE",
    "LEDGER",
    "HANDLERS",
];

/// A BPF program or map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: &'static str,
    id: u32,
    name: String,
}

/// Every BPF program and map there is. One that goes while it is being listed is passed over:
/// others on this machine load programs too.
fn loaded() -> BTreeSet<Object> {
    let object = |kind, id, name: &[u8]| Object {
        kind,
        id,
        name: text(name),
    };
    let programs = aya::programs::loaded_programs()
        .filter_map(Result::ok)
        .map(|info| object("program", info.id(), info.name()));
    let maps = aya::maps::loaded_maps()
        .filter_map(Result::ok)
        .map(|info| object("map", info.id(), info.name()));
    programs.chain(maps).collect()
}

fn flood_loses_no_exec_alert(_: &mut Watch) {
    const STARTED: usize = 200;
    let agent = Agent::start(EXECS);
    let flood = act("open-flood")
        .args(["/etc/hostname", "200000"])
        .spawn()
        .unwrap();
    (0..STARTED).for_each(start_true);
    finish(flood);
    let (_, lines) = agent.stop();
    assert_eq!(started(&lines).len(), STARTED);
}

/// Losses of a container, told at the very end: nobody looked before.
fn tells_who_lost_what_when(_: &mut Watch) {
    const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const POD: &str = "5f9c0c0e-6b1d-4c1a-9d5e-c0ffee15600d";
    let path = format!("kubepods/burstable/pod{POD}/{CONTAINER}");
    let Some(cgroup) = Cgroup::new(&path) else {
        println!("left out: no cgroup2 hierarchy is mounted");
        return;
    };
    let nanoseconds = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(since.unwrap().as_nanos()).unwrap()
    };
    let config = "kernel:\n  bulk_ring_bytes: 65536\n  ledger_seconds: 3600\n";
    let agent = Agent::start_with(UNFILTERED, config);
    let began = nanoseconds();
    let arguments = [cgroup.path(), "/etc/hostname"];
    let mut flood = act("flood-in").args(arguments).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    flood.kill().unwrap();
    flood.wait().unwrap();
    let (status, lines) = agent.stop();
    let ended = nanoseconds();
    assert!(status.success());
    let place = format!("container {CONTAINER} of pod {POD}");
    let ours = |line: &&Value| {
        own("blind")(line) && line["output_fields"]["komainu.place"] == place.as_str()
    };
    let told: Vec<&Value> = lines.iter().filter(ours).collect();
    let stages: Vec<_> = told
        .iter()
        .map(|line| &line["output_fields"]["komainu.stage"])
        .collect();
    assert!(stages.iter().any(|stage| *stage == "share"), "{lines:#?}");
    for line in told {
        let fields = &line["output_fields"];
        let number = |name: &str| fields[name].as_u64().unwrap();
        assert_eq!(fields["komainu.class"], "open");
        assert!(number("komainu.count") > 0);
        let (first, last) = (number("komainu.first"), number("komainu.last"));
        assert!(began <= first && first <= last && last <= ended, "{line:#}");
    }
    assert!(lines.last().is_some_and(own("stopped")));
}

fn ends_without_reader(_: &mut Watch) {
    let mut agent = Agent::start(EXECS);
    // The reading thread drops the pipe at its next line.
    let (_, closed) = channel();
    drop(std::mem::replace(&mut agent.lines, closed));
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        start_true(0);
        if let Some(status) = agent.child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(1));
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("still running without a reader");
}
