//! Parser: accept, reject, canonical text, tree.

use std::path::Path;

use komainu::rules::syntax::ast::{
    Check, Expr, FieldRef, Operand, Right, Transform, Value as Constant,
};
use komainu::rules::syntax::{DEFAULT_DEPTH, parse, print};
use serde_json::{Value, json};

use crate::data::{list, read};
use crate::report::Report;

pub(crate) fn run(folder: &Path, report: &mut Report) {
    for case in list(&read(folder, "filter_parser_accept.json"), "cases") {
        let input = case["input"].as_str().expect("text");
        report.case("parse: accept", input, accept(input, case));
        if case["whitespace_variants"] == true {
            let variants = [
                format!(" {input} "),
                input.replace(' ', "\n"),
                input.replace(' ', "\t"),
            ];
            for variant in variants {
                let failed = parse(&variant, DEFAULT_DEPTH).err();
                report.case("parse: accept", &variant, failed.map(|error| error.message));
            }
        }
    }
    for case in list(&read(folder, "filter_parser_reject.json"), "cases") {
        let generated = &case["input_generator"];
        let input = match generated["repeat"].as_str() {
            Some(text) => {
                text.repeat(usize::try_from(generated["count"].as_u64().unwrap()).unwrap())
            }
            None => case["input"].as_str().expect("text").to_owned(),
        };
        let name: String = input.chars().take(60).collect();
        report.case("parse: reject", &name, reject(&input, case));
    }
}

fn accept(input: &str, case: &Value) -> Option<String> {
    let expr = match parse(input, DEFAULT_DEPTH) {
        Ok(expr) => expr,
        Err(error) => return Some(format!("rejected: {} at {}", error.message, error.at)),
    };
    let printed = print(&expr);
    let canonical = case["canonical"].as_str().expect("text");
    if printed != canonical {
        return Some(format!("prints {printed}, not {canonical}"));
    }
    let tree = tree(&expr);
    (tree != case["tree"]).then(|| format!("tree is {tree}, not {}", case["tree"]))
}

fn reject(input: &str, case: &Value) -> Option<String> {
    match parse(input, DEFAULT_DEPTH) {
        Ok(expr) => Some(format!("accepted as {}", print(&expr))),
        Err(error) => {
            let at = case["error_pos"]["idx"].as_u64();
            let same = at == u64::try_from(error.at).ok();
            (!same).then(|| format!("stops at {} ({}), not {at:?}", error.at, error.message))
        }
    }
}

/// The tree in the form of the data.
fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::And(parts) => json!({"t": "and", "c": parts.iter().map(tree).collect::<Vec<_>>()}),
        Expr::Or(parts) => json!({"t": "or", "c": parts.iter().map(tree).collect::<Vec<_>>()}),
        Expr::Not(inner) => json!({"t": "not", "c": [tree(inner)]}),
        Expr::Macro(name) => json!({"t": "ident", "v": name.name}),
        Expr::Check(check) => check_tree(check),
    }
}

fn check_tree(check: &Check) -> Value {
    let op = match check.modifier {
        Some(modifier) => format!("{} {}", check.op.text(), modifier.text()),
        None => check.op.text().to_owned(),
    };
    let left = operand(&check.left);
    let right = match &check.right {
        Right::None => return json!({"t": "unary", "l": left, "op": op}),
        Right::Value(value) => constant(value),
        Right::List(values, _) => {
            json!({"t": "list", "v": values.iter().map(Constant::lossy).collect::<Vec<_>>()})
        }
        Right::Field(reference) => json!({"t": "xf", "x": "val", "c": [field(reference)]}),
        Right::Transform(inner) => transform(inner),
    };
    json!({"t": "binary", "l": left, "op": op, "r": right})
}

fn constant(value: &Constant) -> Value {
    json!({"t": "value", "v": value.lossy()})
}

fn operand(operand: &Operand) -> Value {
    match operand {
        Operand::Field(reference) => field(reference),
        Operand::Transform(inner) => transform(inner),
        Operand::Value(value) => constant(value),
        Operand::List(items, _) => {
            json!({"t": "tlist", "c": items.iter().map(self::operand).collect::<Vec<_>>()})
        }
    }
}

fn field(reference: &FieldRef) -> Value {
    match &reference.arg {
        Some(arg) => json!({"t": "field", "f": reference.name, "arg": arg}),
        None => json!({"t": "field", "f": reference.name}),
    }
}

fn transform(transform: &Transform) -> Value {
    let args: Vec<_> = transform.args.iter().map(operand).collect();
    let mut tree = json!({"t": "xf", "x": transform.kind.text(), "c": args});
    if let Some(index) = &transform.index {
        tree["arg"] = json!(index);
    }
    tree
}
