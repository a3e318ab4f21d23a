//! The agent with the capabilities that `deploy/manifests` gives it: they suffice, each is needed, and those that only the
//! start needs are gone afterwards.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    Test,
    agent::{Agent, own, rule},
    cgroup::Cgroup,
    deployed::context,
    watch::{Watch, finish},
};

pub(crate) const TESTS: &[Test] = &[
    (
        "privileges_of_the_manifest_suffice_and_each_is_needed",
        each_is_needed,
    ),
    ("privileges_are_given_up_after_the_start", given_up),
    (
        "privileges_in_a_cgroup_namespace_others_are_known",
        cgroup_namespace,
    ),
];

const WATCHED: &str = "
- rule: Watched
  desc: a test
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/hostname and proc.cmdline contains komainu-older
  output: exe=%proc.exepath cwd=%proc.cwd env=%proc.env[KOMAINU_MARK]
  priority: WARNING
";

/// Decides nothing before `/proc` is read.
const PATIENT: &str = "
reload: signal
processes: {scan_milliseconds: 10000}
containers: {runtime: off}
kubernetes: {enabled: off}
";

/// What an older process does, in the words of the shell.
const OPENS: &str = ": komainu-older; cd /var/tmp; read go; read line </etc/hostname; read end";

/// Capabilities that the manifest adds, as setpriv(1) spells them.
fn granted() -> Vec<String> {
    let context = context();
    assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert_eq!(context["allowPrivilegeEscalation"], false);
    let added = context["capabilities"]["add"].as_array().unwrap();
    added
        .iter()
        .map(|name| name.as_str().unwrap().to_lowercase())
        .collect()
}

/// Starts what follows as root with these capabilities only, as a container does.
fn with(capabilities: &[String]) -> Vec<String> {
    let set = capabilities.iter().map(|name| format!(",+{name}"));
    let set = format!("--bounding-set=-all{}", set.collect::<String>());
    ["setpriv", "--no-new-privs", "--inh-caps=-all", &set]
        .map(Into::into)
        .into()
}

/// A process of another user that was there before the agent, and opens the watched file when it is told to.
struct Older(Child);

