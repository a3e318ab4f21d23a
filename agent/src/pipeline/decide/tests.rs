//! The deciding thread against scripted records: from bytes to alerts.

mod ending;
mod script;
mod sessions;
mod throttled;
mod waiting;

use std::sync::mpsc::sync_channel;

use komainu_common::Class;
use komainu_common::exit::Exit;
use komainu_common::fork::Fork;
use komainu_common::header::{HEADER_COMPAT, NO_SYSCALL};
use script::{Script, exec, open, record, task};
use tokio::sync::mpsc;
use zerocopy::FromZeros;

use super::*;
use crate::config::{Config, Matching};
use crate::emit::{Alert, Lost, Outlet, Queued, Resolution, sink};
use crate::enrich::process::{self, Found};
use crate::enrich::{State, users};
use crate::event::Process;
use crate::pipeline::engine;
use crate::rules::Source;

const CONTAINER: &str = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
const EPOCH: u64 = 1_700_000_000_000_000_000;

const RULES: &str = "
- rule: Read shadow
  desc: d
  condition: evt.type in (open, openat) and fd.name = /etc/shadow
  output: file=%fd.name by %proc.cmdline of %proc.pname in %container.id
  priority: WARNING
  tags: [files, T1003]
- rule: Any open
  desc: d
  condition: evt.type in (open, openat)
  output: open
  priority: NOTICE
- rule: Ran id
  desc: d
  condition: evt.type = execve and proc.name = id
  output: ran %proc.cmdline
  priority: CRITICAL
";

fn rules(text: &str) -> InForce {
    let rules = engine::compile(&[Source::new("test.yaml", text)], &Config::default());
    InForce {
        rules: rules.unwrap(),
        hash: "of the rules".into(),
        ..InForce::default()
    }
}

/// A deciding thread's state, what it makes, and what it lost.
fn decider(config: &Config) -> (Decider, Made, Arc<Lost>) {
    let limits = process::Limits::default();
    let state = State::new(limits, 64, EPOCH, Arc::default(), "h".into());
    let sink = Arc::new(sink::State::default());
    let lost = Arc::clone(&sink.lost);
    let (outlet, mut queues) = Outlet::new([sink], Arc::default(), 100, 1 << 20);
    let made = Made(queues.remove(0));
    (
        Decider::new(state, outlet, Arc::default(), config),
        made,
        lost,
    )
}

/// Alerts that were made.
struct Made(mpsc::Receiver<Queued>);

impl Made {
    fn try_recv(&mut self) -> Option<Alert> {
        let queued = self.0.try_recv().ok()?;
        Some(Arc::unwrap_or_clone(queued.alert))
    }
}

/// No runtime to ask.
fn nobody() -> Asked {
    Asked(Box::new(|_| panic!("no container waits")))
}

struct Outcome {
    alerts: Vec<Alert>,
    totals: Totals,
    wanted: Vec<ProcKey>,
}

/// Runs the loop over the batches.
fn decide(batches: Vec<Vec<Vec<u8>>>, matching: Matching, notices: Vec<Notice>) -> Outcome {
    decide_with(
        batches,
        matching,
        notices,
        Arc::new(ArcSwap::from_pointee(rules(RULES))),
        Box::new(|_| {}),
    )
}

fn decide_with(
    batches: Vec<Vec<Vec<u8>>>,
    matching: Matching,
    notices: Vec<Notice>,
    in_force: Arc<ArcSwap<InForce>>,
    before: Box<dyn FnMut(usize)>,
) -> Outcome {
    let mut config = Config {
        matching,
        ..Config::default()
    };
    config.containers.wait_milliseconds.0 = 0;
    let (decider, mut made, lost) = decider(&config);
    let (tell, told) = sync_channel(100);
    for notice in notices.into_iter().chain([Notice::Scanned]) {
        tell.send(notice).unwrap();
    }
    let (wanted, asked) = sync_channel(100);
    let stop = Arc::new(AtomicBool::new(false));
    let wires = Wires {
        in_force,
        notices: told,
        wanted,
        asked: nobody(),
        names: sync_channel(1).0,
        stop: Arc::clone(&stop),
        board: Arc::default(),
        drain: DRAIN,
    };
    let script = Script {
        batches: batches.into(),
        stop,
        before,
    };
    let totals = run(script, decider, &wires, Duration::from_secs(5)).unwrap();
    drop(wires);
    let alerts = std::iter::from_fn(|| made.try_recv());
    let alerts = alerts.chain(lost.take().map(|(_, blind)| blind)).collect();
    Outcome {
        alerts,
        totals,
        wanted: asked.iter().collect(),
    }
}

