//! One story in every format: what happens in a container, and what the agent says of itself. That each line is
//! valid by the schema of its format is seen to where lines are read.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use komainu::emit::Format;
use serde_json::{Value, json};

use crate::{
    Test,
    agent::{Agent, UNFILTERED},
    cgroup::{self, Cgroup},
    contract::is_own,
    watch::{Watch, act, finish},
};

pub(crate) const TESTS: &[Test] = &[
    ("formats_falco_tells_the_story", falco),
    ("formats_ecs_tells_the_story", ecs),
    ("formats_ocsf_tells_the_story", ocsf),
    ("formats_text_tells_the_story", in_text),
];

const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const POD: &str = "5f9c0c0e-6b1d-4c1a-9d5e-c0ffee15600d";

const RULES: &str = "
- rule: Story opened
  desc: a test of files
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/hostname and proc.args contains story-in
  output: file=%fd.name
  priority: WARNING
  tags: [mitre_credential_access, T1003.008]
- rule: Story connected
  desc: a test of sockets
  condition: evt.type = connect and fd.sport = PORT and proc.args contains story-in
  output: to=%fd.name
  priority: NOTICE
- rule: Story started
  desc: a test of programs
  condition: evt.type = execve and proc.args startswith komainu-test-story
  output: command=%proc.cmdline
  priority: CRITICAL
";

/// Goes into the cgroup, opens a file, connects to the address, starts a program.
pub(crate) fn act_story(cgroup: &str, address: &str) {
    cgroup::enter(cgroup);
    drop(File::open("/etc/hostname").unwrap());
    drop(TcpStream::connect(address).unwrap());
    let status = Command::new("/bin/true").arg("komainu-test-story").status();
    assert!(status.unwrap().success());
}

/// What was told: the alerts of the three rules, and every line.
struct Told {
    opened: Value,
    connected: Value,
    started: Value,
    lines: Vec<Value>,
    port: u16,
}

