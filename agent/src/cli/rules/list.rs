//! `komainu rules list`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{layout, place};
use crate::rules::{Files, Rule, RuleSet};

/// Event types that a row of the table names; the rest is counted.
const MAX_TYPES: usize = 4;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Rule files, or directories of *.yaml and *.yml files, in the order in which they are loaded.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (rules, _, files) = super::load(&args.paths)?;
    if args.json {
        let rows: Vec<Value> = rules.rules().iter().map(|rule| row(rule, &files)).collect();
        super::print_json(&rows.into())?;
    } else {
        super::super::print(&table(&rules, &files))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(rules: &RuleSet, files: &Files) -> String {
    let heads = ["RULE", "PRIORITY", "ENABLED", "EVENTS", "TAGS", "AT"];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(rules.rules().iter().map(|rule| {
        [
            rule.name.clone(),
            rule.priority.name().to_owned(),
            if rule.enabled { "yes" } else { "no" }.to_owned(),
            types(rule),
            rule.tags.join(","),
            place::text(files, rule.at),
        ]
    }));
    layout::table(&rows)
}

/// Event types, short.
pub(super) fn types(rule: &Rule) -> String {
    if rule.matches_all_types {
        return "all".to_owned();
    }
    let shown = rule.event_types.iter().take(MAX_TYPES).copied();
    let shown = shown.collect::<Vec<_>>().join(",");
    match rule.event_types.len().saturating_sub(MAX_TYPES) {
        0 if shown.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown},+{more}"),
    }
}

fn row(rule: &Rule, files: &Files) -> Value {
    json!({
        "rule": rule.name,
        "priority": rule.priority.name(),
        "enabled": rule.enabled,
        "event_types": rule.event_types,
        "matches_all_types": rule.matches_all_types,
        "tags": rule.tags,
        "source": rule.source,
        "at": place::json(files, rule.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{LoadOptions, Source, load};

    #[test]
    fn a_row_for_every_rule_in_order() {
        let text = "- rule: B\n  desc: d\n  condition: evt.type in (open, openat, openat2, creat, execve)\n  \
                    output: o\n  priority: error\n  tags: [x, a]\n\
                    - rule: A\n  desc: d\n  condition: evt.type = connect\n  output: o\n  \
                    priority: info\n  enabled: false\n";
        let loaded = load(&[Source::new("f.yaml", text)], &LoadOptions::default());
        let rules = loaded.rules.unwrap();
        let table = table(&rules, &loaded.files);
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1][..3], ["B", "Error", "yes"]);
        assert!(lines[1][3].ends_with(",+1"), "{table}");
        assert_eq!(lines[1][4..], ["a,x", "f.yaml:1"]);
        assert_eq!(
            lines[2],
            ["A", "Informational", "no", "connect", "f.yaml:7"]
        );
        let json = row(&rules.rules()[1], &loaded.files);
        assert_eq!(
            json["at"],
            json!({"file": "f.yaml", "line": 7, "column": 9})
        );
        assert_eq!(json["event_types"], json!(["connect"]));
    }
}
