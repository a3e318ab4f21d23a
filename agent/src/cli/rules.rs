//! `komainu rules`: everything about rule files that needs no kernel.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::rules_test;

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the tests beside rule files.
    Test(rules_test::Args),
}

/// Runs the command.
pub(super) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Test(args) => rules_test::run(args),
    }
}
