use std::path::{Path, PathBuf};

use super::*;
use crate::rules::Outcome;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")
}

/// Every event of the shipped tests against every shipped rule: the parts must add up to what the
/// engine says.
#[test]
fn the_parts_add_up_to_the_verdict_of_the_engine() {
    let (rules, catalog, files) = crate::cli::rules::load(&[shipped()]).unwrap();
    let mut explained = 0;
    for (path, test) in rules_test::every_test(&shipped()) {
        let (event, _) = rules_test::read_event(&path, Some(&test)).unwrap();
        for rule in rules.rules() {
            let (explanation, ty) = event
                .look(|event, world| {
                    let why = why(&catalog, &rules, &rule.name, event, world);
                    (why.unwrap(), event.ty.name)
                })
                .unwrap();
            let by_parts = explanation.trees.iter().any(|tree| tree.root.holds);
            let by_engine = matches!(explanation.outcome, Outcome::Fires | Outcome::Later(_));
            assert_eq!(by_parts, by_engine, "{}: {test}", rule.name);
            let report = report::Report {
                rule,
                explanation: &explanation,
                event_type: ty,
                output: "",
                files: &files,
            };
            assert!(report.text().contains(&rule.name));
            assert_eq!(by_engine, !report.text().contains("because"));
            explained += 1;
        }
    }
    assert!(explained > 1000, "{explained}");
}

#[test]
fn one_event_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("event.yaml");
    let event = "event: {type: openat}\nfile: {name: /etc/shadow, flags: [O_RDONLY]}\n";
    std::fs::write(&path, event).unwrap();
    let (event, rules) = rules_test::read_event(&path, None).unwrap();
    assert!(rules.is_empty());
    assert_eq!(event.look(|event, _| event.ty.name).unwrap(), "openat");
    std::fs::write(&path, "evnt: {type: openat}\n").unwrap();
    let error = format!("{:#}", rules_test::read_event(&path, None).unwrap_err());
    assert!(error.contains("event.yaml") && error.contains("evnt"), "{error}");
}
