//! What this machine offers to a program that loads BPF.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

/// Oldest kernel with the BPF ring buffer.
const OLDEST_KERNEL: (u32, u32) = (5, 8);
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// Its inode is `PROC_PID_INIT_INO` of the kernel's `include/linux/proc_ns.h`.
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// What the agent needs and this machine lacks, one plain sentence each; empty if it can run.
pub(crate) fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    if !rustix::process::geteuid().is_root() {
        missing.push("root: loading BPF programs needs it; run the command with sudo".to_owned());
    } else if !may_load(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        missing.push(
            "capabilities: root in this container has neither CAP_SYS_ADMIN nor both CAP_BPF and \
             CAP_PERFMON"
                .to_owned(),
        );
    }
    if fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own.as_os_str() != INITIAL_PID_NAMESPACE)
    {
        missing.push(
            "the host's process ids: /proc is that of another pid namespace; start the container \
             with --pid=host"
                .to_owned(),
        );
    }
    if !Path::new(BTF).exists() {
        missing.push(format!(
            "BTF: {BTF} does not exist; the kernel must be built with CONFIG_DEBUG_INFO_BTF=y"
        ));
    }
    if let Some(reason) = locked_down() {
        missing.push(reason);
    }
    if let Some(reason) = too_old(rustix::system::uname().release().to_str().unwrap_or("")) {
        missing.push(reason);
    }
    missing
}

/// An error that lists everything missing for `verb`.
pub(crate) fn require(verb: &str) -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "`cargo xtask {verb}` cannot run here; missing:\n  - {}",
        missing.join("\n  - ")
    )
}

/// Name and release of the kernel.
pub(crate) fn kernel() -> String {
    let name = rustix::system::uname();
    format!("Linux {}", name.release().to_string_lossy())
}

/// Processors that this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What `/proc/cpuinfo` calls the first processor.
pub(crate) fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    name.map_or("unknown", |(_, name)| name.trim()).to_owned()
}

/// Whether the effective capabilities (`proc_pid_status(5)`, `capabilities(7)`) allow loading
/// tracing programs.
fn may_load(status: &str) -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    const PERFMON_AND_BPF: u64 = 1 << 38 | 1 << 39;
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    set.is_some_and(|set| set & SYS_ADMIN != 0 || set & PERFMON_AND_BPF == PERFMON_AND_BPF)
}

/// Lockdown in confidentiality mode refuses to let BPF read kernel memory
/// (`kernel_lockdown(7)`); integrity mode does not.
fn locked_down() -> Option<String> {
    let modes = fs::read_to_string(LOCKDOWN).ok()?;
    modes.contains("[confidentiality]").then(|| {
        "kernel memory reads: lockdown is in confidentiality mode; boot with lockdown=integrity \
         or less"
            .to_owned()
    })
}

fn too_old(release: &str) -> Option<String> {
    let mut numbers = release
        .split(['.', '-', '+'])
        .map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next()?, numbers.next()?);
    (version < OLDEST_KERNEL).then(|| {
        let (major, minor) = OLDEST_KERNEL;
        format!("a newer kernel: this is {release}; the BPF ring buffer came with {major}.{minor}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unprivileged_container_may_not_load() {
        assert!(may_load("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(may_load("CapEff:\t000000c000000000\n"));
        assert!(!may_load("CapEff:\t00000000a80425fb\n"));
        assert!(!may_load(""));
    }

    #[test]
    fn kernel_versions_compare_as_numbers() {
        assert!(too_old("5.4.0-200-generic").is_some());
        assert!(too_old("5.8.0").is_none());
        assert!(too_old("5.10.0-33-cloud-amd64").is_none());
        assert!(too_old("6.18.1+deb14").is_none());
        assert!(too_old("unreadable").is_none());
    }
}
