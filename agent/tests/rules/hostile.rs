//! Hostile rule files: a clear error, in bounded time and memory.

use std::time::{Duration, Instant};

use komainu::rules::{LoadOptions, LoadResult, Matching, Scratch, Source, load};

use crate::events::{openat, rules, table};

const RULE: &str = "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: ";

/// Loads and checks that it did not take long.
fn quickly(text: impl Into<Vec<u8>>) -> LoadResult {
    let begun = Instant::now();
    let result = load(
        &[Source::new("hostile.yaml", text)],
        &LoadOptions::default(),
    );
    let rendered = result.render(false);
    assert!(
        rendered.len() < 1 << 20,
        "{} bytes of messages",
        rendered.len()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "took {:?}",
        begun.elapsed()
    );
    result
}

fn codes(result: &LoadResult) -> Vec<&'static str> {
    result.errors().map(|error| error.code.id).collect()
}

#[test]
fn invalid_utf8_has_a_place() {
    let result = quickly(b"- list: a\n  items: [\xff]\n".as_slice());
    assert_eq!(codes(&result), ["E0002"]);
    let error = result.errors().next().unwrap();
    assert_eq!(result.files.position(error.primary.span).line, 2);
}

#[test]
fn files_over_the_limit_are_refused() {
    let result = quickly(vec![b'#'; (16 << 20) + 1]);
    assert_eq!(codes(&result), ["E0004"]);
}

#[test]
fn ten_megabytes_load() {
    let mut text = String::with_capacity(10 << 20);
    let mut at = 0;
    while text.len() < 10 << 20 {
        text.push_str(&format!(
            "- list: l{at}\n  items: [{}]\n",
            "word, ".repeat(100) + "end"
        ));
        at += 1;
    }
    let result = quickly(text);
    assert!(
        result.rules.is_some() || codes(&result) == ["E0004"],
        "{:?}",
        codes(&result)
    );
}

#[test]
fn a_list_of_100_000_items_loads_and_matches() {
    let items: Vec<String> = (0..100_000).map(|n| format!("/file/{n}")).collect();
    let text = format!(
        "- list: many\n  items: [{}]\n{RULE}evt.type = openat and fd.name in (many)\n",
        items.join(", ")
    );
    let result = quickly(text);
    let rules = result.rules.unwrap();
    let mut scratch = Scratch::default();
    let hit = openat("/file/99999", "/file/99999");
    assert_eq!(
        rules.evaluate(&hit, &table(), Matching::First, &mut scratch),
        [0]
    );
    let miss = openat("/file/100000", "/file/100000");
    assert!(
        rules
            .evaluate(&miss, &table(), Matching::First, &mut scratch)
            .is_empty()
    );
}

#[test]
fn a_thousand_parentheses_are_refused() {
    let depth = 1000;
    let text = format!(
        "{RULE}{}evt.type=open{}\n",
        "(".repeat(depth),
        ")".repeat(depth)
    );
    assert_eq!(codes(&quickly(text)), ["E0301"]);
    let text = format!(
        "{RULE}{}evt.type=open{}\n",
        "(".repeat(100),
        ")".repeat(100)
    );
    assert!(quickly(text).rules.is_some());
}

