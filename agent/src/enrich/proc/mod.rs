//! Processes as `/proc` shows them: at start, and to complete what records left open.
//!
//! Everything here may wait: a process can make reads of its own `/proc` files hang (its memory
//! may be backed by a FUSE mount). So it runs on a thread of its own, never on the one that
//! decides. Reads are bounded, paths go through one descriptor of `/proc/PID`, so that a reused pid
//! is never mixed up with its predecessor.

pub mod cgroup;
mod namespace;
pub mod parse;
mod pinned;

use std::io;
use std::path::{Path, PathBuf};

use komainu_common::limits::{MAX_ARGV, MAX_ENV};
use komainu_common::{Task, Usage};
use zerocopy::FromZeros;

use super::process::{Found, directory, exe_path, join_cmdline};
use crate::decode::split_argv;
use crate::event::{ExeFacts, ProcKey, Process, Text};
use cgroup::{Group, Hierarchies};
use pinned::{link, read};

pub use namespace::foreign;
pub(super) use pinned::{Pinned, reopen};

/// Bytes of `stat`, `status`, `cgroup` read at most.
pub(super) const MAX_TEXT: usize = 16 * 1024;
/// Login user or session that is not set.
const NO_ID: u32 = u32::MAX;

/// A mounted `/proc` and what is needed to read it.
#[derive(Debug)]
pub struct Proc {
    root: PathBuf,
    hierarchies: Hierarchies,
    epoch: u64,
    env_bytes: usize,
}

/// A process and the path of its cgroup.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The process, ready for [`ProcessTable::found`](super::process::ProcessTable::found).
    pub found: Found,
    /// Path of the cgroup that `found.process.cgroup` names, from the root of its hierarchy if it begins with a slash.
    pub cgroup_path: Vec<u8>,
}

impl Proc {
    /// `root` is where the host's `/proc` is mounted; `epoch` the wall-clock time of boot in
    /// nanoseconds; `env_bytes` how much of an environment to keep.
    pub fn new(root: &Path, hierarchies: Hierarchies, epoch: u64, env_bytes: usize) -> Self {
        Self {
            root: root.into(),
            hierarchies,
            epoch,
            env_bytes: env_bytes.min(MAX_ENV),
        }
    }

    /// Process ids, in the order of the directory. Ids that come and go meanwhile may be missing.
    pub fn pids(&self) -> io::Result<impl Iterator<Item = u32> + use<>> {
        let entries = std::fs::read_dir(&self.root)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
    }

    /// Reads one process. An error where it is gone or not readable.
    pub fn scan(&self, pid: u32) -> io::Result<Scanned> {
        let dir = Pinned::open(&self.root, pid)?;
        let stat = parse::stat(&read(&dir, "stat", MAX_TEXT)?).ok_or(io::ErrorKind::InvalidData)?;
        let ids = parse::status(&read(&dir, "status", MAX_TEXT)?);
        let area = read(&dir, "cmdline", MAX_ARGV).unwrap_or_default();
        let (exe, args) = split_argv(area.strip_suffix(b"\0").unwrap_or(&area));
        let path = self
            .hierarchies
            .choose(&read(&dir, "cgroup", MAX_TEXT).unwrap_or_default());
        let mut process = Process {
            clone_time: self
                .epoch
                .saturating_add(stat.start_ticks.saturating_mul(ProcKey::TICK)),
            parent: self.parent(stat.ppid),
            tgid: pid,
            cmdline: join_cmdline(&stat.comm, args),
            exe: exe.into(),
            args: args.into(),
            env: self.env(&dir),
            cwd: directory(&link(&dir, "cwd").unwrap_or_default()),
            usage: usage(&dir, &stat, &ids),
            task: Some(Box::new(task(pid, &dir, &stat, &ids))),
            cgroup: path.as_ref().map_or(0, |p| p.id),
            ..Process::default()
        };
        executable(&dir, &mut process);
        process.comm = stat.comm;
        Ok(Scanned {
            found: Found {
                key: ProcKey {
                    tgid: pid,
                    start_ticks: stat.start_ticks,
                },
                process,
            },
            cgroup_path: path.map(Group::into_path).unwrap_or_default(),
        })
    }

    fn parent(&self, ppid: u32) -> Option<ProcKey> {
        let dir = Pinned::open(&self.root, ppid).ok()?;
        let stat = parse::stat(&read(&dir, "stat", MAX_TEXT).ok()?)?;
        Some(ProcKey {
            tgid: ppid,
            start_ticks: stat.start_ticks,
        })
    }

    fn env(&self, dir: &Pinned) -> Text {
        if self.env_bytes == 0 {
            return Text::default();
        }
        let mut env = read(dir, "environ", self.env_bytes).unwrap_or_default();
        if env.ends_with(&[0]) {
            env.pop();
        }
        env.into()
    }
}

