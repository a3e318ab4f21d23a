//! Opened files.

use std::{fs, os::unix::fs::symlink};

use komainu::{
    decode::Decoded,
    event::{FdKind, Value},
    kernel::{Loads, Options},
};
use komainu_common::arch::{NO_NUMBER, native};
use tempfile::tempdir;

use crate::{
    Test,
    watch::{Watch, act, finish, perform, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("open_through_a_symlink_has_both_names", through_a_symlink),
    ("open_relative_to_a_descriptor", relative_to_a_descriptor),
    (
        "open_relative_to_the_current_directory",
        relative_to_the_current_directory,
    ),
    ("open_openat2_and_creat", openat2_and_creat),
    ("open_that_fails", that_fails),
    #[cfg(target_arch = "x86_64")]
    ("open_by_the_32_bit_entry", by_the_32_bit_entry),
    (
        "open_with_junk_in_the_upper_half_of_the_number",
        with_junk_in_the_number,
    ),
    ("open_on_a_detached_mount", on_a_detached_mount),
    ("open_of_an_unlinked_file", of_an_unlinked_file),
    ("open_of_a_deep_path", of_a_deep_path),
    ("open_in_a_thread", in_a_thread),
    ("open_by_a_handle", by_a_handle),
    ("open_without_casts", without_casts),
    ("open_without_plain_loads", without_plain_loads),
    (
        "open_through_a_mount_and_a_chroot_free_root",
        through_proc_root,
    ),
];

/// What a kernel gets before 6.2: every program loads, and reads the same.
fn without_casts(_: &mut Watch) {
    with_loads(Loads::Typed);
}

/// What one gets before 5.15, or whose verifier refuses anything better.
fn without_plain_loads(_: &mut Watch) {
    with_loads(Loads::Helper);
}

fn with_loads(loads: Loads) {
    let options = Options {
        loads,
        ..Options::default()
    };
    let mut watch = Watch::with(&options).unwrap();
    through_a_symlink(&mut watch);
    in_a_thread(&mut watch);
    watch.close_accounts();
}

#[derive(Debug, PartialEq)]
struct Opened {
    ty: &'static str,
    ret: i64,
    name: String,
    raw: String,
    resolved: Option<String>,
    inode: u64,
    truncated: bool,
}

/// An open whose name (as asked or resolved) ends in `suffix`.
fn opened(suffix: &str) -> impl FnMut(&Decoded<'_>) -> Option<Opened> + '_ {
    move |decoded| {
        let event = decoded.event.as_ref()?;
        let fd = event
            .fd
            .as_ref()
            .filter(|_| event.ty.param("name").is_some())?;
        let opened = Opened {
            ty: event.ty.name,
            ret: event.ret?,
            name: text(fd.name),
            raw: text(fd.name_raw),
            resolved: fd.resolved.map(text),
            inode: fd.inode,
            truncated: event.truncated,
        };
        let resolved = opened.resolved.as_deref().unwrap_or("");
        (opened.name.ends_with(suffix) || resolved.ends_with(suffix)).then_some(opened)
    }
}

fn through_a_symlink(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    let (target, link) = (
        directory.path().join("target"),
        directory.path().join("link"),
    );
    fs::write(&target, "x").unwrap();
    symlink(&target, &link).unwrap();
    let path = link.to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("open", &[path]));
    let found = seen.one(child, opened("target"));
    assert_eq!(found.name, path);
    assert_eq!(found.raw, path);
    assert_eq!(
        found.resolved,
        Some(fs::canonicalize(&target).unwrap().display().to_string())
    );
    assert_eq!(
        found.inode,
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(&target).unwrap())
    );
    assert!(!found.truncated);
}

fn relative_to_a_descriptor(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    fs::write(directory.path().join("file"), "x").unwrap();
    let path = directory.path().to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("openat-relative", &[path, "sub/../file"]));
    let found = seen.one(child, opened("/file"));
    assert_eq!(found.ty, "openat");
    assert_eq!(found.name, format!("{path}/file"));
    assert_eq!(found.raw, "sub/../file");
    assert_eq!(
        found.resolved.as_deref(),
        Some(format!("{path}/file").as_str())
    );
}

fn relative_to_the_current_directory(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("file"), "x").unwrap();
    let path = directory.path().to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("chdir-open", &[path, "./file"]));
    assert_eq!(
        seen.one(child, opened("/file")).name,
        format!("{path}/file")
    );
}

fn openat2_and_creat(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    let calls = ["openat2", "creat"].into_iter();
    let is_there = |call: &&str| native(call) != NO_NUMBER;
    for call in calls.filter(is_there) {
        let path = directory.path().join(format!("new-{call}"));
        let path = path.to_str().unwrap();
        let ((child, _), seen) = watch.during(|| perform(call, &[path]));
        let (ty, mode, resolve, flags) = seen.one(child, |decoded| {
            let event = decoded.event.as_ref()?;
            let number = |name| match event.ty.param(name).and_then(|at| event.params.get(at)) {
                Some(Value::Uint(number)) => Some(*number),
                _ => None,
            };
            let ours = text(event.fd.as_ref()?.name) == path;
            ours.then(|| {
                (
                    event.ty.name,
                    number("mode"),
                    number("resolve"),
                    number("flags"),
                )
            })
        });
        assert_eq!(ty, call);
        if call == "openat2" {
            assert_eq!(
                (mode, resolve),
                (Some(0o640), Some(2)),
                "2 is RESOLVE_NO_MAGICLINKS"
            );
            let created =
                flags.is_some_and(|flags| flags & komainu::event::flags::O_F_CREATED != 0);
            assert!(created, "{flags:?}");
        } else {
            assert_eq!(mode, Some(0o600));
        }
    }
}

