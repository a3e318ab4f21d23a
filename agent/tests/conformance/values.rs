//! Values and verdicts on events from snapshots.

use std::collections::HashMap;
use std::path::Path;

use komainu::rules::{LoadOptions, Matching, OutputOptions, RuleSet, Scratch, Source, load};
use serde_json::Value;

use crate::data::{list, read};
use crate::report::Report;
use crate::snapshot::Snapshot;

pub(crate) fn run(folder: &Path, report: &mut Report) {
    boolean(folder, report);
    for (file, group) in [
        ("filter_eval_cases.json", "eval: upstream tests"),
        ("field_extract_cases.json", "extract: upstream tests"),
        ("oracle_eval_probes.json", "eval: probes"),
    ] {
        let data = read(folder, file);
        let mut scratch = Scratch::default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for case in list(&data, "cases") {
            let input = case["input"].as_str().expect("text");
            let state = case["state"].as_str().expect("text");
            let snapshot = &data["states"][state];
            let event = snapshot["name"].as_str().unwrap_or_default();
            let base = format!("{event} {state}: {input}");
            let count = seen.entry(base.clone()).or_default();
            *count += 1;
            let first = *count == 1;
            let name = if *count > 1 {
                format!("{base} #{count}")
            } else {
                base
            };
            let difference = match Snapshot::new(snapshot) {
                None => Some(format!("event {event} is not in the event table")),
                Some(mut snapshot) => {
                    snapshot.world.accounts = first && input != "evt.arg.uid";
                    compare(case, input, &snapshot, &mut scratch)
                }
            };
            report.case(group, &name, difference);
        }
    }
}

/// Rules of a file with one rule of this condition and output.
pub(crate) fn rule(condition: &str, output: &str) -> Result<RuleSet, String> {
    let quoted = |text: &str| serde_json::to_string(text).expect("text");
    let (condition, output) = (quoted(condition), quoted(output));
    let text = format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  warn_evttypes: false\n  \
         condition: {condition}\n  output: {output}\n"
    );
    let options = LoadOptions {
        output: OutputOptions::default(),
        ..LoadOptions::default()
    };
    let result = load(&[Source::new("case.yaml", text)], &options);
    let first = result.errors().next().map(|error| error.message.clone());
    result.rules.ok_or_else(|| first.unwrap_or_default())
}

fn compare(
    case: &Value,
    input: &str,
    snapshot: &Snapshot,
    scratch: &mut Scratch,
) -> Option<String> {
    let event = snapshot.event();
    if let Some("value" | "has_value" | "absent") = case["kind"].as_str() {
        let rules = match rule("evt.num >= 0", &format!("%{input}")) {
            Ok(rules) => rules,
            Err(error) => return Some(format!("no such field: {error}")),
        };
        let output = &rules.rules()[0].output;
        let typed = output.output_fields(&event, &snapshot.world);
        let absent = typed.values().next().is_none_or(Value::is_null);
        let text = output.render(&event, &snapshot.world);
        let result = &case["result"];
        if case["kind"] == "has_value" {
            let differs = result.as_bool() != Some(!absent);
            return differs.then(|| format!("value {text}, expected presence {result}"));
        }
        let expected = result.as_str();
        if case["kind"] == "absent" || (expected.is_none() && !result.is_object()) {
            return (!absent).then(|| format!("value {text}, expected none"));
        }
        let expected = String::from_utf8_lossy(&crate::data::bytes(result)).into_owned();
        // The reference prints an absent value as `<NA>` as well.
        let same = text == expected;
        (!same).then(|| format!("value {text}, expected {expected}"))
    } else {
        let Some(expected) = case["result"].as_bool() else {
            let accepted = rule(input, "o").is_ok();
            return accepted.then(|| format!("evaluates, expected {}", case["result"]));
        };
        match rule(input, "o") {
            Err(error) => Some(format!("does not compile: {error}")),
            Ok(rules) => {
                let hits = rules.evaluate(&event, &snapshot.world, Matching::First, scratch);
                let matched = !hits.is_empty();
                (matched != expected).then(|| format!("{matched}, expected {expected}"))
            }
        }
    }
}

/// Truth tables: fields of a made-up process stand for the mock fields of the data.
fn boolean(folder: &Path, report: &mut Report) {
    let state = serde_json::json!({
        "name": "open", "num": 1, "ts": 1, "cpu": 0,
        "params": [{"name": "fd", "type": "FD", "hex": "0300000000000000", "empty": false}],
        "thread": {
            "pid": 1, "tid": 1, "comm": "1", "exe": "no", "exepath": "hello \"quoted\"",
            "cwd": "hello 'quoted'", "args": [], "env": [],
        },
        "ancestors": [],
    });
    let snapshot = Snapshot::new(&state).expect("an event");
    let mut scratch = Scratch::default();
    for case in list(&read(folder, "filter_bool_eval.json"), "cases") {
        let input = case["input"].as_str().expect("text");
        let stands = [
            ("c.true", "proc.name"),
            ("c.false", "proc.exe"),
            ("c.doublequote", "proc.exepath"),
            ("c.singlequote", "proc.cwd"),
            ("c.buffer", "evt.buffer"),
        ];
        let text = stands.iter().fold(input.to_owned(), |text, (mock, field)| {
            text.replace(mock, field)
        });
        let difference = match rule(&text, "o") {
            Err(error) => Some(format!("does not compile: {error}")),
            Ok(rules) => {
                let event = snapshot.event();
                let hits = rules.evaluate(&event, &snapshot.world, Matching::First, &mut scratch);
                let expected = case["expect"] == true;
                (hits.is_empty() == expected).then(|| format!("{}, not {expected}", !expected))
            }
        };
        report.case("eval: truth tables", input, difference);
    }
}
