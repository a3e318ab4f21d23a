//! Alerts that repeat: shown + told = made, and the end comes after the last words.

use super::*;

fn config(window: u64) -> Config {
    let text = format!(
        "containers: {{wait_milliseconds: 0}}\nthrottle: {{window_seconds: {window}, keys: [container.id, proc.name]}}\n"
    );
    crate::config::parse("k".as_ref(), &text).unwrap()
}

/// What becomes of the same act done so often, by these two programs.
fn done(config: &Config, times: usize) -> (Vec<Alert>, Vec<Alert>, Totals) {
    let (mut decider, mut made, lost) = decider(config);
    let in_force = rules(RULES);
    let programs = [
        exec(11, 10, "cat", b"cat\0"),
        exec(12, 10, "less", b"less\0"),
    ];
    for record in &programs {
        decider.record(&in_force, record);
    }
    for _ in 0..times {
        for pid in [11, 12] {
            decider.record(&in_force, &open(pid, b"/etc/shadow", b"/etc/shadow"));
        }
    }
    decider.settle_throttle(&in_force, Instant::now());
    let shown = std::iter::from_fn(|| made.try_recv()).collect();
    assert_eq!(lost.take().count(), 0, "no window is over");
    decider.finish_throttle();
    let told = lost.take().map(|(_, told)| told).collect();
    (shown, told, decider.totals())
}

#[test]
fn repeats_are_counted_per_rule_and_program() {
    let (shown, told, totals) = done(&config(60), 20);
    assert_eq!((totals.alerts, totals.throttled), (40, 38));
    assert_eq!(shown.len(), 2, "{shown:#?}");
    let counts: Vec<_> = told.iter().map(|line| line.fields[3].1.clone()).collect();
    assert_eq!(counts, [19, 19], "{told:#?}");
    for line in &told {
        assert_eq!(
            (line.source, line.rule.as_str(), line.priority),
            ("komainu", "Komainu throttled", "Warning")
        );
        assert!(
            line.message
                .starts_with("and 19 more of Read shadow in 1 s: container.id="),
            "{}",
            line.message
        );
    }
    let programs: Vec<bool> = ["proc.name=cat", "proc.name=less"]
        .iter()
        .map(|program| told.iter().any(|line| line.message.ends_with(program)))
        .collect();
    assert_eq!(programs, [true, true], "{told:#?}");
}

#[test]
fn without_a_window_all_are_shown() {
    let (shown, told, totals) = done(&config(0), 20);
    assert_eq!((shown.len(), told.len(), totals.throttled), (40, 0, 0));
}

#[test]
fn rules_that_are_excepted_are_shown() {
    let mut config = config(60);
    config.throttle.except = vec!["files".into()];
    let (shown, ..) = done(&config, 20);
    assert_eq!(shown.len(), 40);
}
