//! `cargo xtask deploy`: the chart, the manifests that it renders to, and what must hold of both.

mod chart;
mod pipelines;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::project;
use crate::setup;
use crate::steps::Outcome;
use chart::{Answer, Request};

/// Versions of Kubernetes whose schemas the objects are held against: the oldest that the chart admits, and the newest.
const VERSIONS: [&str; 2] = ["1.30", "1.37"];

/// Without anything given, as who installs it first.
const DEFAULT: &str = "default";
/// The same with what needs the Prometheus operator.
const MONITORED: &str = "monitored";

/// The verb. With `check`, changes nothing and fails if a manifest is out of date.
pub(crate) fn deploy(check: bool) -> Result<()> {
    let python = setup::for_charts()?;
    let answer = chart::ask(&python, &request())?;
    answer.holds()?;
    let wanted = wanted(&answer)?;
    for (path, text) in stale(&wanted) {
        if check {
            bail!("out of date: {}; run `cargo xtask deploy`", path.display());
        }
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    println!(
        "chart and manifests agree, and Kubernetes {} takes both",
        VERSIONS.join(" and ")
    );
    Ok(())
}

/// The step of `test`; where the tools cannot be had it says so.
pub(crate) fn step() -> Result<Outcome> {
    if let Err(error) = setup::for_charts() {
        return Ok(Outcome::LeftOut(format!("{error:#}")));
    }
    deploy(true)?;
    Ok(Outcome::Passed)
}

/// The step of `test` that runs the log pipelines which are at hand.
pub(crate) fn pipelines() -> Result<Outcome> {
    pipelines::step()
}

fn chart() -> PathBuf {
    project::root().join("deploy/chart/komainu")
}

fn request() -> Request {
    let pairs = |pairs: &[(&str, Value)]| -> BTreeMap<String, Value> {
        let owned = pairs
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.clone()));
        owned.collect()
    };
    Request {
        chart: chart(),
        versions: VERSIONS.map(str::to_owned).into(),
        cases: pairs(&[
            (DEFAULT, json!({})),
            (
                MONITORED,
                json!({"podMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}}),
            ),
            ("bare", bare()),
            ("full", full()),
        ]),
        refused: pairs(&[
            ("a word that means nothing", json!({"imagee": {}})),
            ("a tag as digest", json!({"image": {"digest": "1.2"}})),
            (
                "a directory that ends with /",
                json!({"runtimeDir": "/run/"}),
            ),
            (
                "a rule file that is none",
                json!({"rules": {"own": {"a.txt": ""}}}),
            ),
            (
                "a profile without its file",
                json!({"seccompProfile": {"type": "Localhost"}}),
            ),
            (
                "an AppArmor profile without its name",
                json!({"appArmorProfile": {"type": "Localhost"}}),
            ),
            ("a port that is none", json!({"http": {"port": 0}})),
            (
                "a mount without its place",
                json!({"extraVolumeMounts": [{"name": "spool"}]}),
            ),
        ]),
    }
}

/// Everything off that can be.
fn bare() -> Value {
    json!({
        "runtimeDir": "",
        "hostUsers": false,
        "rules": {"shipped": false},
        "serviceAccount": {"create": false, "name": "other"},
        "rbac": {"create": false},
        "networkPolicy": {"enabled": false},
        "appArmorProfile": null,
        "tolerations": [],
        "nodeSelector": {},
    })
}

/// Everything on that can be.
fn full() -> Value {
    json!({
        "image": {"digest": format!("sha256:{}", "0".repeat(64))},
        "imagePullSecrets": [{"name": "registry"}],
        "config": {"matching": "all", "output": {"ancestors": 3}},
        "rules": {"own": {"85-own.yaml": "- list: mine\n  items: [a]\n"}},
        "kernelsBefore511": true,
        "seccompProfile": {"type": "Localhost", "localhostProfile": "komainu.json"},
        "seLinuxOptions": {"type": "spc_t"},
        "serviceAccount": {"annotations": {"a": "b"}},
        "rbac": {"nodes": true},
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"a": "b"},
        "env": [{"name": "RUST_LOG", "value": "debug"}],
        "extraVolumes": [{"name": "spool", "hostPath": {"path": "/var/lib/komainu", "type": "DirectoryOrCreate"}}],
        "extraVolumeMounts": [{"name": "spool", "mountPath": "/var/lib/komainu"}],
        "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}]},
        "podMonitor": {"enabled": true, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": true, "labels": {"release": "prometheus"}},
    })
}

/// What the manifests are to be: one file for each template.
fn wanted(answer: &Answer) -> Result<BTreeMap<PathBuf, String>> {
    let dir = project::root().join("deploy/manifests");
    let plain = answer.files(DEFAULT)?;
    let monitored = answer.files(MONITORED)?;
    let more = monitored
        .into_iter()
        .filter(|(name, _)| !plain.contains_key(name));
    let more = more.map(|(name, text)| (dir.join("monitoring").join(name), manifest(text)));
    let all = plain
        .iter()
        .map(|(name, text)| (dir.join(name), manifest(text)));
    Ok(all.chain(more).collect())
}

fn manifest(text: &str) -> String {
    let lines = text
        .trim()
        .lines()
        .map(|line| format!("{}\n", line.trim_end()));
    format!(
        "# Written by `cargo xtask deploy` from deploy/chart/komainu; change it there.\n{}",
        lines.collect::<String>()
    )
}

fn stale(wanted: &BTreeMap<PathBuf, String>) -> Vec<(&Path, &str)> {
    let differs =
        |path: &Path, text: &str| !fs::read_to_string(path).is_ok_and(|present| present == text);
    let all = wanted
        .iter()
        .map(|(path, text)| (path.as_path(), text.as_str()));
    all.filter(|(path, text)| differs(path, text)).collect()
}
