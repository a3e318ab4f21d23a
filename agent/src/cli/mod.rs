//! The command line. Each command has a file; `main.rs` only calls [`run`].
//!
//! Exit status: 0 done, 1 failed or found errors, 2 wrong usage.

mod canary;
mod config;
mod fields;
mod log;
mod probe;
mod rules;
mod rules_test;
mod run;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Kubernetes runtime security: Falco's rules, filtered in the kernel.
#[derive(Debug, Parser)]
#[command(
    name = "komainu",
    version,
    about,
    after_help = "Exit status: 0 done, 1 failed or found errors, 2 wrong usage."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this machine and write alerts to standard output.
    Run(run::Args),
    /// Check and test rule files.
    Rules(rules::Args),
    /// What this kernel offers, which probes attach, and why others do not.
    Probe(probe::Args),
    /// The fields that conditions and outputs can name.
    Fields(fields::Args),
    /// Print the reference of the configuration file.
    Config,
    /// What the agent starts to see whether it is seen.
    #[command(hide = true)]
    Canary(canary::Args),
}

/// The JSON Schema of files of rule tests.
pub fn rule_test_schema() -> serde_json::Value {
    rules_test::schema()
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let done = match args.command {
        Command::Run(args) => run::run(args),
        Command::Rules(args) => rules::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Fields(args) => fields::run(&args),
        Command::Config => config::run(),
        Command::Canary(args) => canary::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Prints an error with its causes. A reader that closed our output early is none.
fn fail(error: &anyhow::Error) -> ExitCode {
    let closed = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    if error
        .root_cause()
        .downcast_ref::<io::Error>()
        .is_some_and(closed)
    {
        return ExitCode::FAILURE;
    }
    log::last_words(format!("komainu: {error:#}"));
    ExitCode::FAILURE
}

/// Prints text to standard output.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn usage_errors() {
        for line in [
            "komainu",
            "komainu nonsense",
            "komainu run --format yaml",
            "komainu run --matching none",
        ] {
            let error = Args::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        assert!(
            Args::try_parse_from("komainu run --rules a b --rules c --format text".split(' '))
                .is_ok()
        );
    }
}
