//! The table against sequences of records.

use std::sync::Arc;

use komainu_common::exec::Ancestor;
use komainu_common::{Task, Usage};
use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes as _};

use super::*;
use crate::decode::{Ancestors, ExecRecord, ForkRecord};
use crate::event::{ExeFacts, ProcKey, Process};

const EPOCH: u64 = 1_700_000_000_000_000_000;
const TICK: u64 = ProcKey::TICK;

fn padded(name: &str) -> [u8; 16] {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    comm
}

fn task(tgid: u32, parent: u32, comm: &str) -> Task {
    let mut task = Task::new_zeroed();
    task.tgid = tgid;
    task.tid = tgid;
    task.start_time = u64::from(tgid) * TICK;
    task.ppid = parent;
    task.parent_start_time = u64::from(parent) * TICK;
    task.comm = padded(comm);
    task
}

fn key(tgid: u32) -> ProcKey {
    ProcKey {
        tgid,
        start_ticks: u64::from(tgid),
    }
}

/// Told apart by its number.
fn usage(number: u64) -> Usage {
    Usage {
        vm_size: number,
        ..Usage::default()
    }
}

fn table() -> ProcessTable {
    ProcessTable::new(Limits::default(), EPOCH)
}

fn fork(table: &mut ProcessTable, child: u32, parent: u32, comm: &str) {
    table.fork(&ForkRecord {
        task: task(child, parent, comm),
        time: 0,
        cgroup_path: None,
        creator: key(parent),
        cgroup: 7,
        pidns_init_time: EPOCH + TICK,
        usage: usage(1),
    });
}

fn exec_with(table: &mut ProcessTable, task: &Task, argv: &[u8], ancestors: &[Ancestor]) {
    exec_at(table, 0, task, argv, ancestors);
}

fn exec_at(table: &mut ProcessTable, time: u64, task: &Task, argv: &[u8], ancestors: &[Ancestor]) {
    let execed = ExecRecord {
        usage: usage(2),
        task: *task,
        time,
        cgroup: 9,
        pidns_init_time: EPOCH + 5,
        exe_file: ExeFacts {
            upper_layer: true,
            ..ExeFacts::default()
        },
        argv,
        env: b"A=1\0B=2",
        cwd: b"/tmp",
        exe_path: b"/usr/bin/true",
        ancestors: Ancestors::new(ancestors.as_bytes()),
        cgroup_path: None,
    };
    table.exec(&execed);
}

fn ancestor(tgid: u32, comm: &str) -> Ancestor {
    Ancestor {
        start_time: u64::from(tgid) * TICK,
        tgid,
        sid: 0,
        comm: padded(comm),
    }
}

fn names(table: &ProcessTable, of: u32) -> Vec<String> {
    let name = |p: &Process| String::from_utf8_lossy(&p.comm).into_owned();
    table.ancestors(key(of)).map(name).collect()
}

/// What a machine that starts a thousand programs a second keeps for half a minute.
#[test]
fn an_environment_that_is_passed_on_is_kept_once() {
    let mut table = table();
    exec_with(&mut table, &task(10, 1, "make"), b"make", &[]);
    fork(&mut table, 11, 10, "make");
    let env = |table: &ProcessTable, of| Arc::clone(&table.get(key(of)).unwrap().env);
    assert!(Arc::ptr_eq(&env(&table, 10), &env(&table, 11)));
    exec_with(&mut table, &task(11, 10, "cc"), b"cc", &[]);
    assert!(Arc::ptr_eq(&env(&table, 10), &env(&table, 11)));
    exec_with(&mut table, &task(12, 1, "make"), b"make", &[]);
    assert!(
        !Arc::ptr_eq(&env(&table, 10), &env(&table, 12)),
        "a stranger's"
    );
}

#[test]
fn a_late_exec_does_not_replace_a_later_one() {
    let mut table = table();
    exec_at(&mut table, 2, &task(10, 1, "id"), b"id", &[]);
    exec_at(&mut table, 1, &task(10, 1, "sh"), b"sh", &[]);
    assert_eq!(&*table.get(key(10)).unwrap().comm, b"id");
    exec_at(&mut table, 3, &task(10, 1, "sh"), b"sh", &[]);
    assert_eq!(&*table.get(key(10)).unwrap().comm, b"sh");
}

