//! Sessions against sequences of records, and against what `/proc` shows.

mod model;
mod room;
mod scan;
mod script;

use script::{Machine, Put};

use super::*;

/// A container that runs: its init is process 50, made by the shim, 10.
fn running() -> Machine {
    let mut machine = Machine::new();
    machine.begin_container(50);
    machine
}

#[test]
fn what_a_runtime_starts_in_a_running_container_is_a_session() {
    let mut machine = running();
    machine.exec_into(60, b"sh\0-i", 34_816);
    let session = machine.session(60).unwrap();
    assert_eq!(&*session.cmdline, b"sh -i", "not the runtime's stage");
    assert_eq!(&*session.id, "b007-3e-3e");
    assert_eq!((session.kind.name(), session.tty), ("exec", true));
    assert_eq!((session.root.tgid, session.processes), (62, 1));
    assert!(!session.partial);
    for outside in [10, 50, 60, 61] {
        assert!(machine.of(outside).is_none(), "{outside}");
    }
}

#[test]
fn a_stage_that_starts_the_runtime_anew_is_none_yet() {
    let mut machine = running();
    machine.fork(60, 10, Put::HOST);
    machine.fork(61, 60, Put::A);
    machine.exec(61, b"runc\0init", Put::A);
    assert!(machine.of(61).is_none());
    machine.exec(61, b"id", Put::A.inside());
    assert_eq!(&*machine.of(61).unwrap().cmdline, b"id");
}

/// runc 1.1 moves its last stage, which is in the container's namespaces by then.
#[test]
fn the_last_stage_is_moved() {
    let mut machine = Machine::new();
    let there = Put::HOST.inside().in_pid_ns();
    let here = Put::A.inside().in_pid_ns();
    machine.fork(48, 10, Put::HOST);
    machine.fork(49, 48, Put::HOST);
    machine.fork_of(50, 49, 48, there.init());
    machine.exec(50, b"nginx", here.init());
    machine.fork(60, 10, Put::HOST);
    machine.exec(60, b"runc\0exec", Put::HOST);
    machine.fork(61, 60, Put::HOST);
    machine.fork_of(62, 61, 60, there);
    machine.exec(62, b"sh", here);
    assert!(machine.of(50).is_none());
    assert_eq!(&*machine.of(62).unwrap().cmdline, b"sh");
}

#[test]
fn moved_from_outside_and_nothing_else() {
    let mut machine = running();
    machine.fork(60, 10, Put::HOST);
    machine.seen(60, Put::A);
    machine.exec(60, b"sh", Put::A);
    assert!(machine.of(60).is_none(), "it runs programs of the host");
    machine.seen(60, Put::HOST);
    machine.exec(60, b"sh", Put::HOST.inside());
    assert!(machine.of(60).is_none(), "it left");
}

#[test]
fn a_fork_inherits_wherever_it_goes() {
    let mut machine = running();
    machine.exec_into(60, b"sh", 0);
    machine.fork(70, 62, Put::A.inside());
    machine.fork(71, 70, Put::A_BELOW.inside());
    machine.fork(72, 71, Put::HOST);
    machine.exec(72, b"escaped", Put::HOST);
    machine.seen(70, Put::B);
    machine.fork(73, 70, Put::B.inside());
    machine.exec(73, b"elsewhere", Put::B.inside().named(9));
    for process in [70, 71, 72, 73] {
        assert_eq!(machine.of(process).unwrap().root.tgid, 62, "{process}");
    }
    let session = machine.of(62).unwrap();
    assert_eq!((session.processes, session.commands.run()), (5, 3));
    let lines: Vec<&[u8]> = session.commands.lines().collect();
    assert_eq!(lines, [&b"sh"[..], b"escaped", b"elsewhere"]);
}

#[test]
fn with_the_makers_parent_as_its_own() {
    let mut machine = running();
    machine.exec_into(60, b"sh", 0);
    machine.fork_of(70, 62, 10, Put::A.inside());
    machine.exec(70, b"id", Put::A.inside());
    assert_eq!(machine.of(70).unwrap().root.tgid, 62, "CLONE_PARENT");
}

