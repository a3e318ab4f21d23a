//! The upstream rules through the command line, as a user would try them first.

use std::path::PathBuf;

use serde_json::Value;

use crate::{komainu, root, text};

/// The upstream stable rules, which are not part of the repository.
pub(crate) fn file() -> Option<PathBuf> {
    let named = std::env::var_os("KOMAINU_UPSTREAM_RULES").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| root().join("../shared/rules-upstream"));
    let path = dir.join("falco_rules.yaml");
    path.exists().then_some(path)
}

/// What may be warned about, with the reason.
const EXPLAINED: &[(&str, &str, &str)] = &[];

#[test]
fn the_upstream_rules_load_without_an_unexplained_warning() {
    let Some(path) = file() else {
        eprintln!("left out: no upstream rules; set KOMAINU_UPSTREAM_RULES to their directory");
        return;
    };
    let path = path.to_str().unwrap();
    let output = komainu(&["check", "--json", path]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["errors"], 0);
    let unexplained: Vec<&Value> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| {
            let (code, message) = (found["code"].as_str(), found["message"].as_str());
            let known = |(c, part, _): &&(&str, &str, &str)| {
                code == Some(c) && message.is_some_and(|message| message.contains(part))
            };
            !EXPLAINED.iter().any(|row| known(&row))
        })
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");

    let output = komainu(&["list", "--json", path]);
    let rules: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules = rules.as_array().unwrap();
    assert!(rules.len() >= 20, "{}", rules.len());
    for rule in rules {
        let name = rule["rule"].as_str().unwrap();
        let output = komainu(&["show", "--json", name, path]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["rule"], name);
        assert!(shown["expanded"].is_string(), "{name} is too large");
        assert!(komainu(&["show", name, path]).status.success(), "{name}");
    }
}
