//! Helm's library and the API's schemas, in a process of their own: both are packages for Python.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const PROGRAM: &str = include_str!("chart.py");

/// What is to be rendered.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) chart: PathBuf,
    /// Of Kubernetes.
    pub(super) versions: Vec<String>,
    /// Values to render with.
    pub(super) cases: BTreeMap<String, Value>,
    /// Values that the schema of the chart must refuse.
    pub(super) refused: BTreeMap<String, Value>,
}

/// What came out.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// What `helm lint` calls a warning or an error.
    lint: Vec<String>,
    /// Text by template, by case.
    rendered: BTreeMap<String, BTreeMap<String, String>>,
    /// Why they were refused; nothing for those that were not.
    refused: BTreeMap<String, Option<String>>,
    /// What is no valid object.
    invalid: Vec<String>,
}

impl Answer {
    /// An error that names everything wrong.
    pub(super) fn holds(&self) -> Result<()> {
        let taken = self.refused.iter().filter(|(_, why)| why.is_none());
        let taken = taken.map(|(name, _)| format!("the schema takes {name}"));
        let wrong: Vec<String> = self
            .lint
            .iter()
            .chain(&self.invalid)
            .cloned()
            .chain(taken)
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        bail!("{}", wrong.join("\n"))
    }

    /// The rendered files of a case that hold something and are to be applied, by name.
    pub(super) fn files(&self, case: &str) -> Result<BTreeMap<&str, &str>> {
        let rendered = self
            .rendered
            .get(case)
            .with_context(|| format!("{case} was not rendered"))?;
        let named = rendered.iter().filter_map(|(path, text)| {
            let name = path.rsplit_once("/templates/")?.1;
            let stem = name.strip_suffix(".yaml").unwrap_or("/");
            let applied = !stem.contains('/') && !text.trim().is_empty();
            applied.then_some((name, text.as_str()))
        });
        Ok(named.collect())
    }
}

/// Renders, with the Python of [`setup::for_charts`](crate::setup::for_charts).
pub(super) fn ask(python: &Path, request: &Request) -> Result<Answer> {
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it logs of links that it follows.
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", python.display()))?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    stdin.write_all(&serde_json::to_vec(request)?)?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "the chart does not render: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn everything_wrong_is_named() {
        let good = r#"{"lint": [], "rendered": {}, "refused": {"x": "why"}, "invalid": []}"#;
        answer(good).holds().unwrap();
        let bad = r#"{"lint": ["a"], "rendered": {}, "refused": {"x": null}, "invalid": ["b"]}"#;
        let error = answer(bad).holds().unwrap_err().to_string();
        assert_eq!(error, "a\nb\nthe schema takes x");
    }

    #[test]
    fn notes_tests_and_what_is_off_are_no_manifests() {
        let text = r#"{"lint": [], "refused": {}, "invalid": [], "rendered": {"c": {
            "komainu/templates/a.yaml": "kind: A", "komainu/templates/b.yaml": " \n",
            "komainu/templates/NOTES.txt": "text", "komainu/templates/tests/t.yaml": "kind: T"}}}"#;
        let answer = answer(text);
        assert_eq!(
            answer.files("c").unwrap(),
            BTreeMap::from([("a.yaml", "kind: A")])
        );
        assert!(answer.files("d").is_err());
    }
}