#[test]
fn nothing_in_a_container_makes_itself_a_session() {
    let mut machine = running();
    machine.fork(70, 50, Put::A.inside());
    machine.seen(70, Put::HOST);
    machine.seen(70, Put::A);
    machine.exec(70, b"sh", Put::A.inside().named(9));
    machine.fork(71, 70, Put::HOST);
    machine.seen(71, Put::B);
    machine.exec(71, b"sh", Put::B.inside().named(9));
    machine.fork_of(72, 50, 10, Put::A_BELOW.inside());
    machine.exec(72, b"sh", Put::A_BELOW.inside().named(9));
    for process in [50, 70, 71, 72] {
        assert!(machine.of(process).is_none(), "{process}");
    }
}

/// With a pid namespace of its own the container's init is number 1 of it; else the first.
#[test]
fn init_is_none() {
    let mut machine = Machine::new();
    machine.begin_container(50);
    assert!(machine.of(50).is_none());
    let mut machine = Machine::new();
    machine.fork(50, 10, Put::HOST);
    machine.fork(51, 50, Put::A);
    machine.exec(51, b"nginx", Put::A.inside());
    machine.fork(52, 51, Put::A.inside());
    machine.exec(52, b"worker", Put::A.inside());
    assert!(machine.of(51).is_none() && machine.of(52).is_none());
    machine.exec_into(60, b"sh", 0);
    assert!(machine.of(62).is_some());
    // Started anew under the same id.
    for process in [62, 52, 51] {
        machine.exit(process, 0);
    }
    machine.fork(80, 10, Put::A);
    machine.exec(80, b"nginx", Put::A.inside());
    assert!(machine.of(80).is_none());
}

#[test]
fn ends_with_the_last_process() {
    let mut machine = running();
    machine.exec_into(60, b"sh", 0);
    machine.fork(70, 62, Put::A.inside());
    machine.exec(70, b"daemon", Put::A.inside());
    assert_eq!(machine.exit(62, 3 << 8), None, "the daemon goes on");
    assert_eq!(machine.of(70).unwrap().exit_status(), Some(3));
    machine.fork(71, 70, Put::A.inside());
    assert_eq!(machine.exit(70, 0), None);
    let number = machine.exit(71, 9).unwrap();
    let sessions = &mut machine.state.sessions;
    let session = sessions.get(number).unwrap();
    assert_eq!((session.exit_status(), session.processes), (Some(3), 3));
    assert!(session.ended.is_some());
    assert!(
        sessions.close(number) && !sessions.close(number),
        "told once"
    );
    assert_eq!(sessions.untold(), []);
    assert!(machine.of(71).is_some(), "late events still name it");
    machine.state.sessions.expire(u64::MAX);
    assert_eq!(machine.state.sessions.sizes(), [0, 0]);
}

#[test]
fn a_lost_exit_is_found_out() {
    let mut machine = running();
    machine.exec_into(60, b"sh", 0);
    let asked = machine.state.sessions.to_check();
    assert_eq!(asked, [script::key(62)]);
    assert_eq!(machine.state.sessions.to_check(), asked, "again and again");
    assert!(machine.state.sessions.gone(asked[0], 5).is_some());
    assert_eq!(machine.state.sessions.gone(asked[0], 5), None);
    assert_eq!(machine.exit(62, 1 << 8), None);
    assert_eq!(machine.of(62).unwrap().exit_status(), Some(1));
    assert_eq!(machine.state.sessions.to_check(), []);
}

#[test]
fn pid_reuse_is_no_return() {
    let mut machine = running();
    machine.exec_into(60, b"sh", 0);
    machine.exit(62, 0);
    let mut reused = script::task(62, 50, Put::A.inside());
    reused.start_time += 100 * ProcKey::TICK;
    machine.state.seen(&reused, Put::A.cgroup);
    let key = ProcKey::new(62, reused.start_time);
    assert!(machine.state.sessions.of(key).is_none());
}