#[test]
fn from_bytes_to_an_alert() {
    let cat = exec(11, 10, "cat", b"cat\0/tmp/link\0");
    let outcome = decide(
        vec![vec![cat], vec![open(11, b"/tmp/link", b"/etc/shadow")]],
        Matching::First,
        vec![],
    );
    assert_eq!(
        outcome.totals,
        Totals {
            records: 2,
            alerts: 1,
            lags: outcome.totals.lags,
            ..Totals::default()
        }
    );
    assert_eq!(outcome.totals.lags.count(), 2);
    let alert = &outcome.alerts[0];
    assert_eq!(
        (alert.rule.as_str(), alert.priority),
        ("Read shadow", "Warning")
    );
    assert_eq!(alert.rules_hash.as_deref(), Some("of the rules"));
    let short = CONTAINER.split_at(12).0;
    assert!(
        alert
            .message
            .contains(&format!("by cat /tmp/link of sh in {short}")),
        "{}",
        alert.message
    );
    assert_eq!(
        alert.resolved_path.as_deref(),
        Some("/etc/shadow"),
        "found through the symlink"
    );
    assert_eq!(alert.tags, ["T1003", "files"]);
    assert_eq!(alert.place.resolution, Some(Resolution::NotAPod));
    assert_eq!(
        alert.place.container.as_ref().map(|c| c.id.as_str()),
        Some(CONTAINER)
    );
    assert_eq!(alert.ancestry[0].name, "sh");
    assert_eq!(alert.time, EPOCH + 1000);
}

