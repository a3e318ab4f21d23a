//! Rule files: verdict, first error's code, messages, compiled conditions, rules.

use std::path::Path;

use komainu::rules::diagnostics::{Diagnostic, Severity};
use komainu::rules::{LoadOptions, LoadResult, OutputOptions, Source, load};
use serde_json::Value;

use crate::data::{list, read};
use crate::report::Report;

pub(crate) fn run(folder: &Path, report: &mut Report) {
    upstream(folder, report);
    for case in list(&read(folder, "rules_load_cases.json"), "cases") {
        suite_case(case, report);
    }
    for case in list(&read(folder, "oracle_load_probes.json"), "cases") {
        let id = case["id"].as_str().expect("text");
        let result = load_files(&[("rules.yaml", case["yaml"].as_str().expect("text"))]);
        report.case("load: probes", id, probe(case, &result));
    }
    for case in list(&read(folder, "plugin_requirement_cases.json"), "cases") {
        let yaml = case["yaml"].as_str().expect("text");
        let result = load_files(&[("rules.yaml", yaml)]);
        let plugins: Vec<(&str, &str)> = list(case, "loaded_plugins")
            .iter()
            .map(|p| (p["name"].as_str().unwrap(), p["version"].as_str().unwrap()))
            .collect();
        let met = result
            .rules
            .as_ref()
            .is_some_and(|rules| rules.unmet_plugins(&plugins).is_empty());
        let expected = case["expect"] == true;
        let name: String = format!("{plugins:?} for {yaml}")
            .chars()
            .take(150)
            .collect();
        report.case(
            "load: plugins",
            &name,
            (met != expected).then(|| format!("{met}")),
        );
    }
    for case in list(&read(folder, "engine_misc_cases.json"), "cases") {
        if case["kind"] == "matches_wildcard" {
            let (pattern, input) = (
                case["pattern"].as_str().unwrap(),
                case["input"].as_str().unwrap(),
            );
            let matched = komainu::rules::name_matches(pattern, input);
            let difference = (case["expect"] != matched).then(|| format!("{matched}"));
            report.case("load: misc", &format!("{pattern} on {input}"), difference);
        }
    }
}

/// The upstream rule file loads with no error and no warning, as the inventory describes it.
fn upstream(folder: &Path, report: &mut Report) {
    inventory(folder, report);
    let path = folder.join("../rules-upstream/falco_rules.yaml");
    let Ok(text) = std::fs::read(path) else {
        return;
    };
    let result = load(
        &[Source::new("falco_rules.yaml", text)],
        &LoadOptions::default(),
    );
    let shown = (!result.diagnostics.is_empty()).then(|| result.render(false));
    report.case("load: upstream", "falco_rules.yaml", shown);
    let Some(rules) = result.rules else { return };
    for known in list(&read(folder, "rules_inventory.json"), "rules") {
        if known["file"] != "falco_rules.yaml" {
            continue;
        }
        let name = known["rule"].as_str().expect("text");
        let difference = match rules.rules().iter().find(|rule| rule.name == name) {
            None => Some("missing".to_owned()),
            Some(rule) => {
                let mut types: Vec<&str> = rule.event_types.clone();
                types.sort_unstable();
                let mut expected: Vec<&str> = list(known, "evt_types")
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                expected.sort_unstable();
                (types != expected).then(|| format!("event types {types:?}, not {expected:?}"))
            }
        };
        report.case("load: upstream", name, difference);
    }
}

/// Every field and event type of all upstream rules is in the tables.
fn inventory(folder: &Path, report: &mut Report) {
    let mut names = std::collections::BTreeSet::new();
    let data = read(folder, "rules_inventory.json");
    for rule in list(&data, "rules") {
        let fields = list(rule, "condition_fields")
            .iter()
            .chain(list(rule, "output_fields"));
        names.extend(fields.filter_map(Value::as_str).map(str::to_owned));
        for event in list(rule, "evt_types").iter().filter_map(Value::as_str) {
            let missing = komainu::event::event_type(event).is_none();
            report.case(
                "load: inventory",
                event,
                missing.then(|| "no such event".to_owned()),
            );
        }
    }
    for name in names {
        let error = crate::values::rule(&format!("{name} exists"), "o").err();
        report.case("load: inventory", &name, error);
    }
}

fn load_files(files: &[(&str, &str)]) -> LoadResult {
    let sources: Vec<_> = files
        .iter()
        .map(|(name, text)| Source::new(*name, *text))
        .collect();
    let options = LoadOptions {
        output: OutputOptions::default(),
        ..LoadOptions::default()
    };
    load(&sources, &options)
}

fn suite_case(case: &Value, report: &mut Report) {
    let id = case["id"].as_str().expect("text");
    let files: Vec<(&str, &str)> = list(case, "files")
        .iter()
        .map(|file| {
            (
                file["name"].as_str().unwrap(),
                file["content"].as_str().unwrap(),
            )
        })
        .collect();
    let result = load_files(&files);
    report.case(
        "load: upstream tests",
        id,
        verdict(&case["expected"]["ok"], &result),
    );
    let observed = list(&case["observed"], "results");
    let first = observed.iter().flat_map(|file| list(file, "errors")).next();
    if let Some(first) = first {
        let code = result.errors().next().map(|error| error.code.falco);
        let same = code == first["code"].as_str();
        let difference =
            (!same && code.is_some()).then(|| format!("{code:?}, not {}", first["code"]));
        report.case("load: error codes", id, difference);
    }
    for assert in list(case, "upstream_asserts") {
        let text = assert.to_string();
        let name: String = format!("{id}: {text}").chars().take(170).collect();
        if let Some(difference) = assertion(assert, &result) {
            report.case("load: assertions", &name, difference);
        }
    }
    compare_rules(id, &case["observed"]["rules"], &result, report);
}