fn that_fails(watch: &mut Watch) {
    let path = "/nonexistent-komainu/x/../shadow";
    let ((child, _), seen) = watch.during(|| perform("open", &[path]));
    let found = seen.one(child, opened("/nonexistent-komainu/shadow"));
    assert_eq!(found.ret, -2);
    assert_eq!(found.raw, path);
    assert_eq!((found.resolved, found.inode), (None, 0));
}

#[cfg(target_arch = "x86_64")]
fn by_the_32_bit_entry(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    let path = directory.path().join("file-32");
    fs::write(&path, "x").unwrap();
    let path = path.to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("open-compat", &[path]));
    let found = seen.one(child, opened("file-32"));
    assert_eq!(found.ty, "open");
    assert_eq!(found.name, path);
    assert_eq!(found.resolved.as_deref(), Some(path));
}

/// The kernel takes the low 32 bits of the register for the number.
fn with_junk_in_the_number(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("open-upper-bits", &["/etc/hostname"]));
    let found = seen.of(child, opened("/etc/hostname"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].ty, "openat");
}

/// A clone of a directory is a mount of its own, below no other.
fn on_a_detached_mount(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    let file = directory.path().join("sub/secret-file");
    fs::write(&file, "x").unwrap();
    let sub = directory.path().join("sub");
    let ((child, _), seen) =
        watch.during(|| perform("open-on-a-clone", &[sub.to_str().unwrap(), "secret-file"]));
    let found = seen.one(child, opened("secret-file"));
    let resolved = found.resolved.unwrap();
    assert!(
        resolved.ends_with("/sub/secret-file"),
        "named by its filesystem: {resolved}"
    );
}

fn of_an_unlinked_file(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    let path = directory.path().join("gone");
    let path = path.to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("open-unlinked", &[path]));
    let found = seen.of(child, opened("gone"));
    let again = found.last().unwrap();
    assert!(again.name.starts_with("/proc/self/fd/"), "{again:?}");
    assert_eq!(again.resolved.as_deref(), Some(path), "the name it had");
}

/// Deeper than the walk goes: the end is kept and the record says that it is cut.
fn of_a_deep_path(watch: &mut Watch) {
    let directory = tempdir().unwrap();
    let mut path = directory.path().to_path_buf();
    for level in 0..komainu_common::limits::MAX_PATH_COMPONENTS + 10 {
        path.push(format!("d{level}"));
    }
    fs::create_dir_all(&path).unwrap();
    let file = path.join("leaf");
    fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("open", &[file]));
    let found = seen.one(child, opened("/leaf"));
    assert!(found.truncated, "a cut path must say so");
    assert_eq!(found.name, file, "the asked name is whole");
    let resolved = found.resolved.unwrap();
    assert!(
        file.ends_with(&resolved) && resolved.len() < file.len(),
        "{resolved}"
    );
}

/// A handle is no path: all names are the kernel's.
fn by_a_handle(watch: &mut Watch) {
    // Filesystems without handles (overlayfs) could not be tried.
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = directory.path().join("by-handle");
    fs::write(&path, "x").unwrap();
    let path = path.to_str().unwrap();
    // `struct file_handle` with room for 128 bytes is the first thing in low memory.
    let room = format!("native getpid w128{}", ".0".repeat(33));
    let make = format!("native name_to_handle_at -100 s{path} 0x10000000 w0 0");
    for (call, ret_is_fd) in [
        ("native open_by_handle_at -100 0x10000000 0", true),
        #[cfg(target_arch = "x86_64")]
        ("compat 342 -100 0x10000000 0x80000", true),
        ("native open_by_handle_at 77 0x10000000 0", false),
    ] {
        let ((child, output), seen) = watch.during(|| {
            let mut command = act("call");
            command
                .args([room.as_str(), &make, call])
                .current_dir(&directory);
            finish(command.spawn().unwrap())
        });
        let ret: i64 = output.lines().nth(2).unwrap().parse().unwrap();
        assert_eq!(ret >= 0, ret_is_fd, "{call}: {output}");
        let (ret_seen, name, kind, path_seen) = seen.one(child, |decoded| {
            let event = decoded.event.as_ref()?;
            let fd = event.fd.as_ref()?;
            let param = event.params.get(event.ty.param("path")?)?;
            let raw = match param {
                Value::Path(path) => text(path.raw),
                _ => String::new(),
            };
            (event.ty.name == "open_by_handle_at").then(|| (event.ret, text(fd.name), fd.kind, raw))
        });
        let expected = if ret_is_fd { path } else { "" };
        assert_eq!((ret_seen, name.as_str()), (Some(ret), expected), "{call}");
        assert_eq!(kind, ret_is_fd.then_some(FdKind::File));
        assert_eq!(path_seen, expected);
    }
}

fn in_a_thread(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("thread-open", &["/etc/hostname"]));
    let (tgid, tid) = seen.one(child, |decoded| {
        let fd = decoded.event.as_ref()?.fd.as_ref()?;
        (fd.name == b"/etc/hostname").then_some((decoded.header.task.tgid, decoded.header.task.tid))
    });
    assert_eq!(tgid, child);
    assert_ne!(tid, tgid);
}

/// The classic detour: another name of the same file, one resolved path.
fn through_proc_root(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("open", &["/proc/self/root/etc/passwd"]));
    let found = seen.one(child, opened("/etc/passwd"));
    assert_eq!(found.name, "/proc/self/root/etc/passwd");
    assert_eq!(found.resolved.as_deref(), Some("/etc/passwd"));
    let kinds = seen.of(child, |decoded| decoded.event.as_ref()?.fd.as_ref()?.kind);
    assert!(kinds.contains(&FdKind::File));
}
