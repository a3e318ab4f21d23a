//! `komainu rules`.

mod explain;
mod layout;
mod list;
mod place;
mod schema;
mod show;
mod why;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use serde_json::json;

use super::rules_test;
use crate::config::LeastPriority;
use crate::pipeline::rule_files;
use crate::rules::{
    self, Catalog, Diagnostic, Files, LoadOptions, LoadResult, RuleSet, Source, diagnostics,
};

/// Work with rule files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load rule files as `run` does and show every error and warning. Status 1 if there is an
    /// error.
    Check(Check),
    /// Run the tests beside rule files. Status 1 if one fails.
    Test(rules_test::Args),
    /// List the rules after the merge of all files.
    List(list::Args),
    /// Show one rule after the merge of all files, and where each part of it came from.
    Show(show::Args),
    /// Say why a rule does or does not fire for an event: each part of its condition with its value.
    Why(why::Args),
    /// Say what of the rules the kernel's filter tests, and which rules let much of a class pass.
    Explain(explain::Args),
    /// Print the JSON Schema of rule files or of test files.
    Schema(schema::Args),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Rule files, or directories of *.yaml and *.yml files, in the order in which they are loaded.
    #[arg(required_unless_present = "explain", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Explain a code, such as E0302, and do nothing else.
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    /// Leave out rules less severe than this.
    #[arg(long, value_name = "PRIORITY", default_value = "debug")]
    priority: LeastPriority,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Check(args) => match &args.explain {
            Some(code) => explain_code(code),
            None => check(args),
        },
        Command::Test(args) => rules_test::run(args),
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Why(args) => why::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Schema(args) => schema::run(args),
    }
}

fn explain_code(code: &str) -> anyhow::Result<ExitCode> {
    let page = diagnostics::explain(code).ok_or_else(|| {
        let known: Vec<&str> = diagnostics::CODES.iter().map(|code| code.id).collect();
        anyhow!("there is no code {code:?}; there are {}", known.join(", "))
    })?;
    super::print(&page)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads rule files; every path that cannot be read is in the error.
fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    rule_files::read(paths).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!("{}", lines.join("\nkomainu: "))
    })
}

/// Loads rule files that must be right, for commands that are about something else.
fn load(paths: &[PathBuf]) -> anyhow::Result<(RuleSet, Catalog, Files)> {
    let mut result = rules::load(&read(paths)?, &LoadOptions::default());
    let Some(rules) = result.rules.take() else {
        result.diagnostics.retain(Diagnostic::is_error);
        bail!(
            "the rules do not load:\n{}",
            result.render(false).trim_end()
        );
    };
    Ok((rules, result.catalog, result.files))
}

/// Prints a value as JSON for people to read.
fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    super::print(&format!("{}\n", serde_json::to_string_pretty(value)?))?;
    Ok(())
}

fn check(args: &Check) -> anyhow::Result<ExitCode> {
    let files = read(&args.paths)?;
    let options = LoadOptions {
        least_priority: args.priority.0,
        ..LoadOptions::default()
    };
    let result = rules::load(&files, &options);
    let text = if args.json {
        format!(
            "{}\n",
            serde_json::to_string_pretty(&report(&result, files.len()))?
        )
    } else {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        result.render(colour) + &summary(&result, files.len())
    };
    super::print(&text)?;
    let failed = result.rules.is_none();
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn report(result: &LoadResult, files: usize) -> serde_json::Value {
    json!({
        "ok": result.rules.is_some(),
        "files": files,
        "rules": count(result),
        "errors": result.errors().count(),
        "warnings": result.warnings().count(),
        "diagnostics": result.json(),
    })
}

fn summary(result: &LoadResult, files: usize) -> String {
    let (errors, warnings) = (result.errors().count(), result.warnings().count());
    match count(result) {
        Some(rules) => format!("{rules} rules in {files} files are right, {warnings} warnings\n"),
        None => format!("{errors} errors and {warnings} warnings in {files} files\n"),
    }
}

fn count(result: &LoadResult) -> Option<usize> {
    result.rules.as_ref().map(|rules| rules.rules().len())
}