#[test]
fn exec_replaces() {
    let mut table = table();
    exec_with(&mut table, &task(10, 1, "bash"), b"-bash\0-c\0id", &[]);
    let bash = table.get(key(10)).unwrap();
    assert_eq!(&*bash.comm, b"bash");
    assert_eq!(&*bash.exe, b"-bash");
    assert_eq!(&*bash.args, b"-c\0id");
    assert_eq!(&*bash.cmdline, b"bash -c id");
    assert_eq!(&*bash.cwd, b"/tmp/");
    assert_eq!(&*bash.env, b"A=1\0B=2");
    assert_eq!(bash.clone_time, EPOCH + 10 * TICK);
    assert_eq!(bash.pidns_init_time, EPOCH + 5);
    assert_eq!(bash.parent, Some(key(1)));
    assert!(bash.exe_file.upper_layer && !bash.exe_file.memfd);
    exec_with(&mut table, &task(10, 1, "ls"), b"ls", &[]);
    let ls = table.get(key(10)).unwrap();
    assert_eq!((&*ls.cmdline, &*ls.args), (&b"ls"[..], &b""[..]));
    assert_eq!(table.len(), 1);
}

#[test]
fn memfd_path() {
    let mut table = table();
    let execed = ExecRecord {
        usage: usage(2),
        task: task(3, 1, "x"),
        time: 0,
        cgroup: 0,
        pidns_init_time: 0,
        exe_file: ExeFacts {
            memfd: true,
            ..ExeFacts::default()
        },
        argv: b"x",
        env: b"",
        cwd: b"",
        exe_path: b"/memfd:evil",
        ancestors: Ancestors::new(&[]),
        cgroup_path: None,
    };
    table.exec(&execed);
    assert_eq!(&*table.get(key(3)).unwrap().exe_path, b"memfd:evil");
}

#[test]
fn fork_copies_and_takes_its_own_comm() {
    let mut table = table();
    exec_with(&mut table, &task(10, 1, "bash"), b"bash\0-i", &[]);
    fork(&mut table, 11, 10, "bash");
    fork(&mut table, 12, 10, "renamed");
    let child = table.get(key(11)).unwrap();
    assert_eq!(
        (&*child.cmdline, child.tgid, child.parent),
        (&b"bash -i"[..], 11, Some(key(10)))
    );
    assert_eq!((&*child.exe_path, child.cgroup), (&b"/usr/bin/true"[..], 7));
    assert_eq!(child.clone_time, EPOCH + 11 * TICK);
    assert_eq!(&*table.get(key(12)).unwrap().cmdline, b"renamed -i");
}

#[test]
fn pid_reuse_is_another_process() {
    let mut table = table();
    exec_with(&mut table, &task(10, 1, "old"), b"old", &[]);
    let mut reused = task(10, 1, "new");
    reused.start_time = 99 * TICK;
    exec_with(&mut table, &reused, b"new", &[]);
    assert_eq!(&*table.get(key(10)).unwrap().comm, b"old");
    assert_eq!(
        &*table.get(ProcKey::new(10, 99 * TICK)).unwrap().comm,
        b"new"
    );
}

#[test]
fn exit_leaves_a_tombstone_for_its_time() {
    let mut table = table();
    exec_with(&mut table, &task(10, 1, "sh"), b"sh", &[]);
    exec_with(&mut table, &task(11, 10, "ls"), b"ls", &[]);
    table.exit(&task(10, 1, "sh"), 0, 1000);
    table.expire(Limits::default().linger + 999);
    assert_eq!(names(&table, 11), ["sh"]);
    table.expire(Limits::default().linger + 1000);
    assert!(table.get(key(10)).is_none());
    assert_eq!(names(&table, 11), Vec::<String>::new());
}

#[test]
fn kernel_ancestors_fill_and_relink() {
    let mut table = table();
    exec_with(
        &mut table,
        &task(20, 10, "sh"),
        b"sh",
        &[ancestor(10, "sshd"), ancestor(1, "init")],
    );
    assert_eq!(names(&table, 20), ["sshd", "init"]);
    // sshd died, sh was given to init; its child's exec says so.
    exec_with(
        &mut table,
        &task(21, 20, "ls"),
        b"ls",
        &[ancestor(20, "sh"), ancestor(1, "init")],
    );
    assert_eq!(names(&table, 21), ["sh", "init"]);
    assert!(table.repairs().contains(&key(1)), "known by name only");
}

