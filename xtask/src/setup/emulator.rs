//! What virtual machines of other architectures need.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::Shell;

use super::tool::{self, apt_install};

const PROGRAMS: [(&str, &str); 2] = [
    ("qemu-system-aarch64", "qemu-system-arm"),
    ("qemu-system-x86_64", "qemu-system-x86"),
];

/// Installs what is missing, and gives the files.
pub(super) fn install(sh: &Shell) -> Result<Vec<PathBuf>> {
    let find = |(program, package): (&str, &str)| {
        tool::find(program)
            .with_context(|| format!("there is no {program}, which Debian has in {package}"))
    };
    let missing: Vec<&str> = PROGRAMS
        .into_iter()
        .filter(|(program, _)| tool::find(program).is_none())
        .map(|(_, package)| package)
        .collect();
    if !missing.is_empty() {
        apt_install(sh, &missing)?;
    }
    PROGRAMS.into_iter().map(find).collect()
}
