//! `komainu rules test`: events, and the rules that must hold for them.

mod call;
mod case;
mod check;
mod event;
mod identity;
mod network;
mod record;
mod schema;
mod session;
mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use self::case::TestFile;
pub(in crate::cli) use self::schema::schema;
use crate::event::{Event, World};
use crate::pipeline::rule_files;
use crate::rules::{LoadOptions, RuleSet, load};

const SUFFIX: &str = ".test.yaml";
/// Bytes of a test file at most.
const MAX_FILE: u64 = 16 << 20;

/// Reads one event for `rules why`: of a file with one event, or the test called `test` of a file of
/// tests, which also names rule files.
pub(super) fn read_event(path: &Path, test: Option<&str>) -> Result<(OneEvent, Vec<PathBuf>)> {
    let (case, rules) = event::read(path, test)?;
    Ok((OneEvent(case), rules))
}

/// An event as a file describes it.
#[derive(Debug)]
pub(super) struct OneEvent(case::Case);

impl OneEvent {
    /// Hands the event to `look`, with what the user half would know.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Event<'_>, &dyn World) -> T) -> Result<T> {
        event::with_event(&self.0, |event, world| look(event, world)).map_err(anyhow::Error::msg)
    }
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of tests, or directories: in them, and in their subdirectory `tests`, every file
    /// whose name ends with `.test.yaml`.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// Passed and failed tests, and what to print about them.
#[derive(Debug, Default)]
struct Report {
    text: String,
    passed: usize,
    failed: usize,
}

/// The command.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let report = test(&args.paths)?;
    super::print(&report.text)?;
    let verdict = if report.failed == 0 { "ok" } else { "FAILED" };
    let (passed, failed) = (report.passed, report.failed);
    super::print(&format!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed\n"
    ))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn test(paths: &[PathBuf]) -> Result<Report> {
    let mut report = Report::default();
    for path in paths {
        for file in test_files(path)? {
            test_file(&file, &mut report).with_context(|| file.display().to_string())?;
        }
    }
    Ok(report)
}

fn test_file(path: &Path, report: &mut Report) -> Result<()> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE {
        bail!("has {size} bytes; at most {MAX_FILE} are read");
    }
    let file: TestFile = serde_saphyr::from_str(&fs::read_to_string(path)?)?;
    let rules = load_rules(path, &file.rules)?;
    writeln!(report.text, "{}", path.display())?;
    for case in &file.tests {
        let problems = check::problems(case, &rules);
        if problems.is_empty() {
            report.passed += 1;
            writeln!(report.text, "  ok      {}", case.test)?;
            continue;
        }
        report.failed += 1;
        writeln!(report.text, "  FAILED  {}", case.test)?;
        for problem in problems {
            writeln!(report.text, "          {problem}")?;
        }
    }
    Ok(())
}

/// Loads the rules a test file names, relative to it.
fn load_rules(test_file: &Path, names: &[PathBuf]) -> Result<RuleSet> {
    let dir = test_file.parent().unwrap_or(Path::new("."));
    let paths: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    let sources = rule_files::read(&paths).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(lines.join("\n"))
    })?;
    let loaded = load(&sources, &LoadOptions::default());
    let shown = loaded.render(false);
    loaded
        .rules
        .with_context(|| format!("its rules do not load:\n{shown}"))
}

/// The test files that a path stands for, sorted.
fn test_files(path: &Path) -> Result<Vec<PathBuf>> {
    let meta = fs::metadata(path).with_context(|| path.display().to_string())?;
    if !meta.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut files = in_directory(path)?;
    let tests = path.join("tests");
    if tests.is_dir() {
        files.extend(in_directory(&tests)?);
    }
    if files.is_empty() {
        bail!(
            "{}: neither it nor its subdirectory `tests` has a file *{SUFFIX}",
            path.display()
        );
    }
    files.sort();
    Ok(files)
}

fn in_directory(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(SUFFIX) && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// File and name of every test below a directory.
#[cfg(test)]
pub(super) fn every_test(dir: &Path) -> Vec<(PathBuf, String)> {
    let files = test_files(dir).unwrap().into_iter();
    let named = files.flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let file: TestFile = serde_saphyr::from_str(&text).unwrap();
        let tests = file.tests.into_iter();
        tests.map(move |case| (path.clone(), case.test))
    });
    named.collect()
}

#[cfg(test)]
mod tests;