fn verdict(expected: &Value, result: &LoadResult) -> Option<String> {
    let loaded = result.rules.is_some();
    let first = result
        .errors()
        .next()
        .map(|error| format!("{}: {}", error.code.id, error.message));
    (*expected != loaded).then(|| format!("loads: {loaded}, {first:?}"))
}

/// Compiled conditions and switches, where both loaded.
fn compare_rules(id: &str, rules: &Value, result: &LoadResult, report: &mut Report) {
    let (Some(known), Some(loaded)) = (rules.as_array(), &result.rules) else {
        return;
    };
    for known in known {
        let name = known["name"].as_str().expect("text");
        let difference = match loaded.rules().iter().find(|rule| rule.name == name) {
            None => Some("missing".to_owned()),
            Some(rule) => {
                let compiled = loaded.compiled_condition(rule).unwrap_or_default();
                let expected = known["condition_compiled"].as_str().unwrap_or_default();
                if compiled != expected {
                    Some(format!("{compiled}, not {expected}"))
                } else if known["enabled"] != rule.enabled {
                    Some(format!("enabled: {}", rule.enabled))
                } else if known["priority"] != rule.priority.name() {
                    Some(format!("priority: {}", rule.priority.name()))
                } else {
                    None
                }
            }
        };
        report.case("load: compiled rules", &format!("{id}: {name}"), difference);
    }
}

fn probe(case: &Value, result: &LoadResult) -> Option<String> {
    if let Some(difference) = verdict(&case["ok"], result) {
        return Some(difference);
    }
    let codes = |severity: Severity| -> Vec<&str> {
        let of = result
            .diagnostics
            .iter()
            .filter(|d| d.code.severity == severity);
        of.filter(|d| !is_ours(d)).map(|d| d.code.falco).collect()
    };
    let known = |key: &str| -> Vec<&str> {
        list(case, key)
            .iter()
            .filter_map(|entry| entry["code"].as_str())
            .collect()
    };
    let (errors, expected) = (codes(Severity::Error), known("errors"));
    if errors.first() != expected.first() {
        return Some(format!("errors {errors:?}, not {expected:?}"));
    }
    let (mut warnings, mut expected) = (codes(Severity::Warning), known("warnings"));
    warnings.sort_unstable();
    expected.sort_unstable();
    if result.rules.is_some() && warnings != expected {
        return Some(format!("warnings {warnings:?}, not {expected:?}"));
    }
    let rules = result.rules.as_ref()?;
    for known in list(case, "rules") {
        let name = known["name"].as_str().expect("text");
        let Some(rule) = rules.rules().iter().find(|rule| rule.name == name) else {
            return Some(format!("{name} is missing"));
        };
        let compiled = rules.compiled_condition(rule).unwrap_or_default();
        if known["condition_compiled"] != compiled {
            return Some(format!("{compiled}, not {}", known["condition_compiled"]));
        }
        let tags: Vec<_> = list(known, "tags")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        if rule.tags != tags || known["enabled"] != rule.enabled || known["desc"] != rule.desc {
            return Some(format!("{rule:?}, not {known}"));
        }
    }
    None
}

/// Warnings that only we give.
fn is_ours(diagnostic: &Diagnostic) -> bool {
    diagnostic.code.falco == "LOAD_WARNING_EXTENSION"
}

/// What upstream checks beyond the verdict; the outer `None` where it does not apply.
fn assertion(assert: &Value, result: &LoadResult) -> Option<Option<String>> {
    let text = |key: &str| assert[key].as_str().unwrap_or_default();
    let holds = match text("kind") {
        "compiled_condition" => {
            let rules = result.rules.as_ref()?;
            let rule = rules
                .rules()
                .iter()
                .find(|rule| rule.name == text("rule"))?;
            rules.compiled_condition(rule).as_deref() == Some(text("value"))
        }
        "has_warnings" => {
            let any = result.warnings().any(|warning| !is_ours(warning));
            assert["value"] == any
        }
        "error" | "warning" => {
            if assert["holds_on_pinned_engine"] == false {
                return None;
            }
            let severity = if text("kind") == "error" {
                Severity::Error
            } else {
                Severity::Warning
            };
            result
                .diagnostics
                .iter()
                .filter(|d| d.code.severity == severity)
                .any(|d| {
                    let code = text("code").is_empty() || d.code.falco == text("code");
                    let named = text("item_name").is_empty()
                        || d.items.iter().any(|item| item.name == text("item_name"));
                    let kind = text("item_type").is_empty()
                        || d.items.iter().any(|item| item.kind == text("item_type"));
                    code && named && kind
                })
        }
        "check_warning_message" | "check_error_message" => {
            let error = text("kind") == "check_error_message";
            let found = result
                .diagnostics
                .iter()
                .any(|d| d.is_error() == error && d.message.contains(text("msg")));
            assert["value"] == found
        }
        _ => return None,
    };
    Some((!holds).then(|| "does not hold".to_owned()))
}
