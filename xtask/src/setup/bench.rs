//! Programs that `cargo xtask bench` measures: a compiler and a redis server.

use anyhow::Result;
use xshell::Shell;

use super::tool;

/// What is started, and the Debian package it is in.
const PROGRAMS: [(&str, &str); 3] = [
    ("cc", "gcc"),
    ("redis-server", "redis-server"),
    ("redis-benchmark", "redis-tools"),
];
/// The C compiler's headers.
const HEADERS: (&str, &str) = ("/usr/include/stdio.h", "libc6-dev");

/// Installs what is missing.
pub(super) fn install(sh: &Shell) -> Result<()> {
    let missing = PROGRAMS
        .iter()
        .filter(|(name, _)| tool::find(name).is_none());
    let mut packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !sh.path_exists(HEADERS.0) {
        packages.push(HEADERS.1);
    }
    if packages.is_empty() {
        return Ok(());
    }
    tool::apt_install(sh, &packages)
}