/// The facts that kernel records carry with every event.
fn task(pid: u32, dir: &Pinned, stat: &parse::Stat, status: &parse::Status) -> Task {
    let number = |name| {
        let text = read(dir, name, 32).ok()?;
        str::from_utf8(&text).ok()?.trim().parse().ok()
    };
    let namespace = |name| {
        link(dir, name)
            .ok()
            .and_then(|l| parse::namespace(&l))
            .unwrap_or(0)
    };
    let mut task = Task::new_zeroed();
    task.start_time = stat.start_ticks.saturating_mul(ProcKey::TICK);
    task.cap_effective = status.cap_effective;
    task.cap_permitted = status.cap_permitted;
    task.cap_inheritable = status.cap_inheritable;
    (task.tgid, task.tid, task.ppid) = (pid, pid, stat.ppid);
    (task.vpid, task.vtid) = (status.vpid.unwrap_or(pid), status.vpid.unwrap_or(pid));
    (task.uid, task.euid) = (status.uid, status.euid);
    (task.gid, task.egid) = (status.gid, status.egid);
    task.loginuid = number("loginuid").unwrap_or(NO_ID);
    task.sessionid = number("sessionid").unwrap_or(NO_ID);
    task.tty = stat.tty;
    (task.sid, task.pgid) = (stat.session, stat.pgrp);
    task.vpgid = status.vpgid.unwrap_or(stat.pgrp);
    task.mnt_ns = namespace("ns/mnt");
    task.pid_ns = namespace("ns/pid");
    task.net_ns = namespace("ns/net");
    task.user_ns = namespace("ns/user");
    let len = stat.comm.len().min(task.comm.len() - 1);
    if let (Some(to), Some(from)) = (task.comm.get_mut(..len), stat.comm.get(..len)) {
        to.copy_from_slice(from);
    }
    task
}

/// What kernel records carry with execs and forks.
fn usage(dir: &Pinned, stat: &parse::Stat, status: &parse::Status) -> Usage {
    let limits = read(dir, "limits", MAX_TEXT).unwrap_or_default();
    Usage {
        fd_limit: parse::descriptor_limit(&limits).unwrap_or(0),
        major_faults: stat.major_faults,
        minor_faults: stat.minor_faults,
        vm_size: status.vm_size,
        vm_rss: status.vm_rss,
        vm_swap: status.vm_swap,
    }
}

/// Path and inode of the executable; kernel threads have none.
fn executable(dir: &Pinned, process: &mut Process) {
    let Ok(path) = link(dir, "exe") else {
        return;
    };
    let deleted = path.ends_with(b" (deleted)");
    let memfd = deleted && path.starts_with(b"/memfd:");
    process.exe_path = exe_path(&path, memfd);
    let time = |seconds: i64, nanos: u64| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
    };
    if let Ok(stat) = rustix::fs::statat(dir, "exe", rustix::fs::AtFlags::empty()) {
        process.exe_file = ExeFacts {
            inode: stat.st_ino,
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            memfd,
            deleted,
            ..ExeFacts::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn proc() -> Proc {
        let mounts = std::fs::read("/proc/self/mountinfo").unwrap();
        Proc::new(
            Path::new("/proc"),
            Hierarchies::parse(&mounts, None),
            1,
            MAX_ENV,
        )
    }

    #[test]
    fn reads_a_child_with_a_hostile_name() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join(") R 1 (");
        std::fs::copy("/bin/sleep", &program).unwrap();
        let mut child = Command::new(&program)
            .arg("100")
            .env("SECRET", "x")
            .spawn()
            .unwrap();
        // `spawn` comes back when the old memory is gone, which is before the new one has its arguments.
        let mut scanned = proc().scan(child.id());
        for _ in 0..100 {
            let found = scanned.as_ref().unwrap();
            if !found.found.process.args.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
            scanned = proc().scan(child.id());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let process = scanned.unwrap().found.process;
        assert_eq!(&*process.comm, b") R 1 (");
        assert_eq!(&*process.args, b"100");
        assert_eq!(process.parent.unwrap().tgid, std::process::id());
        assert!(process.exe_path.ends_with(b"/) R 1 ("));
        assert!(memchr::memmem::find(&process.env, b"SECRET=x").is_some());
        assert!(process.cwd.ends_with(b"/"));
        let task = process.task.unwrap();
        assert_eq!(task.euid, rustix::process::geteuid().as_raw());
        assert!(task.mnt_ns != 0 && task.pid_ns != 0);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        assert_eq!(process.usage.fd_limit, limit.unwrap_or(u64::MAX));
        assert!(process.usage.vm_size >= process.usage.vm_rss && process.usage.vm_rss > 0);
        assert!(process.usage.minor_faults > 0);
    }

    #[test]
    fn lists_and_scans_the_machine() {
        let proc = proc();
        assert!(proc.pids().unwrap().any(|pid| pid == std::process::id()));
        let scanned = proc
            .pids()
            .unwrap()
            .filter_map(|pid| proc.scan(pid).ok())
            .count();
        assert!(scanned > 0);
        assert!(proc.scan(0).is_err());
        assert!(proc.scan(u32::MAX).is_err());
    }
}
