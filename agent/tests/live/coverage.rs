//! The agent watches itself: the canary comes back, or it is told; and a CPU budget is kept.
#![expect(clippy::float_cmp, reason = "samples are counts, printed whole")]

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aya::maps::{Array, Map, MapData, loaded_maps};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    Test,
    agent::{Agent, UNFILTERED, own},
    operations::{free_address, get, samples, wait_for_status},
    watch::{Watch, act, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("coverage_acts_come_back_and_alert_nobody", acts_come_back),
    ("coverage_lost_is_told_and_so_is_its_return", lost_is_told),
    (
        "coverage_budget_is_kept_and_what_it_costs_told",
        budget_is_kept,
    ),
];

/// About everything that the canary does, and what it is itself.
const EVERYTHING: &str = "
- rule: Acted on a path
  desc: a test
  condition: >
    evt.type in (open, openat, rename, renameat, renameat2, unlink, unlinkat, mkdir, mkdirat, chmod, fchmodat, mount)
    and (evt.arg.name startswith /komainu-canary or evt.arg.path startswith /komainu-canary
    or evt.arg.oldpath startswith /komainu-canary or evt.arg.filename startswith /komainu-canary
    or evt.arg.dir startswith /komainu-canary)
  output: act=%evt.type command=%proc.cmdline
  priority: WARNING
- rule: Acted otherwise
  desc: a test
  condition: >
    evt.type in (chdir, fchdir, setns, capset, memfd_create, dup3, fcntl, kill, socket, bind, listen, accept, accept4,
    sendto, sendmsg, recvfrom, recvmsg, shutdown) and evt.failed = true and proc.args startswith canary
  output: act=%evt.type command=%proc.cmdline
  priority: WARNING
- rule: Connected
  desc: a test
  condition: evt.type = connect and fd.snet = 127.0.0.0/8 and proc.args startswith canary
  output: peer=%fd.name
  priority: WARNING
- rule: Started
  desc: a test
  condition: evt.type = execve and proc.args startswith canary
  output: command=%proc.cmdline
  priority: WARNING
";

const CLASSES: [&str; 20] = [
    "exec",
    "open",
    "rename",
    "unlink",
    "mkdir",
    "attribute",
    "mount",
    "connect",
    "directory",
    "namespace",
    "credential",
    "object",
    "dup",
    "signal",
    "socket",
    "listen",
    "accept",
    "send",
    "receive",
    "shutdown",
];

fn acts_come_back(_: &mut Watch) {
    let address = free_address();
    let config =
        format!("http: {{listen: '{address}'}}\ncanary: {{interval_seconds: 1}}\nmatching: all\n");
    let agent = Agent::start_with(EVERYTHING, &config);
    let deadline = Instant::now() + Duration::from_secs(20);
    let page = loop {
        let (_, page) = get(address, "/metrics", "*/*").unwrap();
        let rounds = samples(&page)["komainu_canary_rounds_total{result=\"done\"}"];
        if rounds >= 2.0 {
            break page;
        }
        assert!(Instant::now() < deadline, "{page}");
        std::thread::sleep(Duration::from_millis(300));
    };
    let told = samples(&page);
    for class in CLASSES {
        let name = format!("komainu_canary_covered{{class=\"{class}\"}}");
        assert_eq!(told.get(name.as_str()), Some(&1.0), "{class}\n{page}");
    }
    assert_eq!(told["komainu_canary_rounds_total{result=\"failed\"}"], 0.0);
    wait_for_status(address, "/readyz", 200);
    // Somebody else who names such a path is not taken for the canary.
    let mut cat = Command::new("cat");
    let cat = cat
        .arg("/komainu-canary-0/act")
        .stderr(Stdio::null())
        .spawn();
    cat.unwrap().wait().unwrap();
    let alert = agent.wait_for(|line| line["source"] == "syscall");
    let command = alert["output_fields"]["proc.cmdline"].as_str().unwrap();
    assert_eq!(
        command, "cat /komainu-canary-0/act",
        "the first alert of all"
    );
    let (status, rest) = agent.stop();
    assert!(status.success());
    let alerts = rest
        .iter()
        .filter(|line| line["source"] == "syscall")
        .count();
    assert_eq!(alerts, 0, "{rest:#?}");
}

