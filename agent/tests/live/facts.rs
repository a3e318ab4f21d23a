//! Facts that are recorded only where a rule reads them.

use std::{fs::File, os::fd::OwnedFd, os::unix::net::UnixStream, process::Command};

use komainu::{event::FdKind, kernel::Tables};
use komainu_common::{
    Class,
    facts::{DESCRIPTORS, STDIO},
};

use crate::{
    Test,
    watch::{Watch, text},
};

pub(crate) const TESTS: &[Test] = &[("facts_of_an_exec", of_an_exec)];

/// Runs a program with a file, a socket and nothing as its standard descriptors. Its id, and how many descriptors it
/// has.
fn run() -> (u32, u32) {
    let (socket, other) = UnixStream::pair().unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", "exec /bin/sleep 0.3 2>&-"])
        .stdin(File::open("/etc/hostname").unwrap())
        .stdout(OwnedFd::from(socket))
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(150));
    let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
    let open = u32::try_from(open.count()).unwrap();
    child.wait().unwrap();
    drop(other);
    (child.id(), open)
}

fn of_an_exec(watch: &mut Watch) {
    for (facts, wanted) in [(0, false), (STDIO | DESCRIPTORS, true)] {
        let tables = Tables {
            facts: vec![(Class::EXEC, facts)],
            ..Tables::default()
        };
        watch.kernel.prepare(&tables, false).unwrap();
        watch.kernel.commit().unwrap();
        let ((child, descriptors), seen) = watch.during(run);
        let execs = seen.of(child, |decoded| {
            let event = decoded.event.as_ref()?;
            let streams = event.stdio.each_ref().map(|stream| {
                stream
                    .as_ref()
                    .map(|stream| (stream.kind, text(stream.name)))
            });
            (event.ty.name == "execve").then_some((
                streams,
                event.open_descriptors,
                event.task.threads,
            ))
        });
        let [_, (streams, open, threads)] = &execs[..] else {
            panic!("{execs:#?}");
        };
        assert_eq!(*threads, 1);
        if !wanted {
            assert_eq!((streams, open), (&[None, None, None], &None));
            continue;
        }
        let file = Some((FdKind::File, "/etc/hostname".to_owned()));
        let socket = Some((FdKind::Unix, String::new()));
        assert_eq!((streams, open), (&[file, socket, None], &Some(descriptors)));
    }
}
