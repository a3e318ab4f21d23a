//! Functions on text: quoting, transformers, path prefixes, joined paths, output formats.

use std::path::Path;

use komainu::event::path;
use komainu::rules::syntax::{quote, unquote};
use komainu::rules::{Matching, Scratch};
use serde_json::{Value, json};

use crate::data::{bytes, list, read};
use crate::report::Report;
use crate::snapshot::Snapshot;
use crate::values::rule;

pub(crate) fn run(folder: &Path, report: &mut Report) {
    let data = read(folder, "string_function_cases.json");
    for case in list(&data, "escape") {
        let (input, expected) = (bytes(&case["in"]), bytes(&case["out"]));
        let found = quote(&input);
        report.case("text: quote", &lossy(&input), differs(&found, &expected));
    }
    for case in list(&data, "unescape") {
        let input = bytes(&case["in"]);
        let difference = match unquote(&input[1..input.len() - 1], input[0]) {
            Ok(found) if case["error"].is_null() => differs(&found, &bytes(&case["out"])),
            Ok(found) => Some(format!("accepted as {}", lossy(&found))),
            Err(error) if case["error"].is_null() => Some(error),
            Err(_) => None,
        };
        report.case("text: unquote", &lossy(&input), difference);
    }
    for case in list(&data, "concat_path") {
        let (base, relative) = (bytes(&case["path1"]), bytes(&case["path2"]));
        let mut found = Vec::new();
        path::join(&base, &relative, &mut found);
        let name: String = format!("{} + {}", lossy(&base), lossy(&relative))
            .chars()
            .take(80)
            .collect();
        report.case(
            "text: join paths",
            &name,
            differs(&found, &bytes(&case["out"])),
        );
    }
    for case in list(&data, "pmatch") {
        let set: Vec<_> = list(case, "set").iter().filter_map(Value::as_str).collect();
        let path = case["path"].as_str().expect("text");
        let quoted: Vec<_> = set.iter().map(|path| format!("\"{path}\"")).collect();
        let condition = format!("proc.exepath pmatch ({})", quoted.join(", "));
        let matched = matches(&condition, path);
        let difference = (case["result"] != json!(matched)).then(|| format!("{matched:?}"));
        report.case("text: pmatch", &format!("{path} in {set:?}"), difference);
    }
    for case in list(&data, "transform") {
        if case["is_list"] == true || case["in_type"] == "UINT64" {
            continue;
        }
        let text = |value: &Value| {
            let mut bytes = bytes(value);
            bytes.pop();
            lossy(&bytes)
        };
        let function = case["test"]
            .as_str()
            .expect("text")
            .rsplit('.')
            .next()
            .expect("a name");
        let input = text(&list(case, "in")[0]);
        let out = &list(case, "out")[0];
        let expected = match case["out_type"].as_str() {
            Some("UINT64") => input.len().to_string(),
            _ => format!("{:?}", text(out)),
        };
        let matched = matches(&format!("{function}(proc.exepath) = {expected}"), &input);
        let difference = (matched != Some(true)).then(|| format!("not {expected}"));
        report.case(
            "text: transformers",
            &format!("{function} {input}"),
            difference,
        );
    }
    formats(folder, report);
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn differs(found: &[u8], expected: &[u8]) -> Option<String> {
    (found != expected).then(|| format!("{}, not {}", lossy(found), lossy(expected)))
}

/// Whether a condition holds for a process with this executable; `None` where it does not compile.
fn matches(condition: &str, exe_path: &str) -> Option<bool> {
    let state = json!({
        "name": "open", "num": 1, "ts": 1, "cpu": 0, "params": [],
        "thread": {"pid": 1, "tid": 1, "comm": "x", "exepath": exe_path, "args": [], "env": []},
        "ancestors": [],
    });
    let snapshot = Snapshot::new(&state)?;
    let rules = rule(condition, "o").ok()?;
    let mut scratch = Scratch::default();
    let event = snapshot.event();
    let hits = rules.evaluate(&event, &snapshot.world, Matching::First, &mut scratch);
    Some(!hits.is_empty())
}

/// Output formats on a failed getcwd.
fn formats(folder: &Path, report: &mut Report) {
    for case in list(&read(folder, "output_format_cases.json"), "cases") {
        let format = case["format"].as_str().expect("text");
        let variant = if case["json"] == true { " (json)" } else { "" };
        report.case(
            "output: formats",
            &format!("{format}{variant}"),
            format_case(case, format),
        );
    }
}

fn format_case(case: &Value, format: &str) -> Option<String> {
    let rules = match rule("evt.num >= 0", format) {
        Ok(rules) if case["error"].is_null() => rules,
        Ok(_) => return Some("accepted".to_owned()),
        Err(_) if !case["error"].is_null() => return None,
        Err(error) => return Some(format!("rejected: {error}")),
    };
    let threads = list(case, "threads");
    let state = json!({
        "name": "getcwd", "num": 1, "ts": 1, "cpu": 0,
        "params": [
            {"name": "res", "type": "ERRNO", "hex": "feffffffffffffff", "empty": false},
            {"name": "path", "type": "CHARBUF", "hex": "2f746573742f64697200", "empty": false},
        ],
        "thread": threads.first(),
        "ancestors": threads.get(1..).unwrap_or_default(),
    });
    let snapshot = Snapshot::new(&state)?;
    let event = snapshot.event();
    let output = &rules.rules()[0].output;
    if case["json"] == true {
        let found = Value::Object(output.output_fields(&event, &snapshot.world));
        let expected: Value = match case["output"].as_str() {
            Some(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            None => case["output"].clone(),
        };
        return (found != expected).then(|| format!("{found}, not {expected}"));
    }
    let found = output.render(&event, &snapshot.world);
    let expected = case["output"].as_str().unwrap_or_default();
    // Without a leading `*` the reference stops at the first missing value.
    let same = if case["ok"] == true {
        found == expected
    } else {
        found.starts_with(expected)
    };
    (!same).then(|| format!("{found:?}, not {expected:?}"))
}
