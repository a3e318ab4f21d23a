//! `cargo xtask run`: the agent on this host, until Ctrl-C.

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, Result};

use crate::{agent, host};

/// The verb.
pub(crate) fn run() -> Result<()> {
    host::require("run")?;
    let program = agent::build()?;
    println!("alerts follow; Ctrl-C ends the agent");
    let error = agent::command(&program, &[agent::shipped_rules()], "text").exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
