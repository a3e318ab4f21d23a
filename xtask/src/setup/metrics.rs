//! What the tests of metrics and alert rules use where it is there: Prometheus's own checker.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::Shell;

use super::tool::{apt_install, find};

/// Installs promtool if it is missing, and gives it.
pub(super) fn install(sh: &Shell) -> Result<Vec<PathBuf>> {
    if find("promtool").is_none() {
        apt_install(sh, &["prometheus"])?;
    }
    let promtool = find("promtool").context("the package prometheus has no promtool")?;
    Ok(vec![promtool])
}