#[test]
fn deep_yaml_is_refused() {
    let text = format!(
        "- list: a\n  items: {}x{}\n",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert!(!codes(&quickly(text)).is_empty());
}

#[test]
fn macro_circles_are_found() {
    let text = "- macro: a\n  condition: evt.type=open\n- macro: b\n  condition: a\n\
                - macro: a\n  condition: or b\n  override:\n    condition: append\n";
    assert_eq!(codes(&quickly(text)), ["E0207"]);
}

#[test]
fn doubling_macros_cost_nothing() {
    let mut text = String::from("- macro: m0\n  condition: proc.name = a\n");
    for n in 1..90 {
        text.push_str(&format!(
            "- macro: m{n}\n  condition: (m{0} and fd.num = {n}) or (m{0} and fd.num = {1})\n",
            n - 1,
            n + 1000
        ));
    }
    text.push_str(RULE);
    text.push_str("evt.type = openat and m89\n");
    let result = quickly(text);
    let rules = result.rules.unwrap();
    let mut scratch = Scratch::default();
    let event = openat("/a", "/a");
    assert!(
        rules
            .evaluate(&event, &table(), Matching::All, &mut scratch)
            .is_empty()
    );
    assert_eq!(
        rules.compiled_condition(&rules.rules()[0]),
        None,
        "too long to print"
    );
}

#[test]
fn chains_of_macros_do_not_exhaust_the_stack() {
    let chain = |length: usize, more: &str| {
        let mut text = String::from("- macro: m0\n  condition: evt.type = openat\n");
        for n in 1..length {
            text.push_str(&format!(
                "- macro: m{n}\n  condition: m{}{more}{n}\n",
                n - 1
            ));
        }
        text.push_str(&format!("{RULE}m{}\n", length - 1));
        text
    };
    assert_eq!(codes(&quickly(chain(20_000, " and fd.num >= "))), ["E0004"]);
    let result = quickly(chain(200, " and fd.num >= "));
    let rules = result.rules.unwrap();
    let mut scratch = Scratch::default();
    let event = openat("/a", "/a");
    assert!(
        rules
            .evaluate(&event, &table(), Matching::All, &mut scratch)
            .is_empty()
    );
    assert!(rules.compiled_condition(&rules.rules()[0]).is_some());
    // Names for the same thing add no depth.
    let mut text = String::from("- macro: m0\n  condition: evt.type = openat\n");
    for n in 1..20_000 {
        text.push_str(&format!("- macro: m{n}\n  condition: m{}\n", n - 1));
    }
    text.push_str(&format!("{RULE}m19999\n"));
    let rules = quickly(text).rules.unwrap();
    assert_eq!(
        rules.evaluate(&event, &table(), Matching::All, &mut scratch),
        [0]
    );
    assert_eq!(rules.compiled_condition(&rules.rules()[0]), None);
}

#[test]
fn long_conditions_load() {
    let parts: Vec<String> = (0..30_000).map(|n| format!("fd.num = {n}")).collect();
    for word in [" or ", " and "] {
        let text = format!("{RULE}evt.type = openat and ({})\n", parts.join(word));
        assert!(quickly(text).rules.is_some());
    }
}

#[test]
fn a_file_that_is_wrong_everywhere_is_reported_in_part() {
    let mut text = String::new();
    for n in 0..5_000 {
        text.push_str(&format!(
            "- rule: r{n}\n  desc: d\n  priority: INFO\n  output: o\n  condition: fd.nome = x\n"
        ));
    }
    let result = quickly(text);
    assert_eq!(result.errors().count(), komainu::rules::MAX_SHOWN);
    assert_eq!(result.left_out, 4_500);
}

#[test]
fn doubling_lists_are_refused() {
    let mut text = String::new();
    for n in 0..60 {
        text.push_str(&format!("- list: l{n}\n  items: [l{0}, l{0}]\n", n + 1));
    }
    text.push_str("- list: l60\n  items: [a]\n");
    text.push_str(RULE);
    text.push_str("evt.type = openat and proc.name in (l0)\n");
    assert_eq!(codes(&quickly(text)), ["E0004"]);
}

#[test]
fn large_patterns_are_refused() {
    let text = format!("{RULE}evt.type = openat and fd.name regex '(a{{1000}}){{1000}}'\n");
    assert_eq!(codes(&quickly(text)), ["E0309"]);
}

#[test]
fn evil_patterns_take_linear_time() {
    let rules = rules(&format!(
        "{RULE}evt.type = openat and (fd.name regex '(x+x+)+y' or fd.name glob '*a*a*a*a*a*a*a*a*b')\n"
    ));
    let name = "x".repeat(2000) + &"a".repeat(2000);
    let event = openat(&name, &name);
    let mut scratch = Scratch::default();
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(
            rules
                .evaluate(&event, &table(), Matching::All, &mut scratch)
                .is_empty()
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn paths_with_many_components_are_refused() {
    let text = format!(
        "{RULE}evt.type = openat and fd.name pmatch ({})\n",
        "/a".repeat(5000)
    );
    assert_eq!(codes(&quickly(text)), ["E0309"]);
}

#[test]
fn odd_shapes_are_errors_with_places() {
    for text in [
        "x",
        "a: b",
        "- a",
        "- 1",
        "- []",
        "- rule:",
        "- rule: {}",
        "- rule: a\n  condition: []",
        "- list: a\n  items: {}",
        "- list: a\n  items: [[a]]",
        "- macro: a\n  condition: ''",
        "- rule: a\n  tags: x\n  condition: evt.type=open\n  desc: d\n  output: o\n  priority: INFO",
        "- rule: a\n  exceptions: x\n  condition: evt.type=open\n  desc: d\n  output: o\n  priority: INFO",
        "- required_engine_version: []",
        "- required_plugin_versions: [a]",
        "- [",
        "%",
        "- &a *a",
        "- ? {a: b}\n  : c",
        "--- !!binary aGVsbG8=",
    ] {
        let result = quickly(text);
        let failed = !codes(&result).is_empty() || result.warnings().next().is_some();
        assert!(failed, "{text:?} was accepted");
    }
    for text in ["", "\t", "---", "# nothing", "- ", "---\n---\n", "[]"] {
        assert!(quickly(text).rules.is_some(), "{text:?} was refused");
    }
}
