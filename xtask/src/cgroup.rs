//! A cgroup that looks like a container's.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// An id as a runtime makes it: 64 hex digits.
pub(crate) fn container_id() -> Result<String> {
    let mut random = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut id = String::with_capacity(2 * random.len());
    for byte in random {
        write!(id, "{byte:02x}")?;
    }
    Ok(id)
}

/// Path of the container below the root of each hierarchy.
///
/// Burstable pod of a kubelet with the cgroupfs driver. Where a kubelet runs it would kill the
/// processes of a pod it does not know, so there it is a container of docker's.
pub(crate) fn container_path(id: &str) -> PathBuf {
    if kubelet_runs() {
        return Path::new("docker").join(id);
    }
    Path::new("kubepods/burstable/pod5f9c0c0e-6b1d-4c1a-9d5e-c0ffee15600d").join(id)
}

/// Roots of the hierarchies a process has to enter: the unified one, else those of version 1 that
/// every runtime uses.
pub(crate) fn roots() -> Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let roots = roots_in(&mounts);
    if roots.is_empty() {
        bail!("no cgroup hierarchy is mounted");
    }
    Ok(roots)
}

/// Creates `path` below `root`, and calls `before` for each directory about to be created.
pub(crate) fn create(
    root: &Path,
    path: &Path,
    mut before: impl FnMut(&Path) -> Result<()>,
) -> Result<()> {
    let mut dir = root.to_owned();
    for component in path.components() {
        dir.push(component);
        if !dir.exists() {
            before(&dir)?;
            fs::create_dir(&dir)
                .with_context(|| format!("cannot create cgroup {}", dir.display()))?;
        }
    }
    Ok(())
}

/// Moves the calling process into the cgroup.
pub(crate) fn enter(dir: &Path) -> Result<()> {
    let file = dir.join("cgroup.procs");
    fs::write(&file, "0").with_context(|| format!("cannot write {}", file.display()))
}

/// Processes in the cgroup.
pub(crate) fn processes(dir: &Path) -> Vec<i32> {
    let text = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn roots_in(mounts: &str) -> Vec<PathBuf> {
    let mut v1 = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split_whitespace().skip(1);
        let (Some(dir), Some(kind), Some(options)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        match kind {
            "cgroup2" => return vec![dir.into()],
            "cgroup" if options.split(',').any(|o| matches!(o, "memory" | "pids")) => {
                v1.push(dir.into());
            }
            _ => {}
        }
    }
    v1
}

fn kubelet_runs() -> bool {
    let Ok(entries) = fs::read_dir("/proc") else {
        return false;
    };
    entries.flatten().any(|entry| {
        fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.trim() == "kubelet")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_enough_where_there_is_one() {
        let hybrid = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        assert_eq!(roots_in(hybrid), [Path::new("/sys/fs/cgroup/unified")]);
        let v1 = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
                  cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n";
        assert_eq!(roots_in(v1), [Path::new("/sys/fs/cgroup/memory")]);
        assert!(roots_in("tmpfs /tmp tmpfs rw 0 0\n").is_empty());
    }
}
