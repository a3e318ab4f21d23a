//! Every row of the table is on the page, and the page is what Prometheus's own tools take.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::super::board::ProbeReport;
use super::super::cost::Costs;
use super::super::engine;
use super::*;
use crate::config::Config;
use crate::enrich::resolution::Resolution;
use crate::metrics::METRICS;
use crate::rules::Source as RuleFile;

/// Rules, of which the second has matched once.
fn in_force(rules: usize) -> InForce {
    let rule = |n| {
        format!(
            "- rule: r{n}\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n"
        )
    };
    let text: String = (0..rules).map(rule).collect();
    let rules = engine::compile(&[RuleFile::new("r", text)], &Config::default()).unwrap();
    let in_force = InForce {
        costs: Costs::following(&InForce::default().rules, &Costs::default(), &rules),
        rules,
        hash: "abc".into(),
        ..InForce::default()
    };
    in_force.costs.of(1).unwrap().matched();
    in_force
}

fn board() -> Board {
    let board = Board::default();
    board.attached(vec![ProbeReport {
        program: "exec",
        required: true,
        error: None,
    }]);
    board.beat(1_000_000_000);
    let mut report = Report {
        sources: ["up", "off"],
        peaks: [5, 6],
        ..Report::default()
    };
    let waited = &mut report.totals.waited;
    waited.add(Duration::from_millis(7), 3, Resolution::Complete);
    waited.add(Duration::from_secs(3), 3, Resolution::NoRuntimeAnswer);
    report.totals.lags.add(Duration::from_millis(20));
    board.publish(&report);
    board.covered(&[Class::OPEN, Class::EXEC], &[Class::EXEC]);
    board.may_shed([Class::OPEN].into_iter());
    board.stdout.lost.refused(3, 1);
    board
}

fn kernel_report() -> KernelReport {
    let mut counters = ClassCounters::ZERO;
    (counters.seen, counters.emitted, counters.lost_share) = (10, 7, 3);
    KernelReport {
        classes: vec![(Class::OPEN, counters), (Class::EXEC, ClassCounters::ZERO)],
        programs: vec![ProgramReport {
            name: "exec",
            misses: Some(1),
            runs: Some((4, Duration::from_micros(9))),
        }],
        rings: [1 << 20, 2 << 20],
    }
}

/// An agent that has something to tell under each name.
fn filled(format: Format, rules: usize) -> String {
    let facts = Facts {
        board: &board(),
        in_force: &in_force(rules),
        kernel: &kernel_report(),
        inquiries: [(8, 1), (0, 0)],
        served: &Served::default(),
        own: Own::now(),
        is_ready: true,
        is_healthy: true,
        boot: 1_250_000_000,
    };
    page(format, &facts)
}

#[test]
fn every_row_of_the_table_is_exported_once() {
    let page = filled(Format::Text, 3);
    let announced = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let announced: Vec<&str> = announced
        .filter_map(|line| line.split(' ').next())
        .collect();
    let known: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(announced, known, "in the order of the table");
    let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    for metric in METRICS {
        // Of these there is nothing until a request was answered.
        if metric.name != table::HTTP_REQUESTS.name {
            let is_there = samples.iter().any(|line| line.starts_with(metric.name));
            assert!(is_there, "{} has no sample", metric.name);
        }
    }
    let series = samples
        .iter()
        .filter_map(|line| line.rsplit_once(' ').map(|(name, _)| name));
    let distinct: BTreeSet<&str> = series.clone().collect();
    assert_eq!(distinct.len(), series.count(), "no sample is there twice");
}

#[test]
fn values_are_where_they_belong() {
    let page = filled(Format::Text, 3);
    for line in [
        "komainu_events_seen_total{class=\"open\"} 10",
        "komainu_events_lost_total{class=\"open\",reason=\"share\"} 3",
        "komainu_events_lost_total{class=\"exec\",reason=\"ring\"} 0",
        "komainu_rule_matches_total{rule=\"r1\",priority=\"Informational\"} 1",
        "komainu_rules_info{hash=\"abc\"} 1",
        "komainu_heartbeat_age_seconds 0.25",
        "komainu_identity_wait_seconds_bucket{le=\"0.01\"} 1",
        "komainu_identity_expiries_total{reason=\"no_runtime_answer\"} 1",
        "komainu_identity_source_state{source=\"runtime\",state=\"up\"} 1",
        "komainu_identity_source_state{source=\"cluster\",state=\"up\"} 0",
        "komainu_identity_request_errors_total{source=\"runtime\"} 1",
        "komainu_ring_peak_bytes{lane=\"bulk\"} 6",
        "komainu_program_run_seconds_total{program=\"exec\"} 0.000009",
        "komainu_canary_covered{class=\"exec\"} 0",
        "komainu_shed{class=\"open\"} 0",
        "komainu_sink_lost_alerts_total{sink=\"stdout\"} 3",
    ] {
        assert!(
            page.lines().any(|have| have == line),
            "{line}\nnot in\n{page}"
        );
    }
}

#[test]
fn very_many_rules_have_one_sample_together() {
    let page = filled(Format::Text, MAX_RULES + 2);
    let count = |prefix: &str| page.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(count("komainu_rule_matches_total{"), MAX_RULES + 1);
    assert_eq!(
        count("komainu_rule_evaluation_samples_total{rule=\"(more)\"} 0"),
        1
    );
}

#[test]
fn promtool_finds_no_fault() {
    let mut promtool = Command::new("promtool");
    promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = promtool.stderr(Stdio::piped()).spawn() else {
        println!("left out: no promtool (Debian package prometheus, `cargo xtask setup --test`)");
        return;
    };
    let page = filled(Format::Text, 3);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}\n{page}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}
