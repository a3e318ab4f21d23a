//! `komainu rules schema`.

use std::process::ExitCode;

use crate::cli::rules_test;
use crate::rules::rule_file_schema;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schema of test files instead of that of rule files.
    #[arg(long)]
    tests: bool,
}

/// The command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let schema = if args.tests {
        rules_test::schema()
    } else {
        rule_file_schema()
    };
    super::print_json(&schema)?;
    Ok(ExitCode::SUCCESS)
}
