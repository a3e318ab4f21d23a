//! The deciding thread against scripted records: from bytes to alerts.

use std::collections::VecDeque;
use std::sync::mpsc::sync_channel;

use komainu_common::exec::{Ancestor, Exec};
use komainu_common::exit::Exit;
use komainu_common::fork::Fork;
use komainu_common::header::{HEADER_COMPAT, NO_SYSCALL};
use komainu_common::item::tag;
use komainu_common::open::{OPEN_RESOLVED, Open};
use komainu_common::syscalls::x86_64;
use komainu_common::{Class, Header, Task};
use tokio::sync::mpsc;
use zerocopy::{FromZeros, IntoBytes};

use super::super::rule_files::RuleFile;
use super::*;
use crate::config::{Config, Matching};
use crate::emit::sink::Lost;
use crate::emit::{Alert, Outlet, Resolution};
use crate::enrich::{State, process};
use crate::pipeline::engine;

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

/// Records in batches; tells the loop to stop when there are no more.
struct Script {
    batches: VecDeque<Vec<Vec<u8>>>,
    stop: Arc<AtomicBool>,
    before: Box<dyn FnMut(usize)>,
}

impl Records for Script {
    fn wait(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn drain(&mut self, each: &mut dyn FnMut(&[u8])) -> bool {
        (self.before)(self.batches.len());
        let Some(batch) = self.batches.pop_front() else {
            self.stop.store(true, Ordering::Release);
            return false;
        };
        batch.iter().for_each(|record| each(record));
        true
    }
}

fn rules(text: &str) -> Rules {
    let file = RuleFile {
        name: "test.yaml".into(),
        bytes: text.into(),
    };
    engine::compile(vec![file], &Config::default()).unwrap()
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
    rules: Arc<ArcSwap<Rules>>,
    before: Box<dyn FnMut(usize)>,
) -> Outcome {
    let config = Config {
        matching,
        ..Config::default()
    };
    let state = State::new(
        process::Limits::default(),
        64,
        EPOCH,
        Arc::default(),
        "h".into(),
    );
    let (alerts, mut made) = mpsc::channel(100);
    let decider = Decider::new(
        state,
        Outlet::new(alerts, Arc::new(Lost::default())),
        &config,
    );
    let (tell, told) = sync_channel(100);
    for notice in notices.into_iter().chain([Notice::Scanned]) {
        tell.send(notice).unwrap();
    }
    let (wanted, asked) = sync_channel(100);
    let stop = Arc::new(AtomicBool::new(false));
    let wires = Wires {
        rules,
        notices: told,
        wanted,
        stop: Arc::clone(&stop),
    };
    let script = Script {
        batches: batches.into(),
        stop,
        before,
    };
    let totals = run(script, decider, &wires, Duration::from_secs(5)).unwrap();
    drop(wires);
    let alerts = std::iter::from_fn(|| made.try_recv().ok()).collect();
    Outcome {
        alerts,
        totals,
        wanted: asked.iter().collect(),
    }
}

fn task(tgid: u32, parent: u32, comm: &str) -> Task {
    let mut task = Task::new_zeroed();
    (task.tgid, task.tid, task.ppid) = (tgid, tgid, parent);
    task.start_time = u64::from(tgid) * ProcKey::TICK;
    task.parent_start_time = u64::from(parent) * ProcKey::TICK;
    task.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    task
}

fn record(
    class: Class,
    syscall: u32,
    task: Task,
    fixed: &impl IntoBytesRef,
    items: &[(u8, &[u8])],
) -> Vec<u8> {
    let mut header = Header::new_zeroed();
    header.class = class.0;
    header.syscall = syscall;
    header.time = 1000;
    header.cgroup = 7;
    header.task = task;
    let mut tail = fixed.bytes().to_vec();
    for (tag, bytes) in items {
        tail.extend([*tag, 0]);
        tail.extend(u16::try_from(bytes.len()).unwrap().to_ne_bytes());
        tail.extend(*bytes);
    }
    header.size = u32::try_from(size_of::<Header>() + tail.len()).unwrap();
    [header.as_bytes(), &tail].concat()
}

/// `IntoBytes` by reference, for wire structs.
trait IntoBytesRef {
    fn bytes(&self) -> &[u8];
}

impl<T: IntoBytes + zerocopy::Immutable> IntoBytesRef for T {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

fn exec(tgid: u32, parent: u32, comm: &str, argv: &[u8]) -> Vec<u8> {
    let ancestor = Ancestor {
        start_time: u64::from(parent) * ProcKey::TICK,
        tgid: parent,
        sid: 0,
        comm: task(parent, 1, "sh").comm,
    };
    let cgroup = format!("/docker/{CONTAINER}");
    let items: &[(u8, &[u8])] = &[
        (tag::USER_PATH, b"/usr/bin/x"),
        (tag::KERNEL_PATH, b"/usr/bin/x"),
        (tag::ARGV, argv),
        (tag::CWD, b"/tmp"),
        (tag::ANCESTORS, ancestor.as_bytes()),
        (tag::CGROUP_PATH, cgroup.as_bytes()),
    ];
    record(
        Class::EXEC,
        x86_64::EXECVE,
        task(tgid, parent, comm),
        &Exec::new_zeroed(),
        items,
    )
}

fn open(tgid: u32, path: &[u8], resolved: &[u8]) -> Vec<u8> {
    let mut open = Open::new_zeroed();
    open.facts = OPEN_RESOLVED;
    let items = [(tag::USER_PATH, path), (tag::KERNEL_PATH, resolved)];
    record(
        Class::OPEN,
        x86_64::OPENAT,
        task(tgid, 10, "cat"),
        &open,
        &items,
    )
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
            lost: 0
        }
    );
    let alert = &outcome.alerts[0];
    assert_eq!(
        (alert.rule.as_str(), alert.priority),
        ("Read shadow", "Warning")
    );
    let short = &CONTAINER[..12];
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
    assert_eq!(alert.place.container_id.as_deref(), Some(CONTAINER));
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
        message.contains("by cat -i") || message.contains("by bash -i"),
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
    let (tell, told) = sync_channel(1);
    drop(tell);
    let _: Receiver<Notice> = told;
    let rules = Arc::new(ArcSwap::from_pointee(rules(RULES)));
    let config = Config::default();
    let state = State::new(
        process::Limits::default(),
        64,
        EPOCH,
        Arc::default(),
        "h".into(),
    );
    let (alerts, mut made) = mpsc::channel(100);
    let mut decider = Decider::new(
        state,
        Outlet::new(alerts, Arc::new(Lost::default())),
        &config,
    );
    batch
        .iter()
        .for_each(|record| decider.record(&rules.load(), record));
    decider.notice(Notice::Lost(vec![loss, elsewhere]));
    let first = made.try_recv().unwrap().message;
    assert!(
        first.contains(&format!(
            "412 open events of container {CONTAINER} were lost at ring"
        )),
        "{first}"
    );
    assert!(made.try_recv().unwrap().message.contains("of cgroup 99"));
    assert_eq!(decider.totals().lost, 824);
}

#[test]
fn rules_are_swapped_between_batches() {
    let set = Arc::new(ArcSwap::from_pointee(rules(RULES)));
    let swap = Arc::clone(&set);
    let before = Box::new(move |left| {
        if left == 1 {
            let text = "- rule: New\n  desc: d\n  condition: evt.type = openat\n  output: new\n  priority: INFO\n";
            swap.store(Arc::new(rules(text)));
        }
    });
    let open = || vec![open(11, b"/etc/shadow", b"/etc/shadow")];
    // A swap is seen by the next batch: the guard of the current one is held.
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
    assert_eq!(names.first(), Some(&"Read shadow"));
    assert_eq!(outcome.alerts.len(), 3);
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
    let cgroup_7 = outcome
        .wanted
        .iter()
        .filter(|key| key.tgid == 11 || key.tgid == 12)
        .count();
    assert!(cgroup_7 >= 1);
}
