//! The kernel half's programs one by one: run time, and instructions for the verifier.
//!
//! The golden keeps the instructions of the kernel it was written on. Another kernel's verifier walks
//! other paths, hence the tolerance; the limit that must hold everywhere is [`CEILING`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::project;

/// Instructions that no program may need: the kernel's limit is a million.
const CEILING: u32 = 300_000;
/// Growth over the golden that needs a look, in percent.
const TOLERANCE: u32 = 25;
/// Programs so small that a percentage of them means nothing.
const SMALL: u32 = 2_000;

/// Nanoseconds per run of each program, for a loop of programs started and one of files opened.
pub(super) fn run_time() -> Result<()> {
    let sh = shell()?;
    let cargo = project::cargo();
    cmd!(
        sh,
        "{cargo} run --quiet --release --locked --package komainu --example programs -- run"
    )
    .quiet()
    .run()?;
    Ok(())
}

/// Compares the instructions of every program with the golden, or writes it.
pub(crate) fn verifier(bless: bool) -> Result<()> {
    let sh = shell()?;
    let cargo = project::cargo();
    let text = cmd!(
        sh,
        "{cargo} run --quiet --locked --package komainu --example programs -- verifier"
    )
    .quiet()
    .read()?;
    let golden = golden();
    println!("{text}");
    if bless {
        return Ok(std::fs::write(&golden, text + "\n")?);
    }
    let known = std::fs::read_to_string(&golden)
        .with_context(|| format!("cannot read {}", golden.display()))?;
    let complaints = compare(&parse(&known)?, &parse(&text)?);
    if complaints.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\n(`cargo xtask bench --verifier --bless` writes {})",
        complaints.join("\n"),
        golden.display()
    )
}

fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    crate::setup::for_build()?.export(&sh);
    Ok(sh)
}

fn golden() -> PathBuf {
    project::root().join("xtask/src/bench/verifier.golden")
}

/// Lines of a program and its instructions.
fn parse(text: &str) -> Result<BTreeMap<&str, u32>> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, number) = line.split_once(' ').context("a line without number")?;
            Ok((name, number.trim().parse()?))
        })
        .collect()
}

/// What is wrong with the instructions that were found.
fn compare(known: &BTreeMap<&str, u32>, found: &BTreeMap<&str, u32>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, &count) in found {
        let Some(&before) = known.get(name) else {
            complaints.push(format!("{name}: not in the golden"));
            continue;
        };
        if count > CEILING {
            complaints.push(format!("{name}: {count} instructions, more than {CEILING}"));
        } else if count > SMALL && count > before + before / 100 * TOLERANCE {
            complaints.push(format!(
                "{name}: {count} instructions, {before} in the golden"
            ));
        }
    }
    let gone = known.keys().filter(|name| !found.contains_key(*name));
    complaints.extend(gone.map(|name| format!("{name}: no longer there")));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_new_and_missing_programs_are_told() {
        let known = parse("exec 10000\nfork 900\ngone 5\nopen 20000\n").unwrap();
        let found = parse("exec 12000\nfork 1900\nnew 5\nopen 26000\n").unwrap();
        let complaints = compare(&known, &found);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].starts_with("new"), "{complaints:?}");
        assert!(complaints[1].starts_with("open"), "{complaints:?}");
        assert!(complaints[2].starts_with("gone"), "{complaints:?}");
        let most = parse("exec 300001").unwrap();
        assert_eq!(compare(&most, &most).len(), 1);
        assert!(parse("exec many").is_err());
    }
}
