//! Which events a condition can match.

use std::collections::BTreeSet;
use std::path::Path;

use komainu::rules::infer_event_types;
use serde_json::Value;

use crate::data::{list, read};
use crate::report::Report;
use crate::values::rule;

pub(crate) fn run(folder: &Path, report: &mut Report) {
    let data = read(folder, "event_type_inference.json");
    for case in list(&data, "cases") {
        let input = case["input"].as_str().expect("text");
        let name = format!("{} {input}", case["domain"].as_str().unwrap_or_default());
        report.case("infer: event types", &name, compare(input, &case["result"]));
    }
    for case in list(&data, "analysis_accept_reject") {
        let input = case["input"].as_str().expect("text");
        let accepted = rule(input, "o").is_ok();
        let expected = case["expect"] == "accept";
        let difference = (accepted != expected).then(|| format!("accepted: {accepted}"));
        report.case("infer: accept, reject", input, difference);
    }
}

fn compare(input: &str, expected: &Value) -> Option<String> {
    let found = match infer_event_types(input) {
        Ok(found) => found,
        Err(error) => return Some(format!("rejected: {}", error.message)),
    };
    let names: BTreeSet<&str> = found.iter().copied().collect();
    let all = komainu::event::KNOWN_NAMES.len();
    let given = |value: &Value| -> BTreeSet<String> {
        let names = value.as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let same = match expected {
        Value::String(_) => names.len() == all,
        Value::Object(_) => {
            let except = given(&expected["all_except"]);
            names.len() == all - except.len() && !names.iter().any(|name| except.contains(*name))
        }
        list => {
            let wanted = given(list);
            names.len() == wanted.len() && names.iter().all(|name| wanted.contains(*name))
        }
    };
    (!same).then(|| format!("{} of {all} names, expected {expected}", names.len()))
}