fn maps(name: &str) -> BTreeSet<u32> {
    let all = loaded_maps().filter_map(Result::ok);
    let named = all.filter(|info| info.name() == name.as_bytes());
    named.map(|info| info.id()).collect()
}

/// Takes all system calls from the dispatcher, as an intruder with the rights for it could.
fn blind(map: u32) {
    let map = Map::Array(MapData::from_id(map).unwrap());
    let mut interest: Array<_, u32> = map.try_into().unwrap();
    for index in 0..interest.len() {
        interest.set(index, 0, 0).unwrap();
    }
}

fn lost_is_told(_: &mut Watch) {
    let address = free_address();
    let canary = "canary: {interval_seconds: 1, deadline_seconds: 1}";
    let config = format!("http: {{listen: '{address}'}}\n{canary}\nreload: signal\n");
    let before = maps("INTEREST");
    let agent = Agent::start_with(EVERYTHING, &config);
    let ours: Vec<u32> = maps("INTEREST").difference(&before).copied().collect();
    assert_eq!(ours.len(), 1);
    wait_for_status(address, "/readyz", 200);
    blind(ours[0]);
    let lost = agent.wait_for(own("coverage_lost"));
    let classes = lost["output_fields"]["komainu.classes"].to_string();
    assert!(
        classes.contains("\"open\"") && classes.contains("\"connect\""),
        "{lost}"
    );
    assert!(
        !classes.contains("\"exec\""),
        "that hook is another: {lost}"
    );
    let reasons = wait_for_status(address, "/readyz", 503)["reasons"].to_string();
    assert!(
        reasons.contains("do not come back") && reasons.contains("open"),
        "{reasons}"
    );
    wait_for_status(address, "/healthz", 200);
    agent.signal(Signal::HUP);
    let restored = agent.wait_for(own("coverage_restored"));
    assert_eq!(
        restored["output_fields"]["komainu.classes"].to_string(),
        classes
    );
    wait_for_status(address, "/readyz", 200);
    assert!(agent.stop().0.success());
}

fn budget_is_kept(_: &mut Watch) {
    let address = free_address();
    let governor = "governor: {cpu_budget: 5, shed: [open]}";
    let config = format!("http: {{listen: '{address}'}}\n{governor}\n");
    let agent = Agent::start_with(UNFILTERED, &config);
    let mut flood = act("flood").arg("/etc/hostname").spawn().unwrap();
    let degraded = agent.wait_for_within(own("degraded"), Duration::from_secs(30));
    let fields = &degraded["output_fields"];
    assert_eq!(fields["komainu.class"], "open");
    assert!(
        fields["komainu.cpu_percent"].as_u64() > Some(5),
        "{degraded}"
    );
    let (_, page) = get(address, "/metrics", "*/*").unwrap();
    assert_eq!(samples(&page)["komainu_shed{class=\"open\"}"], 1.0);
    let seen = |page: &str| samples(page)["komainu_events_seen_total{class=\"open\"}"];
    let ready = wait_for_status(address, "/readyz", 200);
    assert!(
        ready["checks"]["coverage"]["note"]
            .to_string()
            .contains("open"),
        "{ready}"
    );
    // What was under way is over; from then on nothing is seen, though opens go on, through a ring too.
    std::thread::sleep(Duration::from_millis(1_500));
    let (_, before) = get(address, "/metrics", "*/*").unwrap();
    perform("uring-open", &["plain", "/etc/hostname"]);
    std::thread::sleep(Duration::from_millis(1_500));
    let (_, after) = get(address, "/metrics", "*/*").unwrap();
    assert_eq!(seen(&before), seen(&after));
    flood.kill().unwrap();
    flood.wait().unwrap();
    let (status, lines) = agent.stop();
    assert!(status.success());
    let blind =
        |line: &&Value| own("blind")(line) && line["output_fields"]["komainu.stage"] == "governor";
    let told = lines.iter().find(blind).unwrap();
    let time = |key: &str| told["output_fields"][key].as_u64().unwrap();
    assert!(
        time("komainu.last") - time("komainu.first") > 3_000_000_000,
        "{told}"
    );
}