#[test]
fn what_finds_no_room_is_counted() {
    let limits = Limits {
        sessions: 2,
        processes: 3,
        ..Limits::default()
    };
    let mut machine = Machine::with(limits);
    machine.begin_container(50);
    for pid in [60, 70, 80] {
        machine.exec_into(pid, b"sh", 0);
    }
    assert!(machine.of(72).is_some() && machine.of(82).is_none());
    machine.fork(90, 62, Put::A.inside());
    machine.fork(91, 62, Put::A.inside());
    assert!(machine.of(90).is_some() && machine.of(91).is_none());
    let refused = machine.state.sessions.take_refused();
    assert_eq!((refused.sessions, refused.processes), (1, 1));
    assert_eq!(machine.state.sessions.take_refused(), Refused::default());
    // What ended, and was told, makes room.
    let ended = machine.exit(72, 0).unwrap();
    assert!(machine.state.sessions.close(ended));
    machine.exec_into(100, b"sh", 0);
    assert!(machine.of(102).is_some());
}

/// On a machine that is a container itself (kind), the runtime is in a container too, which it does not know.
#[test]
fn inside_a_node_that_is_a_container() {
    let mut machine = Machine::new();
    machine.node_in_a_container();
    machine.exec_into_from(60, 40, Put::NODE, b"sh");
    assert!(
        machine.of(62).is_none(),
        "the container within is not known"
    );
    machine.tell(Put::IN_NODE);
    machine.exec_into_from(70, 40, Put::NODE, b"sh");
    assert!(machine.of(72).is_some());
    assert!(machine.of(40).is_none());
}

/// The first process of a container is not number 1 of its pid namespace, and what was known of it was forgotten.
#[test]
fn a_forgotten_init_is_no_session() {
    let mut machine = Machine::new();
    machine.state.sessions.marks = Marks::new(3);
    let put = Put::A.inside().in_pid_ns();
    machine.fork(50, 10, put);
    machine.exec(50, b"nginx", put);
    machine.fork(51, 50, put);
    for other in 52..55 {
        machine.fork(other, 51, put);
    }
    assert!(machine.state.sessions.marks.get(script::key(50)).is_none());
    machine.fork(60, 50, put);
    machine.exec(60, b"worker", put);
    machine.exec(50, b"nginx", put);
    for own in [50, 51, 60] {
        assert!(machine.of(own).is_none(), "{own}");
    }
    // Whose parent is outside of the container, as that of a session is.
    machine.fork_of(70, 50, 10, put);
    for other in 80..84 {
        machine.fork(other, 51, put);
    }
    machine.exec(70, b"sh", put);
    assert!(machine.of(70).is_none());
    assert_eq!(machine.state.sessions.take_refused().sessions, 1);
    // An exec is one still: there are older processes, which are known for the container's own.
    machine.exec_into(90, b"sh", 0);
    assert!(machine.session(90).is_some());
}

/// A container that the runtime has not told of, or never will, names a cgroup like one that runs.
#[test]
fn a_forged_name_begins_no_session() {
    let mut machine = running();
    machine.fork(30, 10, Put::B.named(4).in_pid_ns().init());
    machine.exec(30, b"nginx", Put::B.named(4).in_pid_ns().init());
    machine.tell(Put::B);
    let forged = Put::FORGED.in_pid_ns();
    machine.fork(70, 50, Put::A.inside().in_pid_ns());
    machine.seen(70, forged.inside());
    machine.exec(70, b"sh", forged.named(9));
    machine.fork(71, 50, forged.inside());
    machine.exec(71, b"sh", forged.named(9));
    // Nor where it gets into the other's own.
    machine.fork(72, 50, Put::B.inside().in_pid_ns());
    machine.exec(72, b"sh", Put::B.named(4).in_pid_ns());
    // Nor where the record of the fork is lost.
    machine.exec(73, b"sh", forged.named(9).child_of(50));
    for process in 70..74 {
        assert!(machine.of(process).is_none(), "{process}");
    }
}

/// Records of forks are lost: the parents tell, where they can.
#[test]
fn lost_forks() {
    let mut machine = running();
    machine.exec(70, b"id", Put::A.inside().child_of(50));
    assert!(machine.of(70).is_none());
    machine.exec(71, b"id", Put::A.inside().child_of(10).in_pid_ns());
    assert!(machine.of(71).is_some_and(|session| session.partial));
    machine.exec(72, b"id", Put::A.inside().child_of(71));
    assert_eq!(machine.of(72).unwrap().root.tgid, 71);
    machine.exec(73, b"id", Put::A.inside().child_of(10));
    assert!(
        machine.of(73).is_none(),
        "in the host's pid namespace orphans have that parent too"
    );
}
