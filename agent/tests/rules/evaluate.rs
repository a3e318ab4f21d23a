//! Verdicts.

use komainu::rules::{LoadOptions, Matching, Scratch, Source, load};

use crate::events::{execve, holds, openat, rules, table};

#[test]
fn a_rule_sees_both_names_of_a_file() {
    let link = openat("/tmp/link", "/etc/shadow");
    assert!(holds("fd.name = /tmp/link", &link));
    assert!(holds("fd.name = /etc/shadow", &link));
    assert!(holds("fd.directory = /etc and fd.filename = shadow", &link));
    assert!(holds("evt.arg.name = /etc/shadow", &link));
    assert!(holds("fd.name in (/etc/passwd, /etc/shadow)", &link));
    assert!(!holds("fd.name = /etc/passwd", &link));
}

#[test]
fn one_reading_must_satisfy_the_whole_condition() {
    let link = openat("/tmp/link", "/etc/shadow");
    assert!(!holds(
        "fd.directory = /tmp and fd.filename = shadow",
        &link
    ));
    assert!(!holds(
        "fd.name = /tmp/link and fd.name = /etc/shadow",
        &link
    ));
}

#[test]
fn an_allowed_name_does_not_hide_the_file_behind_it() {
    let condition = "fd.name startswith /etc and not fd.name in (/etc/allowed)";
    assert!(holds(condition, &openat("/etc/allowed", "/etc/shadow")));
    assert!(holds(condition, &openat("/tmp/x", "/etc/shadow")));
    assert!(!holds(condition, &openat("/etc/allowed", "/etc/allowed")));
    assert!(!holds(condition, &openat("/tmp/x", "/etc/allowed")));
    assert!(!holds(condition, &openat("/tmp/x", "/tmp/x")));
}

#[test]
fn the_resolved_path_has_a_field_of_its_own() {
    let link = openat("/tmp/link", "/etc/shadow");
    assert!(holds(
        "fd.resolved = /etc/shadow and fd.nameraw = /tmp/link",
        &link
    ));
    let rules = rules(
        "- rule: r\n  desc: d\n  priority: INFO\n  condition: evt.type = openat\n  \
         output: '%fd.name is %fd.resolved'\n",
    );
    let text = rules.rules()[0].output.render(&link, &table());
    assert_eq!(text, "/tmp/link is /etc/shadow");
}

#[test]
fn a_comparison_with_an_absent_value_is_false() {
    let event = execve();
    assert!(!holds("fd.name = x", &event));
    assert!(!holds("fd.name != x", &event));
    assert!(!holds("fd.name exists", &event));
    assert!(holds("not fd.name = x", &event));
    assert!(holds("not fd.name exists", &event));
    assert!(!holds("proc.name != val(fd.name)", &event));
}

#[test]
fn ancestors() {
    let event = execve();
    assert!(holds("proc.pname = bash and proc.aname[2] = sshd", &event));
    assert!(holds("proc.aname = sshd and proc.aname in (bash)", &event));
    assert!(
        !holds("proc.aname = cat", &event),
        "the process is none of its ancestors"
    );
    assert!(!holds("proc.aname[3] exists", &event));
    assert!(holds("proc.aname[0] = cat", &event));
}

#[test]
fn first_match_stops_and_all_does_not() {
    let rules = rules(
        "- macro: open\n  condition: evt.type = openat\n\
         - rule: a\n  desc: d\n  priority: INFO\n  output: o\n  condition: open and proc.name = no\n\
         - rule: b\n  desc: d\n  priority: INFO\n  output: o\n  condition: open and proc.name = cat\n\
         - rule: off\n  desc: d\n  priority: INFO\n  output: o\n  condition: open\n  enabled: false\n\
         - rule: c\n  desc: d\n  priority: INFO\n  output: o\n  condition: open\n",
    );
    let event = openat("/a", "/a");
    let mut scratch = Scratch::default();
    assert_eq!(
        rules.evaluate(&event, &table(), Matching::First, &mut scratch),
        [1]
    );
    assert_eq!(
        rules.evaluate(&event, &table(), Matching::All, &mut scratch),
        [1, 3]
    );
    let other = execve();
    assert!(
        rules
            .evaluate(&other, &table(), Matching::All, &mut scratch)
            .is_empty()
    );
}

#[test]
fn marks_of_one_event_mean_nothing_for_the_next() {
    let rules = crate::events::rule("evt.type = openat and fd.name = /a");
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        let hit = openat("/a", "/a");
        assert_eq!(
            rules.evaluate(&hit, &table(), Matching::First, &mut scratch),
            [0]
        );
        let miss = openat("/b", "/b");
        assert!(
            rules
                .evaluate(&miss, &table(), Matching::First, &mut scratch)
                .is_empty()
        );
    }
}

#[test]
fn rules_are_indexed_by_event_type() {
    let rules = rules(
        "- rule: exec\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type in (execve, execveat)\n\
         - rule: never\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type = openat and evt.num = 0\n",
    );
    assert_eq!(rules.rules()[0].event_types, ["execve", "execveat"]);
    assert!(rules.rules()[1].event_types.is_empty());
    assert!(!rules.wants(openat("", "").ty));
    assert!(rules.wants(execve().ty));
}

#[test]
fn output_text_and_fields() {
    let yaml = "- rule: r\n  desc: d\n  priority: INFO\n  condition: evt.type = openat\n  \
                output: file=%fd.name n=%fd.num by %6proc.name parent=%proc.aname[2] x=%proc.aname[9] uid=%user.uid\n";
    let result = load(&[Source::new("rules.yaml", yaml)], &LoadOptions::default());
    let rules = result.rules.unwrap();
    let event = openat("/etc/shadow", "/etc/shadow");
    let output = &rules.rules()[0].output;
    assert_eq!(
        output.render(&event, &table()),
        "file=/etc/shadow n=3 by cat    parent=sshd x=<NA> uid=0 container_id=host \
         container_name=host container_image_repository= container_image_tag= k8s_pod_name=<NA> \
         k8s_ns_name=<NA>"
    );
    let fields = output.output_fields(&event, &table());
    assert_eq!(fields["fd.name"], "/etc/shadow");
    assert_eq!(fields["fd.num"], 3);
    assert_eq!(fields["proc.aname[9]"], serde_json::Value::Null);
    assert_eq!(fields["container.id"], "host");
    assert_eq!(fields["k8s.ns.name"], serde_json::Value::Null);
}

#[test]
fn a_rule_says_what_is_not_delivered_yet() {
    let rules = crate::events::rule("evt.type in (openat, close) and container.healthcheck = x");
    let undelivered = rules.rules()[0].undelivered.join("\n");
    assert!(
        undelivered.contains("container.healthcheck"),
        "{undelivered}"
    );
    assert!(undelivered.contains("event close"), "{undelivered}");
    assert!(!undelivered.contains("openat"), "{undelivered}");
}
