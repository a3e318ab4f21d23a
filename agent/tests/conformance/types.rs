//! Compile verdicts: upstream's cases, and the matrix of types and operators.

use std::path::Path;

use crate::data::{list, read};
use crate::report::Report;
use crate::values::rule;

pub(crate) fn run(folder: &Path, report: &mut Report) {
    for case in list(&read(folder, "filter_compile_cases.json"), "cases") {
        let input = case["input"].as_str().expect("text");
        let text = ["c.true", "c.false", "c.doublequote", "c.singlequote"]
            .iter()
            .fold(input.to_owned(), |text, mock| {
                text.replace(mock, "proc.name")
            })
            .replace("c.buffer", "evt.buffer");
        let expected = case["expect"] == "accept";
        report.case("compile: upstream tests", input, verdict(&text, expected));
    }
    let data = read(folder, "oracle_type_operator_matrix.json");
    for (field, operators) in data["matrix"].as_object().expect("fields") {
        for (op, cells) in operators.as_object().expect("operators") {
            for (right, cell) in cells.as_object().expect("cells") {
                let text = condition(field, op, right);
                let expected = cell.as_str().expect("text").starts_with("ok");
                report.case("compile: type × operator", &text, verdict(&text, expected));
            }
        }
    }
}

/// The condition of a cell.
fn condition(field: &str, op: &str, right: &str) -> String {
    let left = match op.split_once("()") {
        Some((transformer, rest)) => return format!("{transformer}({field}){rest} {right}"),
        None => field,
    };
    if op.contains("(F") {
        return format!("{} {right}", op.replace('F', field));
    }
    format!("{left} {op} {right}")
}

fn verdict(text: &str, expected: bool) -> Option<String> {
    match (rule(text, "o"), expected) {
        (Ok(_), false) => Some("accepted".to_owned()),
        (Err(error), true) => Some(format!("rejected: {error}")),
        _ => None,
    }
}
