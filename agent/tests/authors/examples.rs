//! The examples of the pages, extracted and run.
//!
//! A fenced block's first word is `yaml`; what follows says what it is: nothing, rules that load
//! without a warning; `warning CODE` or `error CODE`, rules of which exactly this is said; `test`,
//! tests of the rules before it; `event`, an event for `rules why`.

use std::path::Path;

use serde_json::Value;

use crate::{komainu, root, text};

/// A fenced block.
struct Block {
    line: usize,
    what: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(page.lines()) {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(what) => {
                open = true;
                let (what, text) = (what.to_owned(), String::new());
                let line = number;
                blocks.push(Block { line, what, text });
            }
            None if open => {
                let block = blocks.last_mut().unwrap();
                block.text += line;
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks.retain(|block| block.what.starts_with("yaml"));
    blocks
}

/// Status and codes of `rules check`.
fn check(file: &Path) -> (bool, Vec<String>) {
    let output = komainu(&["check", "--json", file.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["diagnostics"].as_array().unwrap().iter();
    let codes = found.map(|d| d["code"].as_str().unwrap().to_owned());
    (output.status.success(), codes.collect())
}

fn run_page(name: &str) -> (usize, usize) {
    let page = std::fs::read_to_string(root().join(name)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (rules, tests) = (
        dir.path().join("rules.yaml"),
        dir.path().join("a.test.yaml"),
    );
    let (mut loaded, mut tested) = (0, 0);
    for Block {
        line,
        what,
        text: block,
    } in blocks(&page)
    {
        let place = format!("{name}:{line}");
        let words: Vec<&str> = what.split_whitespace().skip(1).collect();
        match words.as_slice() {
            ["test"] => {
                std::fs::write(&tests, format!("rules: [rules.yaml]\ntests:\n{block}")).unwrap();
                let output = komainu(&["test", tests.to_str().unwrap()]);
                assert!(
                    output.status.success(),
                    "{place}: {}{}",
                    text(&output.stdout),
                    text(&output.stderr)
                );
                tested += 1;
            }
            ["event"] => {
                let event = dir.path().join("event.yaml");
                std::fs::write(&event, block).unwrap();
                let shipped = root().join("rules");
                let output = komainu(&[
                    "why",
                    "--rule",
                    "Sensitive file read",
                    "--event",
                    event.to_str().unwrap(),
                    shipped.to_str().unwrap(),
                ]);
                let said = text(&output.stdout);
                assert!(
                    said.contains("\"Sensitive file read\" fires for this openat."),
                    "{place}: {said}{}",
                    text(&output.stderr)
                );
            }
            expected => {
                std::fs::write(&rules, block).unwrap();
                let codes: Vec<&str> = expected.iter().skip(1).copied().collect();
                let fails = expected.first() == Some(&"error");
                assert_eq!(
                    check(&rules),
                    (!fails, codes.iter().map(ToString::to_string).collect()),
                    "{place}"
                );
                loaded += 1;
            }
        }
    }
    (loaded, tested)
}

#[test]
fn the_language_page_is_right() {
    let (loaded, tested) = run_page("docs/rules/language.md");
    assert!(loaded >= 10 && tested >= 7, "{loaded} {tested}");
}

#[test]
fn the_migration_page_is_right() {
    let (loaded, tested) = run_page("docs/rules/from-falco.md");
    assert!(loaded >= 1 && tested >= 1, "{loaded} {tested}");
}
