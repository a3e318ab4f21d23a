//! What the static checks need: rustfmt, clippy, cargo-deny.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use super::tool::{find, install, parse_version, version};
use crate::project;

const DENY_VERSION: &str = "0.20.2";

/// What this set-up depends on.
pub(super) fn key() -> Result<String> {
    Ok(format!(
        "1 rust {} cargo-deny {DENY_VERSION}",
        project::channel()?
    ))
}

/// Installs what is missing, and gives the programs.
pub(super) fn install_all(sh: &Shell) -> Result<Vec<PathBuf>> {
    let mut files = components(sh)?;
    files.push(deny(sh)?);
    Ok(files)
}

fn components(sh: &Shell) -> Result<Vec<PathBuf>> {
    let sysroot = PathBuf::from(cmd!(sh, "rustc --print sysroot").quiet().read()?);
    let programs = [
        sysroot.join("bin/rustfmt"),
        sysroot.join("bin/clippy-driver"),
    ];
    if programs.iter().any(|program| !program.exists()) {
        if find("rustup").is_none() {
            bail!("rustfmt and clippy are missing beside rustc, and so is rustup to install them");
        }
        let channel = project::channel()?;
        let command = cmd!(
            sh,
            "rustup component add rustfmt clippy --toolchain {channel}"
        );
        install("rustfmt and clippy", command)?;
    }
    Ok(programs.into())
}

fn deny(sh: &Shell) -> Result<PathBuf> {
    if let Some(path) = find("cargo-deny")
        && version(sh, &path) >= parse_version(DENY_VERSION)
    {
        return Ok(path);
    }
    let cargo = project::cargo();
    let command = cmd!(
        sh,
        "{cargo} install cargo-deny --locked --force --version {DENY_VERSION} --quiet"
    );
    install("cargo-deny (some minutes, once)", command)?;
    find("cargo-deny").context("cargo-deny was installed, but is not in PATH or cargo's bin")
}
