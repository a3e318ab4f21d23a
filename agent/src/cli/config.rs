//! `komainu config`.

use std::process::ExitCode;

use crate::config;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    super::print(&config::markdown())?;
    Ok(ExitCode::SUCCESS)
}
