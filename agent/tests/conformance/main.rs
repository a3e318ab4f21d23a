//! Runs every conformance file against the rule engine and prints a table.
//!
//! The data lies outside of the repository: `KOMAINU_CONFORMANCE`, else `../shared/conformance` next to
//! the repository. Differences are listed with their reasons in `differences.txt`; one that is not
//! listed there, and one listed there that no longer differs, fail the run.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::option_option,
    clippy::too_many_lines,
    reason = "a test program: it prints a table and trusts the shape of its data"
)]

mod data;
mod inference;
mod loading;
mod parser;
mod process;
mod report;
mod snapshot;
mod socket;
mod strings;
mod types;
mod values;

use std::process::ExitCode;

use report::Report;

fn main() -> ExitCode {
    let Some(folder) = data::folder() else {
        println!("conformance: left out, no data (set KOMAINU_CONFORMANCE to its folder)");
        return ExitCode::SUCCESS;
    };
    let mut report = Report::default();
    parser::run(&folder, &mut report);
    types::run(&folder, &mut report);
    inference::run(&folder, &mut report);
    strings::run(&folder, &mut report);
    values::run(&folder, &mut report);
    loading::run(&folder, &mut report);
    report.finish()
}