fn told(format: Format) -> Option<Told> {
    let path = format!("kubepods/burstable/pod{POD}/{CONTAINER}");
    let Some(cgroup) = Cgroup::new(&path) else {
        println!("left out: no cgroup2 hierarchy is mounted");
        return None;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let rules = RULES.replace("PORT", &address.port().to_string()) + UNFILTERED;
    let config =
        "containers: {runtime: off}\nkernel: {bulk_ring_bytes: 65536, ledger_seconds: 3600}\n";
    let agent = Agent::start_in(format, &rules, config);
    finish(
        act("story-in")
            .args([cgroup.path(), &address.to_string()])
            .spawn()
            .unwrap(),
    );
    let mut lines = Vec::new();
    let mut wait = |name: &str| {
        let is_it = |line: &Value| line.to_string().contains(name);
        loop {
            let line = agent.next_line(Duration::from_secs(10)).expect(name);
            lines.push(line.clone());
            if is_it(&line) {
                return line;
            }
        }
    };
    let opened = wait("Story opened");
    let connected = wait("Story connected");
    let started = wait("Story started");
    let mut flood = act("flood-in")
        .args([cgroup.path(), "/etc/hostname"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(1));
    flood.kill().unwrap();
    flood.wait().unwrap();
    let (status, rest) = agent.stop();
    assert!(status.success());
    lines.extend(rest);
    assert!(lines.iter().any(is_own(format, "blind")), "{lines:#?}");
    assert!(lines.last().is_some_and(is_own(format, "stopped")));
    let port = address.port();
    Some(Told {
        opened,
        connected,
        started,
        lines,
        port,
    })
}

/// The `started` line has number 1 and was taken by whoever started the agent.
fn assert_no_gap(lines: &[Value], seq: &str) {
    let numbers: Vec<u64> = lines
        .iter()
        .map(|line| line.pointer(seq).unwrap().as_u64().unwrap())
        .collect();
    let wanted: Vec<u64> = (2..).take(numbers.len()).collect();
    assert_eq!(numbers, wanted);
}

fn assert_says(line: &Value, wanted: &[(&str, Value)]) {
    for (pointer, value) in wanted {
        assert_eq!(line.pointer(pointer), Some(value), "{pointer} of {line:#}");
    }
}

fn boot() -> Value {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    id.trim().into()
}

fn falco(_: &mut Watch) {
    let Some(told) = told(Format::Falco) else {
        return;
    };
    assert_no_gap(&told.lines, "/seq");
    assert_says(
        &told.opened,
        &[
            ("/output_fields/fd.name", "/etc/hostname".into()),
            ("/container/id", CONTAINER.into()),
            ("/pod/uid", POD.into()),
            ("/boot_id", boot()),
        ],
    );
    assert_eq!(told.connected["priority"], "Notice");
    assert_eq!(told.started["rule"], "Story started");
}

fn ecs(_: &mut Watch) {
    let Some(told) = told(Format::Ecs) else {
        return;
    };
    assert_no_gap(&told.lines, "/event/sequence");
    assert_says(
        &told.opened,
        &[
            ("/event/kind", "alert".into()),
            ("/event/category", json!(["file"])),
            ("/event/type", json!(["access"])),
            ("/event/outcome", "success".into()),
            ("/rule/description", "a test of files".into()),
            ("/file/path", "/etc/hostname".into()),
            ("/user/id", "0".into()),
            ("/user/name", "root".into()),
            ("/threat/technique/id", json!(["T1003"])),
            ("/threat/tactic/id", json!(["TA0006"])),
            ("/container/id", CONTAINER.into()),
            ("/orchestrator/resource/id", POD.into()),
            ("/host/boot/id", boot()),
        ],
    );
    assert_says(
        &told.connected,
        &[
            ("/destination/ip", "127.0.0.1".into()),
            ("/destination/port", told.port.into()),
            ("/network/transport", "tcp".into()),
            ("/network/direction", "egress".into()),
        ],
    );
    assert_says(
        &told.started,
        &[
            ("/event/type", json!(["start"])),
            ("/process/args", json!(["/bin/true", "komainu-test-story"])),
            ("/process/parent/pid", told.opened["process"]["pid"].clone()),
            ("/log/level", "critical".into()),
        ],
    );
}

fn ocsf(_: &mut Watch) {
    let Some(told) = told(Format::Ocsf) else {
        return;
    };
    assert_no_gap(&told.lines, "/metadata/sequence");
    assert_says(
        &told.opened,
        &[
            ("/class_uid", 2004.into()),
            ("/severity_id", 3.into()),
            (
                "/finding_info/attacks/0/sub_technique/uid",
                "T1003.008".into(),
            ),
            ("/evidences/0/file/path", "/etc/hostname".into()),
            ("/evidences/0/process/user/name", "root".into()),
            ("/evidences/0/container/uid", CONTAINER.into()),
            ("/resources/0/uid", POD.into()),
            ("/device/boot_uid", boot()),
        ],
    );
    assert_says(
        &told.connected,
        &[
            ("/evidences/0/dst_endpoint/port", told.port.into()),
            ("/evidences/0/connection_info/direction_id", 2.into()),
        ],
    );
    let parent = told.opened.pointer("/evidences/0/process/pid").unwrap();
    assert_says(
        &told.started,
        &[
            ("/evidences/0/process/file/name", "true".into()),
            ("/evidences/0/process/parent_process/pid", parent.clone()),
        ],
    );
    let stopped = told.lines.last().unwrap();
    assert_says(
        stopped,
        &[("/class_uid", 6002.into()), ("/activity_id", 4.into())],
    );
}

fn in_text(_: &mut Watch) {
    let Some(told) = told(Format::Text) else {
        return;
    };
    let line = told.opened.as_str().unwrap();
    assert!(
        line.contains("Warning Story opened: file=/etc/hostname"),
        "{line}"
    );
    assert!(line.contains(&format!("| container={CONTAINER}")), "{line}");
}
