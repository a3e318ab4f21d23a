//! Whether `/proc` numbers processes as the kernel half does.

use std::path::Path;

use super::pinned::{link, read};
use super::{MAX_TEXT, parse};

/// Inode of the initial pid namespace: `PROC_PID_INIT_INO` of `include/linux/proc_ns.h`.
const INITIAL: u32 = 0xEFFF_FFFC;

/// Whether the `/proc` mounted at `root` belongs to another pid namespace than the initial one,
/// whose numbers the kernel half reports. What is read there is then about other processes.
///
/// False where nothing can be read; who reads processes there gets that error.
pub fn foreign(root: &Path) -> bool {
    let Ok(own) = std::fs::File::open(root.join("self")) else {
        return false;
    };
    let (Ok(namespace), Ok(status)) = (link(&own, "ns/pid"), read(&own, "status", MAX_TEXT)) else {
        return false;
    };
    is_foreign(&namespace, &status)
}

/// From a process's own `ns/pid` and `status`. The line `NSpid` (`proc_pid_status(5)`) numbers it
/// from the namespace of the mount inwards: with more than one, the mount is of one further out.
fn is_foreign(namespace: &[u8], status: &[u8]) -> bool {
    let numbers = status
        .split(|&b| b == b'\n')
        .find_map(|line| line.strip_prefix(b"NSpid:"))
        .map_or(0, |rest| rest.trim_ascii().split(|&b| b == b'\t').count());
    parse::namespace(namespace).is_some_and(|inode| inode != INITIAL) && numbers < 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mount_of_an_inner_namespace() {
        let initial = b"pid:[4026531836]";
        let inner = b"pid:[4026532201]";
        assert!(!is_foreign(initial, b"Name:\tx\nNSpid:\t4711\n"));
        assert!(is_foreign(inner, b"Name:\tx\nNSpid:\t7\nNSpgid:\t7\n"));
        assert!(
            !is_foreign(inner, b"NSpid:\t4711\t7\n"),
            "the host's /proc, seen from a container"
        );
        assert!(is_foreign(inner, b""));
        assert!(!is_foreign(b"", b""));
    }

    #[test]
    fn reads_a_mount() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!foreign(dir.path()), "nothing there");
        std::fs::create_dir_all(dir.path().join("self/ns")).unwrap();
        std::os::unix::fs::symlink("pid:[4026532201]", dir.path().join("self/ns/pid")).unwrap();
        std::fs::write(dir.path().join("self/status"), "NSpid:\t7\n").unwrap();
        assert!(foreign(dir.path()));
        std::fs::write(dir.path().join("self/status"), "NSpid:\t4711\t7\n").unwrap();
        assert!(!foreign(dir.path()));
    }
}
