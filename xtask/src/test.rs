//! `cargo xtask test`: everything that must hold.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::setup::{self, BpfCargo};
use crate::steps::{Outcome, Steps};
use crate::{bench, deploy, r#gen, host, lint, project};

/// The verb.
pub(crate) fn test() -> Result<()> {
    let mut steps = Steps::default();
    let mut bpf = None;
    steps.run("setup", || {
        bpf = Some(setup::for_build()?);
        setup::for_checks()?;
        Ok(without([containers(), metrics()]))
    });
    if let Some(bpf) = bpf {
        steps.extend(lint::steps(&bpf)?);
        all(&mut steps, &bpf);
    }
    steps.summary();
    steps.into_result()
}

/// Gets what real containers need, where live tests run at all. What a machine cannot have is returned, and the tests of
/// it leave themselves out.
fn containers() -> Option<String> {
    if !host::missing().is_empty() {
        return None;
    }
    let error = setup::for_containers().err()?;
    Some(format!("real containers: {error:#}"))
}

/// Gets what metrics and alert rules are checked with; likewise.
fn metrics() -> Option<String> {
    let error = setup::for_metrics().err()?;
    Some(format!("promtool: {error:#}"))
}

/// Passed, but for what is missing.
fn without(missing: [Option<String>; 2]) -> Outcome {
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    if missing.is_empty() {
        return Outcome::Passed;
    }
    Outcome::PassedWithout(missing.join("; "))
}

fn all(steps: &mut Steps, bpf: &BpfCargo) {
    steps.run("unit, property and rule tests", || {
        cargo_test(bpf, &["--workspace", "--exclude", "komainu-ebpf"])
    });
    steps.run("shipped rules", || shipped_rules(bpf));
    steps.run("live-kernel tests", || {
        let missing = host::missing();
        if !missing.is_empty() {
            return Ok(Outcome::LeftOut(format!("missing {}", missing.join("; "))));
        }
        cargo_test(bpf, &["--package", "komainu", "--test", "live"])
    });
    steps.run("verified instructions", || {
        let missing = host::missing();
        if !missing.is_empty() {
            return Ok(Outcome::LeftOut(format!("missing {}", missing.join("; "))));
        }
        bench::verifier(false)?;
        Ok(Outcome::Passed)
    });
    steps.run("chart and manifests", deploy::step);
    steps.run("log pipelines", deploy::pipelines);
    steps.run("generated reference", || {
        r#gen::generate(true)?;
        Ok(Outcome::Passed)
    });
}

/// `komainu rules test`: each shipped rule fires and stays silent as its tests say.
fn shipped_rules(bpf: &BpfCargo) -> Result<Outcome> {
    let mut command = cargo(bpf);
    command.args(["run", "--quiet", "--locked", "--package", "komainu", "--"]);
    command.args(["rules", "test", "rules"]);
    count(command)
}

fn cargo_test(bpf: &BpfCargo, arguments: &[&str]) -> Result<Outcome> {
    let mut command = cargo(bpf);
    command
        .args(["test", "--locked", "--no-fail-fast"])
        .args(arguments);
    count(command)
}

fn cargo(bpf: &BpfCargo) -> Command {
    let mut command = Command::new(project::cargo());
    command.current_dir(project::root());
    command.envs(bpf.environment());
    command
}

/// Runs a command that prints test results, and adds them up.
fn count(mut command: Command) -> Result<Outcome> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", name(&command)))?;
    let stdout = child.stdout.take().context("no stdout")?;
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some((p, f)) = results(&line) {
            passed += p;
            failed += f;
        }
    }
    let status = child.wait()?;
    Ok(match (status.success(), failed) {
        (true, 0) if passed == 0 => Outcome::Failed("no test ran".into()),
        (true, _) | (false, 1..) => Outcome::Counted { passed, failed },
        (false, 0) => Outcome::Failed(format!("{status} after {passed} passed tests")),
    })
}

fn name(command: &Command) -> String {
    OsString::from(command.get_program())
        .to_string_lossy()
        .into_owned()
}

/// Passed and failed of a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn results(line: &str) -> Option<(u64, u64)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        counts
            .split("; ")
            .find_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok())
    };
    Some((number("passed")?, number("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        assert!(matches!(without([None, None]), Outcome::Passed));
        let some = without([Some("a: b".into()), Some("c".into())]);
        assert_eq!(some.to_string(), "passed without a: b; c");
    }

    #[test]
    fn result_lines_of_the_test_harness_are_read() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; finished in 0.1s";
        assert_eq!(results(line), Some((12, 0)));
        let line = "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured";
        assert_eq!(results(line), Some((2, 3)));
        assert_eq!(results("running 3 tests"), None);
    }
}
