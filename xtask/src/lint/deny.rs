//! cargo-deny: licences, bans, sources, and advisories where their database can be had.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::project;
use crate::steps::Outcome;

/// The step. Advisories live in a database on the network; without it the other checks still
/// decide, and the missing one is named.
pub(super) fn step(sh: &Shell) -> Result<Outcome> {
    let cargo = project::cargo();
    cmd!(
        sh,
        "{cargo} deny --log-level error check licenses bans sources"
    )
    .quiet()
    .run()?;
    if let Err(reason) = fetch(sh) {
        return Ok(Outcome::PassedWithout(format!(
            "advisories: their database cannot be fetched ({reason})"
        )));
    }
    cmd!(sh, "{cargo} deny check --disable-fetch advisories")
        .quiet()
        .run()?;
    Ok(Outcome::Passed)
}

fn fetch(sh: &Shell) -> Result<(), String> {
    let cargo = project::cargo();
    let output = cmd!(sh, "timeout 60 {cargo} deny fetch db")
        .quiet()
        .ignore_status()
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text
        .lines()
        .find(|line| line.contains("error") || line.contains("ERROR"));
    Err(line.unwrap_or("no answer within 60 s").trim().to_owned())
}
