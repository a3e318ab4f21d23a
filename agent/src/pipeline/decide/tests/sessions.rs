//! Exec sessions: on alerts, and at their end.

use std::mem::offset_of;

use komainu_common::item::tag;
use komainu_common::{Header, Task};

use super::*;
use crate::enrich::session::Limits;

const SESSIONS: &str = "
- rule: Ended
  desc: d
  condition: evt.type = sessionend
  output: '%session.id %evt.arg.reason %session.status %session.alerts %session.commands of %proc.name'
  priority: NOTICE
- rule: In a session
  desc: d
  condition: evt.type in (openat, execve, procexit) and session.kind = exec
  output: '%evt.type in %session.cmdline by %proc.name'
  priority: INFO
";

/// In a cgroup and mount namespace.
fn within(mut record: Vec<u8>, cgroup: u64, mnt: u32) -> Vec<u8> {
    let mut set = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    set(offset_of!(Header, cgroup), &cgroup.to_ne_bytes());
    let task = offset_of!(Header, task);
    set(task + offset_of!(Task, mnt_ns), &mnt.to_ne_bytes());
    set(task + offset_of!(Task, pid_ns), &mnt.to_ne_bytes());
    record
}

fn fork(child: Task, maker: u32, path: &str) -> Vec<u8> {
    let mut fork = Fork::new_zeroed();
    (fork.creator_tgid, fork.creator_start_time) = (maker, u64::from(maker) * ProcKey::TICK);
    let items: &[(u8, &[u8])] = &[(tag::CGROUP_PATH, path.as_bytes())];
    record(Class::FORK, NO_SYSCALL, child, &fork, items)
}

fn exit(tgid: u32, code: u32) -> Vec<u8> {
    let exit = Exit {
        code,
        reaper_tid: 0,
    };
    let record = record(Class::EXIT, NO_SYSCALL, task(tgid, 10, "sh"), &exit, &[]);
    within(record, 7, 2)
}

/// A shim, 10, with a container of which 50 is the init, and an exec of `sh` as 60.
fn session() -> Vec<Vec<u8>> {
    let container = format!("/docker/{CONTAINER}");
    let mut init = task(50, 10, "nginx");
    init.vpid = 1;
    vec![
        within(fork(task(10, 1, "shim"), 1, "/system.slice"), 1, 1),
        within(fork(init, 10, &container), 7, 2),
        within(fork(task(60, 10, "runc"), 10, &container), 7, 2),
        within(exec(60, 10, "sh", b"sh\0-i"), 7, 2),
    ]
}

fn messages(records: Vec<Vec<u8>>) -> Vec<String> {
    let set = Arc::new(ArcSwap::from_pointee(rules(SESSIONS)));
    let ignore = Box::new(|_| {});
    let outcome = decide_with(vec![records], Matching::First, vec![], set, ignore);
    outcome
        .alerts
        .into_iter()
        .map(|alert| {
            assert_eq!(alert.session.as_ref().unwrap().root.cmdline, "sh -i");
            let (message, _) = alert.message.split_once(" container_id=").unwrap();
            message.to_owned()
        })
        .collect()
}

#[test]
fn everything_in_a_session_names_it_and_the_end_tells_all() {
    let mut records = session();
    records.push(within(open(60, b"/x", b"/x"), 7, 2));
    records.push(within(exec(60, 10, "id", b"id"), 7, 2));
    records.push(within(open(50, b"/x", b"/x"), 7, 2));
    records.push(exit(60, 3 << 8));
    let told = messages(records);
    let wanted = [
        "execve in sh -i by sh",
        "openat in sh -i by sh",
        "execve in sh -i by id",
        "procexit in sh -i by id",
        "-3c-3c exited 3 4 (sh -i,id) of id",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn the_agent_may_end_first() {
    let told = messages(session());
    let wanted = [
        "execve in sh -i by sh",
        "-3c-3c agent_stopped <NA> 1 (sh -i) of sh",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn the_end_is_told_once_when_late_events_had_their_time() {
    let set = rules(SESSIONS);
    let (mut decider, mut made, _) = decider(&Config::default());
    let now = Instant::now();
    decider.begin(now, 0);
    decider.notice(Notice::Scanned);
    // Shim and init were there, as far as it matters: 10 and 50 come with the records.
    for record in session() {
        decider.record(&set, &record);
    }
    decider.settle_all(&set);
    let key = ProcKey {
        tgid: 60,
        start_ticks: 60,
    };
    assert_eq!(decider.state.sessions.to_check(), [key]);
    decider.notice(Notice::Gone(key));
    let mut ended = |after: u64, decider: &mut Decider| {
        decider.tell_ended_sessions(&set, now + Duration::from_millis(after));
        let made = std::iter::from_fn(|| made.try_recv());
        made.filter(|alert| alert.rule == "Ended").count()
    };
    assert_eq!(ended(10, &mut decider), 0);
    assert_eq!(ended(1000, &mut decider), 1);
    decider.tell_all_sessions(&set);
    assert_eq!(ended(2000, &mut decider), 0);
}

#[test]
fn sessions_without_room_are_told() {
    let limits = Limits {
        sessions: 0,
        ..Limits::default()
    };
    let (mut decider, _made, lost) = decider(&Config::default());
    let state = State::new(
        process::Limits::default(),
        64,
        EPOCH,
        Arc::default(),
        "h".into(),
    );
    decider.state = state.with_sessions(limits, "");
    let set = rules(SESSIONS);
    decider.notice(Notice::Scanned);
    for record in session() {
        decider.record(&set, &record);
    }
    decider.settle_all(&set);
    decider.tell_refused_sessions();
    let told: Vec<String> = lost.take().map(|(_, blind)| blind.message).collect();
    let wanted = format!("1 exec sessions of container {CONTAINER} were lost at sessions");
    assert!(told[0].starts_with(&wanted), "{told:?}");
}
