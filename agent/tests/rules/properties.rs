//! Properties: the parser survives everything, printing reads back, the compiled evaluator agrees with a
//! naive one.

use komainu::rules::syntax::ast::{Check, Expr, Modifier, Op, Operand, Right};
use komainu::rules::syntax::{DEFAULT_DEPTH, parse, print};
use komainu::rules::{LoadOptions, Matching, Scratch, Source, load};
use proptest::prelude::*;

use crate::events::{openat, rule, table};

/// Pieces that conditions are made of, so that random text gets deep into the parser.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "proc.name",
        "fd.name",
        "evt.type",
        "proc.aname[2]",
        "fd.num",
        "a_macro",
        "and",
        "or",
        "not",
        "(",
        ")",
        "=",
        "!=",
        "in",
        "intersects",
        "pmatch",
        "contains",
        "startswith",
        "exists",
        "glob",
        "regex",
        "oneof",
        "anyof",
        "val(",
        "tolower(",
        "len(",
        "join(",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "\\",
        "\\x41",
        " ",
        "\t",
        "\n",
        "1",
        "-1.5e+3",
        "0x1F",
        "/etc",
        "é",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
}

/// A constant that may need quotes.
fn word() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-c]{0,3}",
        prop::sample::select(vec![
            "/etc/shadow",
            "/tmp/link",
            "/etc",
            "shadow",
            "cat",
            "a b",
            "it's",
            "\\",
            ""
        ])
        .prop_map(str::to_owned),
    ]
    .boxed()
}

/// A comparison of a text field, as written.
fn comparison() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "fd.name",
        "fd.directory",
        "fd.filename",
        "proc.name",
        "proc.exe",
        "evt.type.is.open",
        "fd.resolved",
        "proc.env[X]",
    ]);
    let quoted = word().prop_map(|word| {
        String::from_utf8_lossy(&komainu::rules::syntax::quote(word.as_bytes())).into_owned()
    });
    let quoted = quoted.boxed();
    let text = prop::sample::select(vec![
        "=",
        "!=",
        "contains",
        "icontains",
        "startswith",
        "endswith",
    ]);
    let list = prop::collection::vec(quoted.clone(), 0..4)
        .prop_map(|words| words.join(", "))
        .boxed();
    let modifier = prop::sample::select(vec!["oneof", "anyof", "allof"]);
    let name = field
        .clone()
        .prop_filter("text", |field| *field != "evt.type.is.open");
    prop_oneof![
        (name.clone(), text.clone(), quoted).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        (name.clone(), list.clone()).prop_map(|(f, l)| format!("{f} in ({l})")),
        (name, text, modifier, list).prop_map(|(f, op, m, l)| format!("{f} {op} {m} ({l})")),
        field.prop_map(|f| format!("{f} exists")),
    ]
}

