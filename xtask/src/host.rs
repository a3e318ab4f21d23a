//! What this machine offers to a program that loads BPF.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

/// Oldest kernel with the BPF ring buffer.
const OLDEST_KERNEL: (u32, u32) = (5, 8);
const BTF: &str = "/sys/kernel/btf/vmlinux";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// What the agent needs and this machine lacks, one plain sentence each; empty if it can run.
pub(crate) fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    if !rustix::process::geteuid().is_root() {
        missing.push("root: loading BPF programs needs it; run the command with sudo".to_owned());
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
    fn kernel_versions_compare_as_numbers() {
        assert!(too_old("5.4.0-200-generic").is_some());
        assert!(too_old("5.8.0").is_none());
        assert!(too_old("5.10.0-33-cloud-amd64").is_none());
        assert!(too_old("6.18.1+deb14").is_none());
        assert!(too_old("unreadable").is_none());
    }
}