impl Older {
    fn start(prepare: &str) -> Self {
        let script = format!("{prepare}{OPENS}");
        let child = Command::new("sh")
            .args(["-c", &script])
            .env("KOMAINU_MARK", "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    fn of_another_user() -> Self {
        // Not by `Command::uid`: the shell must have been executed as that user.
        let change = "exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c";
        let older = Self::start(&format!("{change} '{OPENS}'; "));
        let line = format!("/proc/{}/cmdline", older.0.id());
        until("the older process is another user's", || {
            fs::read(&line).unwrap().starts_with(b"sh\0-c\0:")
        });
        older
    }

    /// Stays afterwards: the agent may still be reading `/proc`.
    fn open(&self) {
        self.0.stdin.as_ref().unwrap().write_all(b"\n").unwrap();
    }
}

impl Drop for Older {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// What is told of an older process by an agent that is started by `launcher`.
fn told(launcher: &[String]) -> Value {
    let older = Older::of_another_user();
    let agent = Agent::start_by(launcher, WATCHED, PATIENT);
    older.open();
    let alert = agent.wait_for(rule("Watched"));
    assert!(agent.stop().0.success());
    alert["output_fields"].clone()
}

/// Looks until it is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < patience, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn each_is_needed(_: &mut Watch) {
    let granted = granted();
    let all = told(&with(&granted));
    assert!(
        all["proc.exepath"].as_str().unwrap().starts_with('/'),
        "{all}"
    );
    assert_eq!(
        (&all["proc.cwd"], &all["proc.env[KOMAINU_MARK]"]),
        (&"/var/tmp/".into(), &"yes".into())
    );
    for missing in &granted {
        let others: Vec<String> = granted
            .iter()
            .filter(|name| *name != missing)
            .cloned()
            .collect();
        let launcher = with(&others);
        match missing.as_str() {
            "bpf" | "perfmon" => assert!(refusal(&launcher).contains("CAP_BPF and CAP_PERFMON")),
            "sys_ptrace" => {
                let fields = told(&launcher);
                assert_eq!(
                    (&fields["proc.exepath"], &fields["proc.cwd"]),
                    (&"".into(), &"".into())
                );
            }
            "dac_read_search" => {
                let fields = told(&launcher);
                assert_eq!(fields["proc.exepath"], all["proc.exepath"]);
                assert_eq!(fields["proc.env[KOMAINU_MARK]"], "");
            }
            other => panic!("nobody knows what {other} is for"),
        }
    }
}

/// What the agent says when it does not start.
fn refusal(launcher: &[String]) -> String {
    let rules = tempfile::NamedTempFile::new().unwrap();
    fs::write(&rules, WATCHED).unwrap();
    let output = Command::new(&launcher[0])
        .args(&launcher[1..])
        .arg(env!("CARGO_BIN_EXE_komainu"))
        .args(["run", "--log-level", "warn", "--rules"])
        .arg(rules.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// `CAP_DAC_READ_SEARCH` and `CAP_SYS_PTRACE` of `linux/capability.h`, as `/proc/PID/status` shows them.
const READ: u64 = 1 << 2;
const TRACE: u64 = 1 << 19;

fn given_up(_: &mut Watch) {
    let agent = Agent::start_by(&with(&granted()), WATCHED, PATIENT);
    let names = [
        "komainu",
        "komainu-async",
        "komainu-decide",
        "komainu-log",
        "komainu-scan",
    ];
    until("every thread has given up", || {
        let threads = threads(agent.pid());
        names.iter().all(|name| threads.contains_key(*name)) && threads.iter().all(has_given_up)
    });
    // What is open stays so: another plan is written, losses are read, and nothing is left behind.
    agent.replace_rules("- rule: Other\n  desc: a test\n  condition: evt.type in (open, openat, openat2) and fd.name = /etc/passwd\n  output: file=%fd.name\n  priority: INFO\n");
    agent.signal(Signal::HUP);
    agent.wait_for(own("reloaded"));
    finish(
        Command::new("cat")
            .arg("/etc/passwd")
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    agent.wait_for(rule("Other"));
    let (status, lines) = agent.stop();
    assert!(status.success());
    assert!(
        lines.last().is_some_and(own("stopped")),
        "{:?}",
        lines.last()
    );
}

fn has_given_up((name, status): (&String, &String)) -> bool {
    let number = |key: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    let left = if ["komainu-scan", "komainu-users"].contains(&name.as_str()) {
        READ | TRACE
    } else {
        READ
    };
    let sets = ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:", "NoNewPrivs:"];
    sets.map(number) == [left, left, 0, 0, 1]
}

/// Status of each thread, by its name.
fn threads(pid: u32) -> BTreeMap<String, String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let read = |entry: fs::DirEntry| {
        let status = fs::read_to_string(entry.path().join("status")).unwrap();
        let name = fs::read_to_string(entry.path().join("comm")).unwrap();
        (name.trim().to_owned(), status)
    };
    tasks.map(|entry| read(entry.unwrap())).collect()
}

/// As in a pod on a node with cgroup v2 only, where containers have a cgroup namespace of their own.
fn cgroup_namespace(_: &mut Watch) {
    const CONTAINER: &str = "3123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let ours = "kubepods/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/agent";
    let theirs = format!("kubepods/pod5f9c0c0e-6b1d-4c1a-9d5e-c0ffee15600e/{CONTAINER}");
    let (Some(ours), Some(theirs)) = (Cgroup::new(ours), Cgroup::new(&theirs)) else {
        println!("left out: no cgroup2 hierarchy is mounted");
        return;
    };
    let older = Older::start(&format!("echo 0 >{}/cgroup.procs; ", theirs.path()));
    let within = || fs::read_to_string(Path::new(theirs.path()).join("cgroup.procs")).unwrap();
    until("the older process is in its group", || !within().is_empty());
    let own = tempfile::tempdir().unwrap();
    let inside = "mount -t cgroup2 none \"$0\" && exec \"$@\"";
    let script = format!(
        "echo 0 >{}/cgroup.procs && exec unshare --cgroup --mount sh -c '{inside}' {} \"$@\"",
        ours.path(),
        own.path().display()
    );
    let launcher = ["sh", "-c", &script, "sh"].map(Into::into);
    let agent = Agent::start_by(&launcher, WATCHED, PATIENT);
    older.open();
    let alert = agent.wait_for(rule("Watched"));
    let id = alert["output_fields"]["container.id"].as_str();
    assert_eq!(id, CONTAINER.get(..12), "{alert}");
    assert!(agent.stop().0.success());
}
