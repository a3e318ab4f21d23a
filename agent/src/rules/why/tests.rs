//! Explanations against events made by hand. That the verdict is the engine's, for every shipped rule
//! and event, is tested where those are: with the command.

use zerocopy::FromZeros as _;

use super::*;
use crate::event::{Fd, ProcKey, Process, Value, event_type};
use crate::rules::{LoadOptions, LoadResult, Source, load};

struct Nobody;

impl World for Nobody {
    fn process(&self, _: ProcKey) -> Option<&Process> {
        None
    }
}

fn open<'a>(name: &'a [u8], resolved: &'a [u8]) -> Event<'a> {
    let ty = event_type("openat").unwrap();
    let params = ty.params.iter().map(|_| Value::Absent);
    Event {
        ty,
        number: 1,
        time: 0,
        cpu: 0,
        ret: Some(3),
        task: komainu_common::Task::new_zeroed(),
        cgroup: 1,
        params: params.collect(),
        fd: Some(Fd {
            number: 3,
            kind: Some(crate::event::FdKind::File),
            name,
            name_raw: name,
            resolved: Some(resolved),
            dev: 0,
            inode: 0,
            open_flags: 0,
            layer: None,
            socket: None,
        }),
        stdio: [None; 3],
        open_descriptors: None,
        truncated: false,
    }
}

const RULES: &str = "\
- list: secrets
  items: [/etc/shadow, /etc/gshadow]
- macro: reads_secret
  condition: fd.name in (secrets)
- rule: Secret
  desc: d
  condition: evt.type in (open, openat) and reads_secret and not proc.name = cat
  output: o
  priority: INFO
  exceptions:
    - {name: known, fields: [fd.name, user.uid], comps: [=, =], values: [[/etc/gshadow, 0]]}
- rule: Secret again
  desc: d
  condition: evt.type = openat and reads_secret
  output: o
  priority: INFO
- rule: Off
  desc: d
  condition: evt.type = openat
  output: o
  priority: INFO
  enabled: false
- rule: Connect
  desc: d
  condition: evt.type = connect
  output: o
  priority: INFO
- rule: Foreign
  desc: d
  condition: evt.type = connect
  output: o
  priority: INFO
  source: k8s_audit
";

fn loaded() -> LoadResult {
    load(&[Source::new("a.yaml", RULES)], &LoadOptions::default())
}

fn explain(loaded: &LoadResult, rule: &str, event: &Event<'_>) -> Explanation {
    let rules = loaded.rules.as_ref().unwrap();
    why(&loaded.catalog, rules, rule, event, &Nobody).unwrap()
}

fn find<'s>(step: &'s Step, text: &str) -> Option<&'s Step> {
    if step.text == text {
        return Some(step);
    }
    step.parts.iter().find_map(|part| find(part, text))
}

#[test]
fn outcomes() {
    let loaded = loaded();
    let shadow = open(b"/etc/shadow", b"/etc/shadow");
    let other = open(b"/etc/motd", b"/etc/motd");
    let outcome = |rule: &str, event: &Event<'_>| explain(&loaded, rule, event).outcome;
    assert_eq!(outcome("Secret", &shadow), Outcome::Fires);
    assert_eq!(outcome("Secret", &other), Outcome::DoesNotHold);
    assert_eq!(
        outcome("Secret again", &shadow),
        Outcome::Later("Secret".to_owned())
    );
    assert_eq!(outcome("Off", &shadow), Outcome::Disabled);
    assert_eq!(outcome("Connect", &shadow), Outcome::OtherType);
    assert_eq!(outcome("Foreign", &shadow), Outcome::LeftOut);
    let rules = loaded.rules.as_ref().unwrap();
    let unknown = why(&loaded.catalog, rules, "?", &shadow, &Nobody);
    assert_eq!(unknown.err(), Some(WhyError::NoSuchRule));
}

#[test]
fn values_and_places() {
    let loaded = loaded();
    let explained = explain(&loaded, "Secret", &open(b"/etc/motd", b"/etc/motd"));
    let root = &explained.trees[0].root;
    let check = find(root, "fd.name in (secrets)").unwrap();
    assert!(!check.holds);
    assert_eq!(check.seen[0].values, ["/etc/motd"]);
    assert_eq!(loaded.files.position(check.at).line, 4, "in the macro");
    let name = find(root, "reads_secret").unwrap();
    assert_eq!((name.kind, name.holds), ("macro", false));
    assert_eq!(loaded.files.position(name.at).line, 7, "in the rule");
    let exception = find(root, "known").unwrap();
    assert_eq!((exception.kind, exception.holds), ("exception", false));
    assert_eq!(loaded.files.position(exception.at).line, 11);
}

#[test]
fn an_absent_value_is_told_from_an_empty_one() {
    let text = "- rule: R\n  desc: d\n  condition: evt.type = openat and proc.exepath != x\n  \
                output: o\n  priority: INFO\n";
    let loaded = load(&[Source::new("a.yaml", text)], &LoadOptions::default());
    let explained = explain(&loaded, "R", &open(b"", b""));
    let check = find(&explained.trees[0].root, "proc.exepath != x").unwrap();
    assert!(!check.holds && check.seen[0].values.is_empty(), "{check:?}");
}

#[test]
fn two_names_give_two_readings() {
    let loaded = loaded();
    let link = open(b"/tmp/link", b"/etc/shadow");
    let explained = explain(&loaded, "Secret", &link);
    assert_eq!(explained.outcome, Outcome::Fires);
    assert!(explained.trees[0].resolved && explained.trees[0].root.holds);
    let neither = open(b"/tmp/link", b"/etc/motd");
    let explained = explain(&loaded, "Secret", &neither);
    let readings: Vec<bool> = explained.trees.iter().map(|tree| tree.resolved).collect();
    assert_eq!(readings, [false, true]);
}

#[test]
fn macros_that_grow_without_bound_are_refused() {
    let mut text = "- macro: m0\n  condition: (proc.pid = 1 and proc.pid = 2)\n".to_owned();
    for n in 1..20 {
        let inner = n - 1;
        let line = format!("- macro: m{n}\n  condition: (m{inner} and m{inner})\n");
        text += &line;
    }
    text += "- rule: R\n  desc: d\n  condition: evt.type = openat and m19\n  output: o\n  priority: INFO\n";
    let loaded = load(&[Source::new("a.yaml", text)], &LoadOptions::default());
    let rules = loaded.rules.as_ref().unwrap();
    let event = open(b"/a", b"/a");
    let refused = why(&loaded.catalog, rules, "R", &event, &Nobody);
    assert_eq!(refused.err(), Some(WhyError::TooLarge));
}

/// Negations of negations are deep as written, though not when compiled.
#[test]
fn deep_conditions_are_refused() {
    let mut text = "- macro: m0\n  condition: proc.pid = 1\n".to_owned();
    for n in 1..60 {
        let inner = n - 1;
        let nots = "not (".repeat(20);
        let ends = ")".repeat(20);
        let line = format!("- macro: m{n}\n  condition: {nots}m{inner}{ends}\n");
        text += &line;
    }
    text += "- rule: R\n  desc: d\n  condition: evt.type = openat and m59\n  output: o\n  priority: INFO\n";
    let loaded = load(&[Source::new("a.yaml", text)], &LoadOptions::default());
    let rules = loaded.rules.as_ref().unwrap();
    let event = open(b"/a", b"/a");
    let refused = why(&loaded.catalog, rules, "R", &event, &Nobody);
    assert_eq!(refused.err(), Some(WhyError::TooLarge));
}
