//! What `rules show` prints.

use super::*;
use crate::rules::{LoadOptions, LoadResult, Source, load};

const BASE: &str = "\
- list: inner
  items: [a, b]
- list: outer
  items: [inner, c]
- macro: named
  condition: proc.name in (outer)
- macro: spawned
  condition: evt.type = execve and named
- rule: R
  desc: d
  condition: spawned
  output: first
  priority: INFO
  tags: [x]
";
const LOCAL: &str = "\
- list: inner
  items: [z]
  override: {items: append}
- rule: R
  condition: and user.uid = 0
  priority: ERROR
  tags: [y]
  override: {condition: append, priority: replace, tags: append}
- rule: R
  exceptions:
    - {name: e, fields: proc.exe, values: [/bin/a]}
  override: {exceptions: append}
";

fn loaded() -> LoadResult {
    let files = [
        Source::new("base.yaml", BASE),
        Source::new("local.yaml", LOCAL),
    ];
    load(&files, &LoadOptions::default())
}

fn shown(loaded: &LoadResult) -> Shown<'_> {
    let rules = loaded.rules.as_ref().unwrap();
    Shown {
        rule: find(rules, &loaded.catalog, "R").unwrap(),
        rules,
        catalog: &loaded.catalog,
        files: &loaded.files,
    }
}

#[test]
fn every_part_with_its_origin() {
    let loaded = loaded();
    let text = shown(&loaded).text().unwrap();
    for line in [
        "priority: Error",
        "tags: x, y",
        "  base.yaml:9   defined",
        "  local.yaml:4  appends to condition, tags; replaces priority",
        "  local.yaml:9  appends to exceptions",
        "  spawned and user.uid = 0",
        "  e  local.yaml:11",
        "    [proc.exe in]",
        "    - [/bin/a]",
        "  macro spawned",
        "    macro named",
        "      list outer",
        "        list inner",
        "          local.yaml:1  appends to items",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line:?} in:\n{text}"
        );
    }
    assert!(text.contains("proc.name in (a, b, z, c)"), "{text}");
}

#[test]
fn json_says_the_same() {
    let loaded = loaded();
    let json = shown(&loaded).json();
    assert_eq!(json["condition"], "spawned and user.uid = 0");
    assert_eq!(json["from"][1]["at"]["file"], "local.yaml");
    assert_eq!(json["from"][1]["keys"]["priority"], "replace");
    let names: Vec<&str> = json["uses"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|used| used["name"].as_str())
        .collect();
    assert_eq!(names, ["spawned", "named", "outer", "inner"]);
    assert_eq!(json["exceptions"][0]["values"], json!([["/bin/a"]]));
}

#[test]
fn what_an_earlier_definition_said_is_left_out() {
    let again = "- macro: named\n  condition: proc.name = q\n";
    let files = [
        Source::new("base.yaml", BASE),
        Source::new("again.yaml", again),
    ];
    let loaded = load(&files, &LoadOptions::default());
    let origins = loaded.catalog.origins(DefKind::Macro, "named");
    assert_eq!(origins.len(), 1);
    assert_eq!(loaded.files.name(origins[0].at.file), "again.yaml");
}

#[test]
fn unknown_names_have_suggestions() {
    let loaded = loaded();
    let rules = loaded.rules.as_ref().unwrap();
    let error = find(rules, &loaded.catalog, "r").unwrap_err().to_string();
    assert!(error.contains("\"R\""), "{error}");
}
