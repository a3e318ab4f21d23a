//! What renders and checks charts: Helm's library and the API's schemas, as packages for Python in an environment of their own.

use std::path::PathBuf;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use super::tool;
use crate::project;

/// Versions that were tried. The first brings Helm's own code.
const PACKAGES: [&str; 2] = ["helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0"];

/// Names what is installed: another list, another environment.
pub(super) fn key() -> String {
    PACKAGES.join(" ")
}

/// Installs them, and gives the Python that has them.
pub(super) fn install(sh: &Shell) -> Result<PathBuf> {
    let dir = project::scratch()?.join("charts");
    let python = dir.join("bin/python");
    sh.remove_path(&dir)?;
    if make(sh, &dir).is_err() {
        // Debian has it in a package of its own.
        tool::apt_install(sh, &["python3-venv"])?;
        make(sh, &dir)?;
    }
    let packages = PACKAGES;
    let command = cmd!(
        sh,
        "{python} -m pip install --quiet --disable-pip-version-check {packages...}"
    );
    tool::install("Helm's library and the schemas of Kubernetes", command)?;
    if !python.exists() {
        bail!("there is no {}", python.display());
    }
    Ok(python)
}

fn make(sh: &Shell, dir: &std::path::Path) -> Result<()> {
    cmd!(sh, "python3 -m venv {dir}")
        .quiet()
        .ignore_stderr()
        .run()?;
    Ok(())
}
