//! Sessions that were there before the agent.

use super::script::{Machine, Put, key, task};
use crate::enrich::proc::Scanned;
use crate::enrich::process::Found;
use crate::event::{ExeFacts, Process};

const INSIDE: Put = Put::A.inside().in_pid_ns();

/// As `/proc` shows a process.
fn found(machine: &mut Machine, pid: u32, parent: u32, name: &[u8], put: Put) {
    found_as(machine, pid, parent, name, put, ExeFacts::default());
}

fn found_as(machine: &mut Machine, pid: u32, parent: u32, name: &[u8], put: Put, exe: ExeFacts) {
    let process = Process {
        tgid: pid,
        parent: Some(key(parent)),
        comm: name.into(),
        cmdline: name.into(),
        cgroup: put.cgroup,
        exe_file: exe,
        task: Some(Box::new(task(pid, parent, put))),
        ..Process::default()
    };
    machine.state.found(Scanned {
        found: Found {
            key: key(pid),
            process,
        },
        cgroup_path: Vec::new(),
    });
}

/// A container with init 50 and its worker 51.
fn before(machine: &mut Machine) {
    machine.state.sessions.is_scanned = false;
    found(machine, 50, 10, b"nginx", INSIDE.init().led_by(50));
    found(machine, 51, 50, b"worker", INSIDE.led_by(50));
}

#[test]
fn from_before_the_agent() {
    let mut machine = Machine::new();
    before(&mut machine);
    found(&mut machine, 60, 10, b"sh", INSIDE.led_by(60));
    found(&mut machine, 61, 60, b"top", INSIDE.led_by(60));
    // Its parent exited, and init got it.
    found(&mut machine, 63, 50, b"orphan", INSIDE.led_by(60));
    found(&mut machine, 64, 63, b"child", INSIDE.led_by(64));
    machine.state.scanned();
    let session = machine.of(60).unwrap();
    assert_eq!((&*session.cmdline, session.processes), (&b"sh"[..], 4));
    assert_eq!(&*session.id, "b007-3c-3c");
    assert!(session.partial);
    for process in [61, 63, 64] {
        assert_eq!(machine.of(process).unwrap().root.tgid, 60, "{process}");
    }
    assert!(machine.of(50).is_none() && machine.of(51).is_none());
    machine.exec_into(70, b"sh", 0);
    assert!(machine.of(72).is_some());
}

/// A container that shares the pid namespace of its pod: pause, 40, is its init.
#[test]
fn the_oldest_of_a_container_is_its_init() {
    let mut machine = Machine::new();
    machine.state.sessions.is_scanned = false;
    found(&mut machine, 52, 10, b"sh", INSIDE);
    found(
        &mut machine,
        40,
        10,
        b"pause",
        Put::B.named(4).in_pid_ns().init(),
    );
    found(&mut machine, 50, 10, b"nginx", INSIDE);
    machine.state.scanned();
    assert!(machine.of(50).is_none() && machine.of(40).is_none());
    assert_eq!(machine.of(52).unwrap().root.tgid, 52);
}

/// Orphans of the container's own have the shim as their parent.
#[test]
fn in_the_hosts_pid_namespace_there_is_no_guess() {
    let mut machine = Machine::new();
    machine.state.sessions.is_scanned = false;
    found(&mut machine, 50, 10, b"nginx", Put::A.inside());
    found(&mut machine, 52, 10, b"orphan", Put::A.inside());
    machine.state.scanned();
    assert!(machine.of(50).is_none() && machine.of(52).is_none());
    machine.exec_into(60, b"sh", 0);
    assert!(machine.of(62).is_some());
}

/// The last stage has the container's namespaces, and runs the runtime still.
#[test]
fn a_stage_of_the_runtime() {
    let mut machine = Machine::new();
    before(&mut machine);
    let runc = ExeFacts {
        inode: 7,
        ctime: 8,
        ..ExeFacts::default()
    };
    found_as(&mut machine, 60, 10, b"runc", Put::HOST, runc);
    found_as(&mut machine, 62, 60, b"runc:[2:INIT]", INSIDE, runc);
    found(&mut machine, 63, 60, b"runc:[1:CHILD]", Put::A);
    machine.state.scanned();
    assert!(machine.of(62).is_none() && machine.of(63).is_none());
    machine.exec(62, b"sh", INSIDE);
    let session = machine.of(62).unwrap();
    assert_eq!((&*session.cmdline, session.partial), (&b"sh"[..], false));
}

/// Read after all others, because it was known by name only.
#[test]
fn late() {
    let mut machine = Machine::new();
    before(&mut machine);
    machine.state.scanned();
    found(&mut machine, 60, 10, b"sh", INSIDE);
    assert!(machine.of(60).is_some());
    found(&mut machine, 61, 50, b"worker", INSIDE);
    assert!(machine.of(61).is_none());
}
