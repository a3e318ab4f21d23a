//! What linking the C library into the agent needs: musl for rustc, and a compiler for what is written in C.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use super::tool::{self, apt_install};
use crate::dist::Arch;
use crate::project;

/// Installs what is missing, and gives the files.
pub(super) fn install_all(sh: &Shell, arch: Arch) -> Result<Vec<PathBuf>> {
    let target = arch.target();
    let library = library(sh, &target)?;
    if !library.exists() {
        let channel = project::channel()?;
        let command = cmd!(sh, "rustup target add {target} --toolchain {channel}");
        tool::install("the standard library for musl", command)?;
    }
    let (compiler, packages) = arch.compiler(arch.is_own());
    if tool::find(compiler).is_none() {
        apt_install(sh, packages)?;
    }
    let driver = tool::find(compiler).with_context(|| {
        format!(
            "there is no {compiler}, which Debian has in {}",
            packages.join(", ")
        )
    })?;
    Ok(vec![library, driver])
}

/// Where rustc has what it links for the target.
fn library(sh: &Shell, target: &str) -> Result<PathBuf> {
    let text = cmd!(sh, "rustc --print target-libdir --target {target}")
        .quiet()
        .read()?;
    Ok(text.trim().into())
}
