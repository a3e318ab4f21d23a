//! What `rules why` prints.

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
            assert!(report.text(false).contains(&rule.name));
            assert_eq!(by_engine, !report.text(false).contains("because"));
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
    assert!(
        error.contains("event.yaml") && error.contains("evnt"),
        "{error}"
    );
}

/// What is printed for one event and rule.
fn told(event: &str, rule: &str, all: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("r.yaml");
    let text = "- macro: known\n  condition: (proc.name = a or proc.name = b)\n\
                - rule: R\n  desc: d\n  condition: evt.type = openat and fd.name startswith /etc and not known\n  \
                output: o %fd.name\n  priority: INFO\n\
                - rule: Off\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n  \
                enabled: false\n\
                - rule: Later\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n";
    std::fs::write(&rules, text).unwrap();
    let file = dir.path().join("event.yaml");
    std::fs::write(&file, event).unwrap();
    let (rules, catalog, files) = crate::cli::rules::load(&[rules]).unwrap();
    let (event, _) = rules_test::read_event(&file, None).unwrap();
    let rule = show::find(&rules, &catalog, rule).unwrap();
    let told = event.look(|event, world| {
        let explanation = why(&catalog, &rules, &rule.name, event, world).unwrap();
        let report = report::Report {
            rule,
            explanation: &explanation,
            event_type: event.ty.name,
            output: &rule.output.render(event, world),
            files: &files,
        };
        let json = report.json();
        assert_eq!(json["rule"], rule.name.as_str());
        report.text(all)
    });
    told.unwrap().replace(dir.path().to_str().unwrap(), "DIR")
}

#[test]
fn what_decides_is_shown_and_the_rest_on_request() {
    let event = "event: {type: openat}\nfile: {name: /tmp/x}\nprocess: {name: cat}\n";
    let short = told(event, "R", false);
    assert_eq!(
        short,
        "\"R\" does not fire: its condition does not hold for this openat.\n\
         because:\n  DIR/r.yaml:5  fd.name startswith /etc  fd.name = /tmp/x\n\n\
         condition:\n\
         \x20 no   all of\n\
         \x20 yes    evt.type = openat        evt.type = openat\n\
         \x20 no     fd.name startswith /etc  fd.name = /tmp/x\n\
         \x20 yes    not macro known ...\n"
    );
    let all = told(event, "R", true);
    assert!(all.contains("no         proc.name = b"), "{all}");
}

#[test]
fn a_negation_that_fails_is_followed_to_its_cause() {
    let event = "event: {type: openat}\nfile: {name: /etc/x}\nprocess: {name: b}\n";
    let told = told(event, "R", false);
    assert!(
        told.contains("r.yaml:2  holds: proc.name = b  proc.name = b\n"),
        "{told}"
    );
}

#[test]
fn other_outcomes_in_words() {
    let event = "event: {type: openat}\nfile: {name: /etc/x}\nprocess: {name: c}\n";
    for (rule, words) in [
        ("R", "\"R\" fires for this openat."),
        ("R", "o /etc/x"),
        ("Off", "it is disabled. Its condition would hold."),
        ("Later", "but \"R\" holds too and comes earlier"),
    ] {
        let told = told(event, rule, false);
        assert!(told.contains(words), "{told}");
    }
    let told = told("event: {type: execve}\n", "R", false);
    assert!(
        told.contains("it is not about execve events, but about: openat."),
        "{told}"
    );
}
