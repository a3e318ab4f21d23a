//! What this kernel offers, for `komainu probe`.

use std::fs;

use super::{BtfError, KernelTypes};

/// Facts about the running kernel that decide what Komainu can do.
#[derive(Debug)]
pub struct Features {
    /// `uname -r`.
    pub release: String,
    /// Machine architecture.
    pub machine: String,
    /// Kernel type information and what it lacks, or why there is none.
    pub btf: Result<Vec<&'static str>, BtfError>,
    /// Active security modules, `/sys/kernel/security/lsm`; empty where unreadable.
    pub lsm: String,
    /// Lockdown mode, the bracketed word of `/sys/kernel/security/lockdown`.
    pub lockdown: Option<String>,
    /// Mounted cgroup v1 controllers, in order of preference for naming containers.
    pub cgroup_v1: Vec<String>,
    /// Whether a cgroup v2 hierarchy is mounted.
    pub cgroup_v2: bool,
    /// Effective user id 0.
    pub root: bool,
    /// Effective capabilities, as a bit set (`capabilities(7)`).
    pub capabilities: u64,
}

/// Looks at the running kernel. Never fails: what cannot be read is empty or `None`.
pub fn features() -> Features {
    let uname = rustix::system::uname();
    let lossy = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Features {
        release: lossy(uname.release()),
        machine: lossy(uname.machine()),
        btf: KernelTypes::of_running_kernel().and_then(|types| {
            types.offsets()?;
            Ok(types.absent())
        }),
        lsm: read_trimmed("/sys/kernel/security/lsm").unwrap_or_default(),
        lockdown: read_trimmed("/sys/kernel/security/lockdown").and_then(|text| bracketed(&text)),
        cgroup_v1: v1_controllers(),
        cgroup_v2: fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| {
            mounts
                .lines()
                .any(|line| line.split(' ').nth(2) == Some("cgroup2"))
        }),
        root: rustix::process::geteuid().is_root(),
        capabilities: effective_capabilities(),
    }
}

fn read_trimmed(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The word in brackets of a sysfs choice: `none [integrity] confidentiality`.
fn bracketed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    Some(word.to_owned())
}

fn effective_capabilities() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0)
}

/// Controllers bound to a v1 hierarchy (`/proc/cgroups`: hierarchy not 0), those that every
/// container runtime uses first.
pub fn v1_controllers() -> Vec<String> {
    const PREFERRED: [&str; 6] = ["memory", "pids", "cpu", "cpuset", "devices", "freezer"];
    let table = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let bound: Vec<&str> = table.lines().filter_map(v1_controller).collect();
    PREFERRED
        .iter()
        .filter(|name| bound.contains(name))
        .map(|&name| name.to_owned())
        .collect()
}

/// Name in a line of `/proc/cgroups` (`cgroups(7)`) whose hierarchy is not 0.
fn v1_controller(line: &str) -> Option<&str> {
    let mut columns = line.split_whitespace();
    let name = columns.next()?;
    let hierarchy: u32 = columns.next()?.parse().ok()?;
    (hierarchy != 0).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc_cgroups() {
        assert_eq!(
            v1_controller("#subsys_name\thierarchy\tnum_cgroups\tenabled"),
            None
        );
        assert_eq!(v1_controller("memory\t4\t79\t1"), Some("memory"));
        assert_eq!(v1_controller("memory\t0\t79\t1"), None);
        assert_eq!(v1_controller("memory"), None);
    }

    #[test]
    fn reads_the_chosen_word() {
        assert_eq!(
            bracketed("none [integrity] confidentiality").as_deref(),
            Some("integrity")
        );
        assert_eq!(bracketed("none"), None);
    }
}