/// A condition.
fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|any| format!("({})", any.join(" or "))),
            inner.prop_map(|one| format!("not {one}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parser_survives_any_text(text in ".{0,200}") {
        drop(parse(&text, DEFAULT_DEPTH));
    }

    #[test]
    fn the_parser_survives_token_soup(text in soup()) {
        if let Err(error) = parse(&text, DEFAULT_DEPTH) {
            prop_assert!(error.at <= text.len());
        }
    }

    #[test]
    fn what_is_printed_reads_back(text in condition()) {
        let expr = parse(&text, DEFAULT_DEPTH).unwrap();
        let printed = print(&expr);
        let again = parse(&printed, DEFAULT_DEPTH).unwrap();
        prop_assert_eq!(print(&again), printed);
    }

    #[test]
    fn loading_survives_any_condition(text in soup()) {
        let quoted = serde_json::to_string(&text).unwrap();
        let yaml = format!("- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: {quoted}\n");
        let result = load(&[Source::new("rules.yaml", yaml)], &LoadOptions::default());
        prop_assert!(result.rules.is_some() || !result.render(false).is_empty());
    }

    #[test]
    fn loading_survives_any_output(text in "[%a-z. \\[\\]0-9(),*]{0,60}") {
        let quoted = serde_json::to_string(&text).unwrap();
        let yaml = format!("- rule: r\n  desc: d\n  priority: INFO\n  condition: evt.type=open\n  output: {quoted}\n");
        let result = load(&[Source::new("rules.yaml", yaml)], &LoadOptions::default());
        prop_assert!(result.rules.is_some() || !result.render(false).is_empty());
    }

    #[test]
    fn loading_survives_any_yaml(text in "[-a-z: \\n\\[\\]{}&*'\"|>#,]{0,200}") {
        let result = load(&[Source::new("rules.yaml", text)], &LoadOptions::default());
        drop(result.render(false));
    }

    #[test]
    fn compiled_and_naive_evaluation_agree(
        text in condition(),
        asked in prop::sample::select(vec!["/etc/shadow", "/tmp/link", "/a", "/etc/a/b"]),
        resolved in prop::sample::select(vec!["/etc/shadow", "/tmp/link", "/b"]),
    ) {
        let expr = parse(&text, DEFAULT_DEPTH).unwrap();
        let expected = naive(&expr, asked, resolved) || naive_resolved(&expr, asked, resolved);
        let event = openat(asked, resolved);
        let mut scratch = Scratch::default();
        let rules = rule(&text);
        let found = !rules.evaluate(&event, &table(), Matching::First, &mut scratch).is_empty();
        prop_assert_eq!(found, expected, "{}", text);
    }
}

/// The condition with the asked name.
fn naive(expr: &Expr, asked: &str, resolved: &str) -> bool {
    holds(expr, &|field| value(field, asked, resolved))
}

/// The condition with the kernel's name.
fn naive_resolved(expr: &Expr, asked: &str, resolved: &str) -> bool {
    asked != resolved && holds(expr, &|field| value(field, resolved, resolved))
}

/// Values of the fields that conditions above use.
fn value(field: &str, name: &str, resolved: &str) -> Option<String> {
    let slash = name.rfind('/').unwrap();
    Some(match field {
        "fd.name" => name.to_owned(),
        "fd.directory" if slash == 0 => "/".to_owned(),
        "fd.directory" => name[..slash].to_owned(),
        "fd.filename" => name[slash + 1..].to_owned(),
        "fd.resolved" => resolved.to_owned(),
        "proc.name" => "cat".to_owned(),
        "proc.exe" => "/bin/cat".to_owned(),
        "proc.env" => String::new(),
        _ => "0".to_owned(),
    })
}

fn holds(expr: &Expr, value: &dyn Fn(&str) -> Option<String>) -> bool {
    match expr {
        Expr::And(parts) => parts.iter().all(|part| holds(part, value)),
        Expr::Or(parts) => parts.iter().any(|part| holds(part, value)),
        Expr::Not(inner) => !holds(inner, value),
        Expr::Macro(_) => false,
        Expr::Check(check) => check_holds(check, value),
    }
}

fn check_holds(check: &Check, value: &dyn Fn(&str) -> Option<String>) -> bool {
    let Operand::Field(field) = &check.left else {
        return false;
    };
    let Some(left) = value(&field.name) else {
        return false;
    };
    let one = |right: &[u8]| {
        let right = String::from_utf8_lossy(right);
        match check.op {
            Op::Eq | Op::EqEq | Op::In => left == right,
            Op::Ne => left != right,
            Op::Contains => left.contains(&*right),
            Op::Icontains => left
                .to_ascii_lowercase()
                .contains(&right.to_ascii_lowercase()),
            Op::Startswith => left.starts_with(&*right),
            Op::Endswith => left.ends_with(&*right),
            _ => false,
        }
    };
    match (&check.right, check.modifier) {
        (Right::None, _) => true,
        (Right::Value(right), _) => one(&right.bytes),
        (Right::List(items, _), modifier) => {
            let hits = items.iter().filter(|item| one(&item.bytes)).count();
            match modifier {
                None | Some(Modifier::Anyof) => hits > 0,
                Some(Modifier::Oneof) => hits == 1,
                Some(Modifier::Allof) => hits > 0 && hits == items.len(),
            }
        }
        _ => false,
    }
}
