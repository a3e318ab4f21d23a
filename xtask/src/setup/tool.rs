//! Finding and installing single tools.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use xshell::{Cmd, Shell, cmd};

use crate::steps::seconds;

/// The executable `name`, searched in `PATH` and in cargo's bin directory.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(cargo_bin())
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// `PATH`, with the directory where cargo installs programs at its end if it is not in it.
pub(super) fn path_with_cargo_bin() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    dirs.extend(cargo_bin().filter(|bin| !dirs.contains(bin)));
    // Fails for a directory with a colon in its name only, which cannot be in PATH.
    env::join_paths(dirs).unwrap_or(path)
}

/// Where `cargo install` puts programs.
fn cargo_bin() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("bin"))
}

/// The version that `tool --version` prints (its second word), as numbers.
pub(super) fn version(sh: &Shell, tool: &Path) -> Option<Vec<u32>> {
    let text = cmd!(sh, "{tool} --version")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    text.split_whitespace().nth(1).and_then(parse_version)
}

/// `1.2.3` as numbers, which compare as versions do.
pub(super) fn parse_version(text: &str) -> Option<Vec<u32>> {
    text.split(['.', '-', '+'])
        .take(3)
        .map(|part| part.parse().ok())
        .collect()
}

/// Runs one installing command and prints it with its time.
pub(super) fn install(what: &str, command: Cmd<'_>) -> Result<()> {
    println!("setup: {what}: {command}");
    let start = Instant::now();
    command
        .quiet()
        .run()
        .with_context(|| format!("could not install {what}"))?;
    println!("setup: {what}: done ({})", seconds(start.elapsed()));
    Ok(())
}

/// Installs distribution packages, where apt is there and we may use it. Nothing is removed for them: a machine may have
/// the same from elsewhere.
pub(super) fn apt_install(sh: &Shell, packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("this system has no apt-get; install what Debian calls {list} by hand");
    }
    if !rustix::process::geteuid().is_root() {
        bail!("installing packages needs root; run: sudo apt-get install {list}");
    }
    let attempt = || {
        let command = cmd!(sh, "apt-get install -y -q --no-remove {packages...}")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .ignore_stdout();
        install(&list, command)
    };
    // The package lists of a fresh machine are often empty or old.
    attempt().or_else(|_| {
        install(
            "package lists",
            cmd!(sh, "apt-get update -q").ignore_stdout(),
        )?;
        attempt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(parse_version("0.13.0") > parse_version("0.9.14"));
        assert_eq!(parse_version("0.20.2-beta.1"), Some(vec![0, 20, 2]));
        assert_eq!(parse_version("unknown"), None);
    }
}
