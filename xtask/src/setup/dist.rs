//! What linking the C library into the agent needs: musl for rustc, and its compiler driver for what is written in C.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use super::tool::{self, apt_install};
use crate::dist::TARGET;
use crate::project;

/// Installs what is missing, and gives the files.
pub(super) fn install_all(sh: &Shell) -> Result<Vec<PathBuf>> {
    let library = library(sh)?;
    if !library.exists() {
        let channel = project::channel()?;
        let command = cmd!(sh, "rustup target add {TARGET} --toolchain {channel}");
        tool::install("the standard library for musl", command)?;
    }
    if tool::find("musl-gcc").is_none() {
        apt_install(sh, &["musl-tools"])?;
    }
    let driver =
        tool::find("musl-gcc").context("there is no musl-gcc, which Debian has in musl-tools")?;
    Ok(vec![library, driver])
}

/// Where rustc has what it links for the target.
fn library(sh: &Shell) -> Result<PathBuf> {
    let text = cmd!(sh, "rustc --print target-libdir --target {TARGET}")
        .quiet()
        .read()?;
    Ok(text.trim().into())
}
