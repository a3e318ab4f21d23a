//! `komainu rules why`.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

use super::show;
use crate::cli::rules_test;
use crate::rules::why;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the rule.
    #[arg(long, value_name = "RULE")]
    rule: String,
    /// A file with one event, in the form of a rule test (rules/README.md), or with --test a file of
    /// tests.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// Take the event of the test of this name.
    #[arg(long, value_name = "NAME")]
    test: Option<String>,
    /// Rule files, or directories of *.yaml and *.yml files, in the order in which they are loaded.
    /// With --test, by default those that the file of tests names.
    #[arg(required_unless_present = "test", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Show every part of the condition, also below those that do not decide.
    #[arg(long)]
    all: bool,
    /// Print JSON, which has every part.
    #[arg(long)]
    json: bool,
}

/// The command. Status 0 whether or not the rule fires.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (event, named) = rules_test::read_event(&args.event, args.test.as_deref())?;
    let paths = if args.paths.is_empty() {
        &named
    } else {
        &args.paths
    };
    let (rules, catalog, files) = super::load(paths)?;
    let rule = show::find(&rules, &catalog, &args.rule)?;
    let looked = event.look(|event, world| {
        let explanation = why(&catalog, &rules, &rule.name, event, world)?;
        let output = rule.output.render(event, world);
        Ok::<_, crate::rules::WhyError>((explanation, event.ty.name, output))
    })?;
    let (explanation, ty, output) = match looked {
        Ok(looked) => looked,
        Err(error) => bail!("{error}"),
    };
    let report = report::Report {
        rule,
        explanation: &explanation,
        event_type: ty,
        output: &output,
        files: &files,
    };
    if args.json {
        super::print_json(&report.json())?;
    } else {
        super::super::print(&report.text(args.all))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