#[test]
fn ancestor_loops_end() {
    let mut table = table();
    exec_with(&mut table, &task(1, 2, "a"), b"a", &[]);
    exec_with(&mut table, &task(2, 1, "b"), b"b", &[]);
    exec_with(&mut table, &task(3, 3, "self"), b"c", &[]);
    assert_eq!(names(&table, 1), ["b"]);
    assert_eq!(names(&table, 3), Vec::<String>::new());
    for n in 100..300 {
        exec_with(&mut table, &task(n, n - 1, "deep"), b"deep", &[]);
    }
    assert!(names(&table, 299).len() < MAX_ANCESTORS + 1);
}

#[test]
fn orphans_are_repaired_from_proc() {
    let mut table = table();
    exec_with(&mut table, &task(1, 0, "init"), b"init", &[]);
    exec_with(&mut table, &task(10, 1, "sh"), b"sh", &[]);
    exec_with(&mut table, &task(11, 10, "daemon"), b"daemon", &[]);
    assert!(table.repairs().is_empty());
    table.exit(&task(10, 1, "sh"), 0, 5);
    assert_eq!(table.repairs(), [key(11)]);
    assert!(table.repairs().is_empty(), "asked once");
    let process = Process {
        parent: Some(key(1)),
        comm: b"liar"[..].into(),
        ..Process::default()
    };
    table.found(Found {
        key: key(11),
        process,
    });
    assert_eq!(names(&table, 11), ["init"]);
    assert_eq!(
        &*table.get(key(11)).unwrap().comm,
        b"daemon",
        "the record wins"
    );
}

#[test]
fn proc_fills_what_only_an_event_named() {
    let mut table = table();
    assert_eq!(table.touch(&task(10, 1, "x"), 5), None);
    let before = table.touch(&task(10, 1, "x"), 6);
    assert_eq!(before.map(|before| before.cgroup), Some(5));
    assert_eq!(table.stats().missing, 1);
    let process = Process {
        cmdline: b"x -y"[..].into(),
        ..Process::default()
    };
    table.found(Found {
        key: key(10),
        process,
    });
    let filled = table.get(key(10)).unwrap();
    assert_eq!((&*filled.cmdline, filled.cgroup), (&b"x -y"[..], 6));
    assert!(filled.task.is_some());
}

#[test]
fn full_table_forgets_the_dead_first() {
    let limits = Limits {
        processes: 4,
        ..Limits::default()
    };
    let mut table = ProcessTable::new(limits, EPOCH);
    for n in 1..=4 {
        exec_with(&mut table, &task(n, 0, "p"), b"p", &[]);
    }
    table.exit(&task(3, 0, "p"), 0, 1);
    exec_with(&mut table, &task(5, 0, "p"), b"p", &[]);
    assert!(table.get(key(3)).is_none());
    assert_eq!(
        (table.stats().evicted_exited, table.stats().evicted_living),
        (1, 0)
    );
    exec_with(&mut table, &task(6, 0, "p"), b"p", &[]);
    assert_eq!((table.len(), table.stats().evicted_living), (4, 1));
}

proptest! {
    /// Any sequence of records keeps the table within its limits and its byte count right.
    #[test]
    fn bounded(ops in prop::collection::vec((0u8..5, 1u32..40, 0u32..40, 0usize..3000), 0..300)) {
        let limits = Limits { processes: 16, bytes: 8000, linger: 50 };
        let mut table = ProcessTable::new(limits, EPOCH);
        for (now, (op, tgid, parent, size)) in (0u64..).zip(ops) {
            let task = task(tgid, parent, "x");
            match op {
                0 => exec_with(&mut table, &task, &vec![b'a'; size], &[ancestor(parent, "y")]),
                1 => fork(&mut table, tgid, parent, "x"),
                2 => table.exit(&task, 0, now),
                3 => drop(table.touch(&task, 0)),
                _ => table.found(Found { key: key(tgid), process: Process { env: vec![0; size].into(), ..Process::default() } }),
            }
            prop_assert!(table.len() <= 16);
            prop_assert!(table.bytes() <= 8000);
            let counted: usize = (0..40).filter_map(|n| table.get(key(n))).map(|p| {
                p.comm.len() + p.exe.len() + p.args.len() + p.cmdline.len() + p.exe_path.len() + p.env.len() + p.cwd.len()
            }).sum();
            prop_assert_eq!(counted, table.bytes());
            prop_assert!(table.ancestors(key(tgid)).count() <= MAX_ANCESTORS);
            drop(table.repairs());
        }
    }
}
