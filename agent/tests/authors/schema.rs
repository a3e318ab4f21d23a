//! The committed JSON Schemas are those that the program prints, and they accept every rule file.

use std::path::Path;

use komainu::emit::Format;
use serde_json::{Value, json};

use crate::validate::problems;
use crate::{assert_fresh, root, upstream};

fn pretty(schema: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(schema).unwrap())
}

#[test]
fn committed_schemas_are_up_to_date() {
    let rules = pretty(&komainu::rules::rule_file_schema());
    assert_fresh("docs/schema/rules.schema.json", &rules);
    let tests = pretty(&komainu::cli::rule_test_schema());
    assert_fresh("docs/schema/rule-tests.schema.json", &tests);
    for format in Format::MACHINE {
        let schema = format.schema().unwrap();
        jsonschema::meta::validate(&schema).unwrap();
        assert_fresh(
            &format!("docs/schema/alert.{}.schema.json", format.name()),
            &pretty(&schema),
        );
    }
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

fn files(dir: &Path, suffix: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let named = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(suffix);
    paths.filter(named).collect()
}

#[test]
fn shipped_and_upstream_rules_are_valid() {
    let schema = komainu::rules::rule_file_schema();
    let mut paths = files(&root().join("rules"), ".yaml");
    assert!(paths.len() > 5);
    paths.extend(upstream::file());
    for path in paths {
        let found = problems(&schema, &yaml(&std::fs::read_to_string(&path).unwrap()));
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn shipped_tests_are_valid() {
    let schema = komainu::cli::rule_test_schema();
    let paths = files(&root().join("rules/tests"), ".test.yaml");
    assert!(paths.len() > 5);
    for path in paths {
        let found = problems(&schema, &yaml(&std::fs::read_to_string(&path).unwrap()));
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn mistakes_are_not_valid() {
    let rules = komainu::rules::rule_file_schema();
    for wrong in [
        "rule: R",
        "- rule: R\n  condition: c\n  output: o\n  desc: d\n  priority: loud",
        "- rule: R\n  condition: c\n  output: o\n  desc: d",
        "- rule: R\n  condition: c\n  output: o\n  desc: d\n  priority: INFO\n  tag: [a]",
        "- rule: R\n  condition: c\n  override: {condition: add}",
        "- rule: R\n  priority: INFO\n  override: {priority: append}",
        "- macro: m",
        "- list: l\n  items: a",
        "- required_engine_version: new",
        "- rule: R\n  exceptions:\n  - {name: e, fields: proc.name, comps: =}\n  override: {exceptions: append}",
    ] {
        assert!(!problems(&rules, &yaml(wrong)).is_empty(), "{wrong}");
    }
    let tests = komainu::cli::rule_test_schema();
    for wrong in [
        json!({ "tests": [] }),
        json!({ "rules": [], "tests": [{ "test": "t", "event": { "type": "openat" } }] }),
        json!({ "rules": [], "tests": [{ "test": "t", "event": { "type": "opn" }, "expect": [] }] }),
    ] {
        assert!(!problems(&tests, &wrong).is_empty(), "{wrong}");
    }
}
