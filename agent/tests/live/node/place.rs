//! Where a node lives, and how it is taken away without a trace.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    mount::{UnmountFlags, unmount},
    process::{Pid, Signal, kill_process},
};

const PREFIX: &str = "komainu-node-";

/// For killed processes to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory and a parent of cgroups of the same name, both removed in the end.
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    /// A new one. What earlier runs left, because they were killed, is removed.
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        sweep();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join("containerd.sock")
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// Where the logs of a pod's containers are.
    pub(super) fn logs(&self, uid: &str) -> PathBuf {
        self.dir.join("logs").join(uid)
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.dir.join("containerd.log")
    }

    /// Last lines of containerd's log.
    pub(super) fn log(&self) -> String {
        let text = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(30)..).unwrap_or(&[]);
        format!("containerd's log ends with\n{}", last.join("\n"))
    }

    /// The cgroup below which its pods are, from the root of every hierarchy.
    pub(super) fn cgroup(&self) -> String {
        format!("/{}", self.dir.file_name().unwrap().to_str().unwrap())
    }

    /// Kills what runs in its cgroups and the shims of its containers, until nothing is left.
    fn kill(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let processes: BTreeSet<i32> = self.members().chain(self.shims()).collect();
            if processes.is_empty() {
                return;
            }
            for pid in processes.into_iter().filter_map(Pid::from_raw) {
                // Gone meanwhile is what is wanted.
                let _gone = kill_process(pid, Signal::KILL);
            }
            if Instant::now() > deadline {
                println!("processes of {} do not end", self.dir.display());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn members(&self) -> impl Iterator<Item = i32> {
        let groups = self.cgroups().into_iter();
        let texts = groups.map(|dir| fs::read_to_string(dir.join("cgroup.procs")));
        let pids = texts.map(|text| numbers(&text.unwrap_or_default()));
        pids.collect::<Vec<_>>().into_iter().flatten()
    }

    /// Processes that were started with our socket: `containerd-shim-runc-v2 … -address SOCKET`.
    fn shims(&self) -> impl Iterator<Item = i32> {
        let socket = self.socket();
        let is_ours = move |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|&b| b == 0);
            let shim = words
                .next()
                .is_some_and(|name| name.ends_with(b"containerd-shim-runc-v2"));
            shim && words.any(|word| word == socket.as_os_str().as_encoded_bytes())
        };
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_ours).collect::<Vec<_>>().into_iter()
    }

    /// Its cgroups in every hierarchy, inner ones first.
    fn cgroups(&self) -> Vec<PathBuf> {
        let name = self.cgroup();
        let mut found = Vec::new();
        for root in mounts()
            .into_iter()
            .filter(|(kind, _)| kind.starts_with("cgroup"))
        {
            let mut open = vec![PathBuf::from(format!("{}{name}", root.1))];
            while let Some(dir) = open.pop() {
                let Ok(entries) = fs::read_dir(&dir) else {
                    continue;
                };
                let entries = entries.filter_map(Result::ok);
                open.extend(entries.map(|e| e.path()).filter(|path| path.is_dir()));
                found.push(dir);
            }
        }
        found.sort_by_key(|dir| std::cmp::Reverse(dir.components().count()));
        found
    }

    fn unmount_all(&self) {
        let below = mounts().into_iter().rev();
        for (_, at) in below.filter(|(_, at)| Path::new(at).starts_with(&self.dir)) {
            if let Err(error) = unmount(&*at, UnmountFlags::DETACH) {
                println!("cannot unmount {at}: {error}");
            }
        }
    }

    /// Sockets of its shims, which are outside of its directory.
    fn shim_sockets(&self) -> Vec<PathBuf> {
        let tasks = self.dir.join("state/io.containerd.runtime.v2.task/k8s.io");
        let Ok(entries) = fs::read_dir(tasks) else {
            return Vec::new();
        };
        let texts = entries.filter_map(|entry| {
            let text = fs::read_to_string(entry.ok()?.path().join("address")).ok()?;
            text.trim().strip_prefix("unix://").map(PathBuf::from)
        });
        texts.collect()
    }

    fn remove(&self) {
        let sockets = self.shim_sockets();
        self.kill();
        self.unmount_all();
        for group in self.cgroups() {
            if let Err(error) = fs::remove_dir(&group) {
                println!("cannot remove {}: {error}", group.display());
            }
        }
        for socket in sockets {
            // Removed by the shim where it ended by itself.
            let _gone = fs::remove_file(socket);
        }
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            println!("cannot remove {}: {error}", self.dir.display());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes places of test runs that are no more. Their containerd is found like the shims: by what it was started with.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir())
        .unwrap()
        .filter_map(Result::ok)
    {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let owner = rest.split('-').next().unwrap_or_default();
        if Path::new("/proc").join(owner).exists() {
            continue;
        }
        let left = Place { dir: entry.path() };
        for pid in daemons(&left.config_file()).filter_map(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::KILL);
        }
        drop(left);
    }
}

fn daemons(config: &Path) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"/usr/bin/containerd\0")
            && line
                .split(|&b| b == 0)
                .any(|word| word == config.as_os_str().as_encoded_bytes())
    })
}

/// Type and place of every mount, in the order they were made.
fn mounts() -> Vec<(String, String)> {
    let text = fs::read_to_string("/proc/self/mounts").unwrap();
    let columns = text.lines().filter_map(|line| {
        let mut columns = line.split(' ').skip(1);
        let at = columns.next()?.to_owned();
        Some((columns.next()?.to_owned(), at))
    });
    columns.collect()
}

fn numbers(text: &str) -> Vec<i32> {
    text.lines().filter_map(|line| line.parse().ok()).collect()
}
