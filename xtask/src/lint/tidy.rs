//! Rules of this project that no other tool checks.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::stages::later_stage;
use crate::project;
use crate::steps::Outcome;

mod source;
mod stages;

/// A longer file is listed, so that somebody splits it.
const GOOD_LINES: usize = 400;
/// A longer file fails.
const MOST_LINES: usize = 600;
/// ARCHITECTURE.md stays short enough to be read.
const MOST_ARCHITECTURE_LINES: usize = 250;

/// Where `unsafe` may be written (ARCHITECTURE.md, invariant 2).
/// Live tests make system calls that no safe wrapper offers.
const UNSAFE_DIRS: [&str; 4] = [
    "agent-ebpf/",
    "agent-common/",
    "agent/src/kernel/",
    "agent/tests/live/",
];
/// Not ours to check, or not text.
const SKIPPED_DIRS: [&str; 2] = ["target", ".git"];
const TEXT_EXTENSIONS: [&str; 6] = ["rs", "toml", "md", "yaml", "json", "sh"];

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    file: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// The step: every text file of the project.
pub(super) fn step() -> Result<Outcome> {
    let root = project::root();
    let mut findings = Vec::new();
    let files = files(root)?;
    for path in &files {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        check(&name, &text, &mut findings);
    }
    for finding in &findings {
        println!("   {finding}");
    }
    Ok(match findings.len() {
        0 => Outcome::Passed,
        count => Outcome::Failed(format!("{count} findings in {} files", files.len())),
    })
}

fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_symlink() || SKIPPED_DIRS.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                dirs.push(path);
            } else if is_text(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_text(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| TEXT_EXTENSIONS.contains(&e))
}

fn check(file: &str, text: &str, findings: &mut Vec<Finding>) {
    let mut report = |line: usize, what: &str| {
        findings.push(Finding {
            file: file.to_owned(),
            line,
            what: what.to_owned(),
        });
    };
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(what) = bad_text(line) {
            report(number, &what);
        }
    }
    let lines = text.lines().count();
    if file == "ARCHITECTURE.md" && lines > MOST_ARCHITECTURE_LINES {
        report(
            0,
            &format!("{lines} lines; at most {MOST_ARCHITECTURE_LINES} are read"),
        );
    }
    if Path::new(file)
        .extension()
        .is_none_or(|extension| extension != "rs")
    {
        return;
    }
    if source::is_generated(text) {
        // Nobody reads it from top to bottom; its source is beside it.
    } else if lines > MOST_LINES {
        report(
            0,
            &format!("{lines} lines; split it (at most {MOST_LINES})"),
        );
    } else if lines > GOOD_LINES {
        println!("   note: {file}: {lines} lines; files stay under {GOOD_LINES}");
    }
    if !source::has_module_docs(text) && !file.ends_with("build.rs") {
        report(0, "no module documentation: start the file with //!");
    }
    for (number, line) in source::code(text) {
        if source::has_word(&line, "unsafe") && !UNSAFE_DIRS.iter().any(|dir| file.starts_with(dir))
        {
            report(
                number,
                "unsafe lives in agent-ebpf, agent-common and agent/src/kernel only",
            );
        }
    }
    for (number, line) in source::code_without_tests(file, text) {
        if let Some(what) = later_stage(file, &line) {
            report(number, &what);
        }
    }
}

/// Text that belongs to somebody's desk: open ends, and paths of one machine.
fn bad_text(line: &str) -> Option<String> {
    // Spelled in two parts, because this file is checked too.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
    ];
    if let Some(mark) = marks.iter().find(|mark| source::has_word(line, mark)) {
        return Some(format!("{mark}: open work belongs in an issue"));
    }
    let root = project::root().to_string_lossy();
    let registry = concat!(".cargo/", "registry/src");
    [root.as_ref(), registry]
        .iter()
        .any(|path| line.contains(path))
        .then(|| "a path of one machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(file: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(file, text, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_clean_file_has_no_findings() {
        assert_eq!(
            findings(
                "agent/src/decode/x.rs",
                "//! X.\nuse crate::event::Event;\n"
            ),
            [""; 0]
        );
    }

    #[test]
    fn generated_code_may_be_long() {
        let lines = "\n".repeat(MOST_LINES);
        let made = format!("//! Made of a.proto by `cargo xtask gen`; do not edit.\n{lines}");
        assert_eq!(findings("agent/src/enrich/x.rs", &made).len(), 0);
        let said = format!("//! X.\n{lines}//! Made of it by `cargo xtask gen`; do not edit.\n");
        assert_eq!(findings("agent/src/enrich/x.rs", &said).len(), 1);
    }

    #[test]
    fn unsafe_is_found_outside_its_rooms_only() {
        let text = "//! X.\nlet a = unsafe { b() };\n";
        assert_eq!(findings("agent/src/kernel/x.rs", text).len(), 0);
        assert_eq!(findings("agent/src/emit/x.rs", text).len(), 1);
        assert_eq!(
            findings("agent/src/emit/x.rs", "//! X.\n#![deny(unsafe_code)]\n").len(),
            0
        );
        assert_eq!(
            findings(
                "agent/src/emit/x.rs",
                "//! X.\n// unsafe\nlet a = \"unsafe\";\n"
            )
            .len(),
            0
        );
    }

    #[test]
    fn long_and_undocumented_files_are_found() {
        let long = format!("//! X.\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(findings("xtask/src/x.rs", &long).len(), 1);
        assert_eq!(findings("xtask/src/x.rs", "#![no_std]\n//! X.\n").len(), 0);
        assert_eq!(findings("xtask/src/x.rs", "fn a() {}\n").len(), 1);
    }

    #[test]
    fn open_ends_and_machine_paths_are_found() {
        let mark = concat!("TO", "DO");
        assert_eq!(findings("a.md", &format!("text {mark}: more")).len(), 1);
        assert_eq!(findings("a.md", &format!("text {mark}s")).len(), 0);
        let path = format!("see {}/README.md", project::root().display());
        assert_eq!(findings("a.md", &path).len(), 1);
    }
}