#[test]
fn all_matching_rules_in_order() {
    let batches = || {
        vec![vec![
            exec(11, 10, "cat", b"cat\0"),
            open(11, b"/etc/shadow", b"/etc/shadow"),
        ]]
    };
    let names = |outcome: Outcome| {
        outcome
            .alerts
            .into_iter()
            .map(|a| a.rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(decide(batches(), Matching::All, vec![])),
        ["Read shadow", "Any open"]
    );
    assert_eq!(
        names(decide(batches(), Matching::First, vec![])),
        ["Read shadow"]
    );
}

#[test]
fn fork_and_exit_keep_the_table() {
    let mut fork = Fork::new_zeroed();
    (fork.creator_tgid, fork.creator_start_time) = (11, 11 * ProcKey::TICK);
    let fork = record(Class::FORK, NO_SYSCALL, task(12, 11, "bash"), &fork, &[]);
    let exit = record(
        Class::EXIT,
        NO_SYSCALL,
        task(11, 10, "bash"),
        &Exit::new_zeroed(),
        &[],
    );
    let batch = vec![
        exec(11, 10, "bash", b"bash\0-i\0"),
        fork,
        exit,
        open(12, b"/etc/shadow", b"/etc/shadow"),
    ];
    let outcome = decide(vec![batch], Matching::First, vec![]);
    let message = &outcome.alerts[0].message;
    assert!(
        message.contains("by bash -i"),
        "the child has its parent's arguments: {message}"
    );
    assert_eq!(
        outcome.alerts[0].ancestry.len(),
        1,
        "its parent has become {:?}",
        outcome.alerts[0].ancestry
    );
}

#[test]
fn what_cannot_be_decoded_is_told() {
    let mut unknown = open(11, b"/x", b"/x");
    unknown[4] = 15;
    let mut compat = open(11, b"/x", b"/x");
    compat[6..8].copy_from_slice(&HEADER_COMPAT.to_ne_bytes());
    let outcome = decide(
        vec![vec![vec![], vec![0; 10], unknown, compat]],
        Matching::First,
        vec![],
    );
    assert_eq!((outcome.totals.records, outcome.totals.lost), (4, 4));
    let told: u64 = outcome
        .alerts
        .iter()
        .map(|alert| {
            assert_eq!(
                (alert.source, alert.rule.as_str()),
                ("komainu", "Komainu blind")
            );
            alert
                .fields
                .iter()
                .find(|(name, _)| name == "komainu.count")
                .unwrap()
                .1
                .as_u64()
                .unwrap()
        })
        .sum();
    assert_eq!(told, 4);
}

#[test]
fn losses_name_their_container() {
    let loss = Loss {
        stage: "ring",
        class: Class::OPEN,
        cgroup: Some(7),
        count: 412,
        first: 1,
        last: 2,
    };
    let elsewhere = Loss {
        cgroup: Some(99),
        ..loss
    };
    let batch = vec![exec(11, 10, "cat", b"cat\0")];
    let rules = Arc::new(ArcSwap::from_pointee(rules(RULES)));
    let (mut decider, _made, untold) = decider(&Config::default());
    for record in &batch {
        decider.record(&rules.load(), record);
    }
    decider.notice(Notice::Lost(vec![loss, elsewhere]));
    let told: Vec<String> = untold.take().map(|(_, blind)| blind.message).collect();
    assert!(
        told[1].contains(&format!(
            "412 open events of container {CONTAINER} were lost at ring"
        )),
        "{told:?}"
    );
    assert!(told[0].contains("of cgroup 99"), "{told:?}");
    assert_eq!(decider.totals().lost, 824);
}

#[test]
fn rules_are_swapped_between_batches() {
    let set = Arc::new(ArcSwap::from_pointee(rules(RULES)));
    let swap = Arc::clone(&set);
    let before = Box::new(move |left| {
        if left == 2 {
            let text = "- rule: New\n  desc: d\n  condition: evt.type = openat\n  output: new\n  priority: INFO\n";
            swap.store(Arc::new(rules(text)));
        }
    });
    let open = || vec![open(11, b"/etc/shadow", b"/etc/shadow")];
    // Swapped while the second batch is being read, so before its records are judged: they may be of the new tables.
    let outcome = decide_with(
        vec![open(), open(), open()],
        Matching::First,
        vec![],
        set,
        before,
    );
    let names: Vec<&str> = outcome
        .alerts
        .iter()
        .map(|alert| alert.rule.as_str())
        .collect();
    assert_eq!(names, ["Read shadow", "New", "New"]);
}

#[test]
fn unknown_cgroups_are_asked_about_once() {
    let batch = vec![
        open(11, b"/x", b"/x"),
        open(11, b"/x", b"/x"),
        open(12, b"/x", b"/x"),
    ];
    let outcome = decide(vec![batch], Matching::First, vec![]);
    assert_eq!(
        outcome.alerts[0].place.resolution,
        Some(Resolution::CgroupUnknown)
    );
    let key = ProcKey {
        tgid: 11,
        start_ticks: 11,
    };
    assert_eq!(outcome.wanted, [key]);
}

#[test]
fn what_other_threads_found_is_in_the_next_alert() {
    let directory = tempfile::tempdir().unwrap();
    let sources = users::Sources {
        passwd: directory.path().join("passwd"),
        group: directory.path().join("group"),
    };
    std::fs::write(&sources.passwd, "zero:x:0:0::/:/bin/sh\n").unwrap();
    let (names, _) = Users::load(&sources);
    let process = Process {
        comm: b"cat"[..].into(),
        cmdline: b"cat -from /proc"[..].into(),
        cgroup: 7,
        ..Process::default()
    };
    let key = ProcKey {
        tgid: 11,
        start_ticks: 11,
    };
    let scanned = Scanned {
        found: Found { key, process },
        cgroup_path: b"/system.slice/x.service".to_vec(),
    };
    let notices = vec![
        Notice::Found(Box::new(scanned)),
        Notice::Users(Arc::new(names)),
    ];
    let rules = rules(
        "- rule: r\n  desc: d\n  condition: evt.type = openat\n  output: by %proc.cmdline as %user.name\n  priority: INFO\n",
    );
    let set = Arc::new(ArcSwap::from_pointee(rules));
    let batch = vec![open(11, b"/x", b"/x")];
    let outcome = decide_with(vec![batch], Matching::First, notices, set, Box::new(|_| {}));
    let message = &outcome.alerts[0].message;
    assert!(
        message.starts_with("by cat -from /proc as zero"),
        "{message}"
    );
    assert_eq!(outcome.alerts[0].place.resolution, Some(Resolution::Host));
    assert_eq!(outcome.wanted, []);
}
