//! The `komainu` binary.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    komainu::cli::run(komainu::cli::Args::parse())
}
