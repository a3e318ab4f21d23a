//! The life of processes.

use std::process::Command;

use komainu::{decode::Lifecycle, event::Value};

use crate::{
    Test,
    watch::{Watch, finish, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("process_fork_and_exit", fork_and_exit),
    (
        "process_threads_are_not_processes",
        threads_are_not_processes,
    ),
    ("process_memory_and_limits", memory_and_limits),
    ("process_exit_is_an_event", exit_is_an_event),
    ("process_killed_in_mid_event", killed_in_mid_event),
    ("process_agent_itself_is_excluded", agent_itself_is_excluded),
];

fn fork_and_exit(watch: &mut Watch) {
    let (child, seen) = watch.during(|| {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exit 3"])
            .spawn()
            .unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(3));
        child.id()
    });
    let life = seen.of(child, |decoded| match &decoded.lifecycle {
        Some(Lifecycle::Fork(fork)) => Some(format!("fork of {}", fork.task.ppid)),
        Some(Lifecycle::Exec(_)) => Some("exec".to_owned()),
        Some(Lifecycle::Exit(exit)) => Some(format!("exit {}", exit.code >> 8)),
        Some(Lifecycle::Cgroup(_)) | None => None,
    });
    // The fork is ours, and what the agent does is not recorded.
    assert_eq!(life, ["exec", "exit 3"]);
    let (shell, seen) = watch.during(|| {
        let mut shell = Command::new("/bin/sh");
        let child = shell.args(["-c", "/bin/true; /bin/true; exit 0"]).spawn();
        finish(child.unwrap()).0
    });
    let forks = seen.all(|decoded| match &decoded.lifecycle {
        Some(Lifecycle::Fork(fork)) => {
            (fork.creator.tgid == shell && fork.task.ppid == shell).then_some(fork.task.tgid)
        }
        _ => None,
    });
    assert_eq!(forks.len(), 2, "{forks:?}");
}

fn threads_are_not_processes(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("thread-open", &["/etc/hostname"]));
    let exits = seen.of(child, |decoded| match &decoded.lifecycle {
        Some(Lifecycle::Exit(_)) => Some(decoded.header.task.tgid),
        _ => None,
    });
    assert_eq!(
        exits,
        [child],
        "one exit for the process, none for the thread"
    );
}

/// Status, signal, and who gets the children that are left.
fn exit_is_an_event(watch: &mut Watch) {
    let scripts = ["exit 3", "kill -9 $$", "sleep 0.3 & exit 0"];
    for (script, expected) in scripts.iter().zip([[3 << 8, 3, 0], [9, 0, 9], [0, 0, 0]]) {
        let (shell, seen) = watch.during(|| {
            let mut shell = Command::new("/bin/sh")
                .args(["-c", script])
                .spawn()
                .unwrap();
            shell.wait().unwrap();
            shell.id()
        });
        let [status, ret, signal, core, reaper] = seen.one(shell, |decoded| {
            let event = decoded
                .event
                .as_ref()
                .filter(|event| event.ty.name == "procexit")?;
            let values = event.params.iter().map(|value| match value {
                Value::Int(number) => *number,
                Value::Uint(number) => number.cast_signed(),
                other => panic!("{other:?}"),
            });
            values.collect::<Vec<i64>>().try_into().ok()
        });
        assert_eq!(([status, ret, signal], core), (expected, 0), "{script}");
        assert_eq!(reaper != 0, script.contains('&'), "{script}: {reaper}");
    }
}

/// A shell with a limit of its own tells its size by a child that it makes the same way.
fn memory_and_limits(watch: &mut Watch) {
    let script = "ulimit -S -n 77; grep VmSize /proc/$$/status; exit 0";
    let (output, seen) = watch.during(|| {
        let output = Command::new("/bin/sh").args(["-c", script]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    });
    let size: u64 = output.split_whitespace().nth(1).unwrap().parse().unwrap();
    let forks = seen.all(|decoded| match &decoded.lifecycle {
        Some(Lifecycle::Fork(fork)) if fork.usage.fd_limit == 77 => Some(fork.usage),
        _ => None,
    });
    let [fork] = forks[..] else {
        panic!("{forks:?}");
    };
    assert_eq!(fork.vm_size, size, "a copy is as large");
    assert!(fork.vm_rss < fork.vm_size, "{fork:?}");
    let execs = seen.all(|decoded| match &decoded.lifecycle {
        Some(Lifecycle::Exec(exec)) if exec.argv.starts_with(b"grep\0") => Some(exec.usage),
        _ => None,
    });
    let [exec] = execs[..] else {
        panic!("{execs:?}");
    };
    assert_eq!(exec.fd_limit, 77);
    assert!(exec.minor_faults > fork.minor_faults, "{exec:?}");
    assert!(0 < exec.vm_size && exec.vm_size < 64 * 1024, "{exec:?}");
}

/// Whatever state a dying process is in, its records decode.
fn killed_in_mid_event(watch: &mut Watch) {
    let (children, seen) = watch.during(|| {
        (0..50)
            .map(|round| {
                let mut child = Command::new("/bin/sh")
                    .args(["-c", "while :; do /bin/true < /etc/hostname; done"])
                    .spawn()
                    .unwrap();
                std::thread::sleep(std::time::Duration::from_micros(200 * round));
                child.kill().unwrap();
                child.wait().unwrap();
                child.id()
            })
            .collect::<Vec<_>>()
    });
    for child in children {
        let exits = seen.of(child, |decoded| {
            matches!(decoded.lifecycle, Some(Lifecycle::Exit(_))).then_some(())
        });
        assert_eq!(exits.len(), 1);
    }
}

fn agent_itself_is_excluded(watch: &mut Watch) {
    let ((), seen) = watch.during(|| drop(std::fs::File::open("/etc/hostname")));
    assert!(seen.of(std::process::id(), |_| Some(())).is_empty());
}
