//! `deploy/monitoring`: alert rules and dashboard ask for metrics that there are, and Prometheus understands them.

use std::collections::BTreeSet;
use std::process::Command;

use komainu::metrics::{METRICS, markdown, table::Kind};
use serde_json::Value;

use crate::{assert_fresh, root, text};

const DIRECTORY: &str = "deploy/monitoring";

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(DIRECTORY).join(name)).unwrap()
}

#[test]
fn the_reference_is_fresh() {
    assert_fresh("docs/reference/metrics.md", &markdown());
}

/// Words of an expression that begin as our metrics do.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("komainu_") || word.starts_with("process_"))
}

/// Names that samples can have.
fn known() -> BTreeSet<String> {
    let of = |name: &str, kind| match kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .map(|end| format!("{name}{end}"))
            .into(),
        _ => vec![name.to_owned()],
    };
    METRICS
        .iter()
        .flat_map(|metric| of(metric.name, metric.kind))
        .collect()
}

fn assert_known(expressions: &[String]) {
    let known = known();
    for expression in expressions {
        for name in named(expression) {
            assert!(
                known.contains(name),
                "{name} of {expression:?} is no metric"
            );
        }
    }
}

/// What the alert rules ask, by name of the alert.
fn rules() -> Vec<(String, String)> {
    let rules: Value = serde_yaml::from_str(&read("rules.yaml")).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let all = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.map(|rule| (text(&rule["alert"]), text(&rule["expr"])))
        .collect()
}

/// What the dashboard asks, variables included.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let asked = targets
        .map(|target| &target["expr"])
        .chain(variables.map(|one| &one["query"]));
    asked
        .map(|query| query.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn alert_rules_name_metrics_that_there_are() {
    let expressions: Vec<String> = rules()
        .into_iter()
        .map(|(_, expression)| expression)
        .collect();
    assert!(expressions.len() > 10);
    assert_known(&expressions);
}

#[test]
fn the_dashboard_names_metrics_that_there_are() {
    let queries = queries();
    assert!(queries.len() > 20);
    assert_known(&queries);
    assert!(named("sum(komainu_nonsense_total{a=\"b\"})").eq(["komainu_nonsense_total"]));
    assert!(!known().contains("komainu_nonsense_total"));
}

#[test]
fn each_alert_has_a_test_and_a_word_of_advice() {
    let (tests, advice) = (read("rules_test.yaml"), root().join("docs/operations.md"));
    let advice = std::fs::read_to_string(advice).unwrap();
    for (alert, _) in rules() {
        assert!(
            tests.contains(&format!("alertname: {alert}\n")),
            "{alert} is not tested"
        );
        assert!(
            advice.contains(&format!("`{alert}`")),
            "{alert} is not in docs/operations.md"
        );
    }
}

/// Runs promtool; false where there is none.
fn promtool(arguments: &[&str]) -> bool {
    let mut promtool = Command::new("promtool");
    let promtool = promtool.args(arguments).current_dir(root().join(DIRECTORY));
    let Ok(output) = promtool.output() else {
        println!("left out: no promtool (Debian package prometheus, `cargo xtask setup --test`)");
        return false;
    };
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{complained}");
    true
}

#[test]
fn prometheus_takes_the_alert_rules_and_they_fire() {
    if promtool(&["check", "rules", "rules.yaml"]) {
        promtool(&["test", "rules", "rules_test.yaml"]);
    }
}

/// The dashboard's queries as recording rules, which Prometheus parses.
#[test]
fn prometheus_takes_the_queries_of_the_dashboard() {
    let is_query =
        |query: &String| !query.starts_with("label_values") && named(query).next().is_some();
    let variables = [
        ("$__rate_interval", "5m"),
        ("$__range", "1h"),
        ("$job", ".*"),
        ("$instance", ".*"),
    ];
    let rules = queries()
        .into_iter()
        .filter(is_query)
        .enumerate()
        .map(|(number, query)| {
            let query = variables
                .iter()
                .fold(query, |query, (name, value)| query.replace(name, value));
            let query = serde_json::to_string(&query).unwrap();
            format!("  - {{record: 'dashboard:q{number}', expr: {query}}}\n")
        });
    let rules: String = rules.collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        format!("groups:\n- name: d\n  rules:\n{rules}"),
    )
    .unwrap();
    promtool(&["check", "rules", file.path().to_str().unwrap()]);
}
