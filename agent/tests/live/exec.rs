//! Started programs and those that could not be.

use std::process::Command;

use komainu::decode::{Decoded, Lifecycle};
use komainu_common::{Class, Header};
use zerocopy::FromBytes as _;

use crate::{
    Test,
    watch::{Seen, Watch, finish, perform, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("exec_a_thousand_in_order", a_thousand_in_order),
    ("exec_says_who_and_what", says_who_and_what),
    ("exec_of_a_memfd", of_a_memfd),
    ("exec_of_a_script_names_both", of_a_script),
    ("exec_that_fails", that_fails),
    (
        "exec_with_more_arguments_than_fit",
        with_more_arguments_than_fit,
    ),
    ("exec_from_a_second_thread", from_a_second_thread),
];

/// argv of a started program.
fn argv(decoded: &Decoded<'_>) -> Option<String> {
    match &decoded.lifecycle {
        Some(Lifecycle::Exec(exec)) => Some(text(exec.argv).replace('\0', " ")),
        _ => None,
    }
}

fn a_thousand_in_order(watch: &mut Watch) {
    let start = |number: u32| {
        let mut program = Command::new("/bin/true");
        finish(program.arg(number.to_string()).spawn().unwrap()).0
    };
    // Read meanwhile, so that nothing depends on how much the rings hold.
    let mut seen = Seen::default();
    let children = watch.while_running(
        || (0..1000).map(start).collect::<Vec<_>>(),
        |record| {
            let header = Header::read_from_prefix(record).unwrap().0;
            if header.class == Class::EXEC.0 {
                seen.records.push(record.to_vec());
            }
        },
    );
    let own = std::process::id();
    let mut times = Vec::new();
    for (number, &child) in children.iter().enumerate() {
        let (argv, parent, time) = seen.one(child, |decoded| {
            Some((
                argv(decoded)?,
                decoded.header.task.ppid,
                decoded.header.time,
            ))
        });
        assert_eq!(argv, format!("/bin/true {number}"));
        assert_eq!(parent, own);
        times.push(time);
    }
    assert!(times.is_sorted(), "not in the order they happened");
}

fn says_who_and_what(watch: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let (child, seen) = watch.during(|| {
        let child = Command::new("/bin/true")
            .env("KOMAINU_TEST", "a value")
            .current_dir(directory.path())
            .spawn()
            .unwrap();
        finish(child).0
    });
    let own = std::process::id();
    seen.one(child, |decoded| {
        let Some(Lifecycle::Exec(exec)) = &decoded.lifecycle else {
            return None;
        };
        assert_eq!(text(exec.exe_path), resolved("/bin/true"));
        assert_eq!(text(exec.cwd), resolved(directory.path()));
        assert!(
            text(exec.env)
                .split('\0')
                .any(|entry| entry == "KOMAINU_TEST=a value")
        );
        let metadata = std::fs::metadata("/bin/true").unwrap();
        assert_eq!(
            exec.exe_file.inode,
            std::os::unix::fs::MetadataExt::ino(&metadata)
        );
        assert_eq!(
            i64::try_from(exec.exe_file.mtime / 1_000_000_000).unwrap(),
            std::os::unix::fs::MetadataExt::mtime(&metadata)
        );
        assert_eq!((exec.task.euid, exec.task.egid), (0, 0));
        // Ours, in which the child has the number that we know it by.
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
        assert_eq!(
            format!("pid:[{}]", exec.task.pid_ns),
            namespace.to_string_lossy()
        );
        assert_eq!(exec.task.vpid, child);
        let ancestors: Vec<u32> = exec
            .ancestors
            .clone()
            .map(|ancestor| ancestor.tgid)
            .collect();
        assert_eq!(ancestors.first(), Some(&own));
        assert_eq!(ancestors, lineage(own));
        assert!(exec.cgroup_path.is_some_and(|path| path.starts_with(b"/")));
        Some(())
    });
}

/// Process ids from `pid` up to 1, by /proc.
fn lineage(pid: u32) -> Vec<u32> {
    let mut chain = Vec::new();
    let mut next = pid;
    while next != 0 && chain.len() < komainu_common::limits::MAX_ANCESTORS {
        chain.push(next);
        let status = std::fs::read_to_string(format!("/proc/{next}/status")).unwrap();
        let parent = status
            .lines()
            .find_map(|line| line.strip_prefix("PPid:"))
            .unwrap();
        next = parent.trim().parse().unwrap();
    }
    chain
}

fn resolved(path: impl AsRef<std::path::Path>) -> String {
    std::fs::canonicalize(path)
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

fn of_a_memfd(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("memfd-exec", &[]));
    let paths = seen.of(child, |decoded| match &decoded.lifecycle {
        Some(Lifecycle::Exec(exec)) => Some((
            text(exec.exe_path),
            exec.exe_file.memfd,
            exec.exe_file.deleted,
        )),
        _ => None,
    });
    // The first exec is that of the act itself.
    assert_eq!(
        paths.last(),
        Some(&("memfd:komainu-test".to_owned(), true, true))
    );
    assert_eq!(paths.first().map(|path| path.1), Some(false));
}

fn of_a_script(watch: &mut Watch) {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (child, seen) = watch.during(|| finish(Command::new(&script).spawn().unwrap()).0);
    let (argv, executable) = seen.one(child, |decoded| {
        let Some(Lifecycle::Exec(exec)) = &decoded.lifecycle else {
            return None;
        };
        Some((argv(decoded)?, text(exec.exe_path)))
    });
    assert_eq!(argv, format!("/bin/sh {}", script.display()));
    assert_eq!(executable, resolved("/bin/sh"));
}

fn that_fails(watch: &mut Watch) {
    let ((child, output), seen) =
        watch.during(|| perform("exec", &["/nonexistent/program", "one", "two words"]));
    assert_eq!(output.trim(), "2", "ENOENT");
    let failures = seen.of(child, |decoded| {
        let event = decoded.event.as_ref()?;
        (event.ty.name == "execve" && event.ret == Some(-2)).then(|| {
            assert!(
                decoded.lifecycle.is_none(),
                "a failed exec changes no process"
            );
            let value = |name: &str| event.params.get(event.ty.param(name).unwrap()).copied();
            format!("{:?} {:?}", value("exe"), value("args"))
        })
    });
    let expected = format!(
        "{:?} {:?}",
        Some(komainu::event::Value::Bytes(b"/nonexistent/program")),
        Some(komainu::event::Value::Bytes(b"one\0two words")),
    );
    assert_eq!(failures, [expected]);
}

fn with_more_arguments_than_fit(watch: &mut Watch) {
    let long = "x".repeat(100_000);
    let (child, seen) =
        watch.during(|| finish(Command::new("/bin/true").arg(&long).spawn().unwrap()).0);
    let (argv, truncated) = seen.one(child, |decoded| {
        Some((argv(decoded)?, decoded.event.as_ref()?.truncated))
    });
    assert!(truncated, "a cut argv must say so");
    assert_eq!(argv.len(), komainu_common::limits::MAX_ARGV);
    assert!(argv.starts_with("/bin/true xxx"));
}

/// The process keeps its identity though another thread called exec.
fn from_a_second_thread(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("thread-exec", &["/bin/true", "late"]));
    let starts = seen.of(child, |decoded| {
        argv(decoded).map(|argv| (argv, decoded.header.task.start_time))
    });
    assert_eq!(starts.len(), 2, "the act, and what it became: {starts:?}");
    assert_eq!(starts[1].0, "/bin/true late");
    assert!(
        starts.iter().all(|start| start.1 == starts[0].1),
        "start time changed: {starts:?}"
    );
}
