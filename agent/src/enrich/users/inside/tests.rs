//! Names below a root directory that may be hostile.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn directory(path: &Path) -> OwnedFd {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    rustix::fs::openat(rustix::fs::CWD, path, flags, Mode::empty()).unwrap()
}

/// A root directory with an `etc` of this content.
fn root_with(make: impl FnOnce(&Path)) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    make(root.path());
    root
}

fn text(root: &Path) -> Result<Option<Vec<u8>>, Refusal> {
    File::find(&directory(root), "etc/passwd")?
        .map(|file| file.read())
        .transpose()
}

const LINE: &str = "app:x:1000:1000::/:/bin/sh\n";

#[test]
fn plain_missing_and_empty() {
    let plain = root_with(|root| fs::write(root.join("etc/passwd"), LINE).unwrap());
    assert_eq!(text(plain.path()), Ok(Some(LINE.into())));
    let none = root_with(|_| {});
    assert_eq!(text(none.path()), Ok(None));
    assert_eq!(
        text(tempfile::tempdir().unwrap().path()),
        Ok(None),
        "no etc either"
    );
    let etc_is_a_file = tempfile::tempdir().unwrap();
    fs::write(etc_is_a_file.path().join("etc"), "").unwrap();
    assert_eq!(text(etc_is_a_file.path()), Ok(None));
}

/// Symlinks count from the container's root, as they do for its processes.
#[test]
fn symlinks_stay_below_the_root() {
    let outside = root_with(|root| fs::write(root.join("etc/passwd"), "secret").unwrap());
    let target = outside.path().join("etc/passwd");
    let absolute = root_with(|root| symlink(&target, root.join("etc/passwd")).unwrap());
    assert_eq!(
        text(absolute.path()),
        Ok(None),
        "there is no such path below its root"
    );
    let up = "../../../../../../../../../../../".to_owned() + target.to_str().unwrap();
    let relative = root_with(|root| symlink(up, root.join("etc/passwd")).unwrap());
    assert_eq!(text(relative.path()), Ok(None));
    let inside = root_with(|root| {
        fs::write(root.join("users"), LINE).unwrap();
        symlink("/users", root.join("etc/passwd")).unwrap();
    });
    assert_eq!(text(inside.path()), Ok(Some(LINE.into())));
    let circle = root_with(|root| symlink("passwd", root.join("etc/passwd")).unwrap());
    assert_eq!(
        text(circle.path()),
        Err(Refusal::System(rustix::io::Errno::LOOP))
    );
}

#[test]
fn what_is_no_small_regular_file_is_refused() {
    use rustix::fs::{CWD, FileType, mknodat};
    let fifo = root_with(|root| {
        mknodat(CWD, root.join("etc/passwd"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    });
    assert_eq!(text(fifo.path()), Err(Refusal::NotAFile));
    let directory = root_with(|root| fs::create_dir(root.join("etc/passwd")).unwrap());
    assert_eq!(text(directory.path()), Err(Refusal::NotAFile));
    let huge = root_with(|root| {
        let file = fs::File::create(root.join("etc/passwd")).unwrap();
        file.set_len(1 << 40).unwrap();
    });
    assert_eq!(text(huge.path()), Err(Refusal::TooLarge));
}

/// A magic link of `/proc` would lead to any file of any process, another mount to another filesystem.
#[test]
fn neither_proc_nor_another_filesystem_is_entered() {
    let host = directory(Path::new("/"));
    for name in [
        "proc/self/root/etc/passwd",
        "proc/self/environ",
        "proc/self/status",
    ] {
        let refused = File::find(&host, name).map(|file| file.map(|file| file.version));
        let (xdev, magic) = (rustix::io::Errno::XDEV, rustix::io::Errno::LOOP);
        assert!(
            [Err(Refusal::System(xdev)), Err(Refusal::System(magic))].contains(&refused),
            "{name}: {refused:?}"
        );
    }
    let dir = root_with(|root| symlink("/proc/self/environ", root.join("etc/passwd")).unwrap());
    assert_eq!(text(dir.path()), Ok(None), "its root has no /proc");
}

#[test]
fn a_process_has_to_be_in_the_container() {
    let id = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
    let other = id.replace("e1", "e2");
    let cgroup = format!("5:memory:/kubepods/pod1/{other}\n0::/docker/{id}\n");
    assert!(is_in(cgroup.as_bytes(), id));
    assert!(is_in(cgroup.as_bytes(), &other));
    assert!(!is_in(b"0::/\n", id) && !is_in(b"", id) && !is_in(id.as_bytes(), id));
    let own = ProcKey::new(std::process::id(), 0);
    let question = |process, init| Question {
        container: id.into(),
        init,
        process,
        known: None,
    };
    let mut reader = Reader::new(Path::new("/proc"), Path::new("/"), 1 << 20);
    assert_eq!(
        reader.answer(question(Some(own), None)),
        Err(Refusal::Gone),
        "other start time"
    );
    assert_eq!(
        reader.answer(question(None, Some(own.tgid))),
        Err(Refusal::Gone),
        "other cgroup"
    );
    assert_eq!(reader.answer(question(None, None)), Err(Refusal::Gone));
}

#[test]
fn numbers_are_those_of_the_container() {
    let inside = Inside {
        names: Arc::new(Names::parse(LINE.as_bytes(), b"staff:x:50:\n")),
        users: IdMap::parse(b"0 100000 65536"),
        groups: IdMap::parse(b"0 200000 65536"),
        root: (0, 0),
        is_init: true,
        versions: [None; 2],
    };
    assert_eq!(inside.user(101_000).map(|user| user.name), Some("app"));
    assert_eq!(inside.user(1000), None);
    assert_eq!(
        (inside.group(200_050), inside.group(100_050)),
        (Some("staff"), None)
    );
}

/// Whose root is the host's has not got its own yet.
#[test]
fn the_root_of_the_host_is_nobodys() {
    let proc = Path::new("/proc");
    let host = host_roots(proc, Path::new("/"));
    let own = root_id(&directory(Path::new("/"))).unwrap();
    assert!(host.contains(&own), "{host:?}");
    assert!(host_roots(Path::new("/nowhere"), Path::new("/nowhere")).is_empty());
}
