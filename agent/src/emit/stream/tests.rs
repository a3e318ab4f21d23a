//! Lines as readers get them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::alert::ContainerPlace;
use super::super::format::tests::sample::known_place;
use super::super::{Ancestor, OwnEvent, Place, SessionPlace};
use super::*;

const BOOT: &str = "b2a6a5c4-2f4e-4a6f-9d55-0f2f5f0d8a11";

fn stream(format: Format, colour: bool) -> Stream {
    let mut stream = Stream::new(
        format,
        colour,
        Redactor::defaults(),
        "h".into(),
        "n".into(),
        BOOT.into(),
    );
    stream.run = Arc::new(Run {
        name: 0xabc,
        last: AtomicU64::new(0),
    });
    stream.zone = TimeZone::UTC;
    stream
}

fn alert() -> Alert {
    Alert {
        time: 1_785_493_230_123_456_789,
        rule: "Read sensitive file".into(),
        rules_hash: Some("0a1b".into()),
        priority: "Warning",
        source: "syscall",
        tags: vec!["T1003".into(), "filesystem".into()],
        message: "file=/etc/shadow".into(),
        fields: vec![
            ("evt.time".into(), 5.into()),
            ("fd.name".into(), "/etc/shadow".into()),
            ("x".into(), Value::Null),
        ],
        place: known_place(),
        session: Some(SessionPlace {
            id: "ab-1f-2a".into(),
            kind: "exec",
            tty: true,
            start: 1_785_493_230_000_000_000,
            uid: 33,
            root: Ancestor {
                pid: 42,
                name: "bash".into(),
                exepath: "/bin/bash".into(),
                cmdline: "bash -i".into(),
                missing: 0,
            },
        }),
        resolved_path: Some("/real".into()),
        truncated: true,
        ancestry: vec![Ancestor {
            pid: 7,
            name: "sh".into(),
            exepath: "/bin/sh".into(),
            cmdline: "sh -c x".into(),
            missing: 0,
        }],
        facts: None,
        number: 0,
    }
}

fn line(stream: &mut Stream, alert: Alert) -> String {
    let mut out = Vec::new();
    stream.line(&mut out, alert).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_keys() {
    let line = line(&mut stream(Format::Falco, true), alert());
    let expected = json!({
        "ancestry": [{"cmdline": "sh -c x", "exepath": "/bin/sh", "name": "sh", "pid": 7}],
        "boot_id": BOOT,
        "container": {
            "id": "0123", "image": "r/web:1", "image_digest": "sha256:ab", "name": "main", "pod_uid": "u", "runtime": "cri",
        },
        "hostname": "h",
        "id": "0000000000000abc-1",
        "node": "n",
        "output": "10:20:30.123456789: Warning file=/etc/shadow",
        "output_fields": {"evt.time": 5, "fd.name": "/etc/shadow", "x": null},
        "pod": {
            "name": "web-1", "namespace": "shop", "owner_kind": "Deployment", "owner_name": "web", "uid": "u",
        },
        "priority": "Warning",
        "resolution": "api_unreachable",
        "resolution_detail": "refused",
        "resolved_path": "/real",
        "rule": "Read sensitive file",
        "rules_hash": "0a1b",
        "schema": 1,
        "seq": 1,
        "session": {
            "cmdline": "bash -i", "exepath": "/bin/bash", "id": "ab-1f-2a", "kind": "exec", "name": "bash", "pid": 42,
            "start": "2026-07-31T10:20:30.000000000Z", "tty": true, "uid": 33,
        },
        "source": "syscall",
        "tags": ["T1003", "filesystem"],
        "time": "2026-07-31T10:20:30.123456789Z",
        "truncated": true,
    });
    assert_eq!(line, format!("{expected}\n"), "keys in alphabetical order");
}

#[test]
fn numbers_have_no_gap() {
    let mut stream = stream(Format::Falco, false);
    for seq in 1..=5 {
        let value: Value = serde_json::from_str(&line(&mut stream, alert())).unwrap();
        assert_eq!(value["seq"], seq);
        assert_eq!(value["id"], format!("0000000000000abc-{seq}"));
    }
    assert_eq!(stream.lines(), 5);
}

#[test]
fn text() {
    assert_eq!(
        line(&mut stream(Format::Text, false), alert()),
        "2026-07-31T10:20:30.123456789Z Warning Read sensitive file: file=/etc/shadow | container=0123 | image=r/web:1 | pod=shop/web-1 | pod_uid=u | session=ab-1f-2a | file=/real | by sh\n"
    );
    assert!(line(&mut stream(Format::Text, true), alert()).contains("\x1b[33mWarning\x1b[0m"));
    let mut evil = alert();
    evil.message = "a\nFAKE \x1b[2J".into();
    let line = line(&mut stream(Format::Text, false), evil);
    assert_eq!(line.matches('\n').count(), 1);
    assert!(!line.contains('\x1b'));
}

#[test]
fn own_events() {
    let mut stream = stream(Format::Falco, false);
    let blind = OwnEvent::Blind {
        stage: "ring",
        class: Some("open"),
        place: Some("host".into()),
        count: 412,
        first: 1,
        last: 3_000_000_000,
    };
    let value: Value = serde_json::from_str(&line(&mut stream, blind.into_alert(9))).unwrap();
    assert_eq!(value["source"], "komainu");
    assert_eq!(value["rule"], "Komainu blind");
    assert_eq!(value["output_fields"]["komainu.count"], 412);
    let output = value["output"].as_str().unwrap();
    assert!(
        output.contains(
            "412 open events of host were lost at ring between 1970-01-01T00:00:00.000000001Z"
        ),
        "{output}"
    );
    let stopped = OwnEvent::Stopped {
        reason: "SIGTERM".into(),
        events: 1,
        alerts: 2,
        throttled: 1,
        lost: 3,
        identified: 4,
        unidentified: vec!["no_runtime_answer 1".into()],
    };
    let value: Value = serde_json::from_str(&line(&mut stream, stopped.into_alert(9))).unwrap();
    assert_eq!(value["output_fields"]["komainu.reason"], "SIGTERM");
    assert_eq!(value["output_fields"]["komainu.identified"], 4);
    assert_eq!(
        value["output_fields"]["komainu.unidentified"][0],
        "no_runtime_answer 1"
    );
    assert_eq!(value.get("resolution"), None);
}

#[test]
fn long_values_are_cut_and_say_so() {
    let mut long = alert();
    long.message = "é".repeat(40_000);
    long.fields
        .push(("proc.cmdline".into(), "\u{1}".repeat(200_000).into()));
    let line = line(&mut stream(Format::Falco, false), long);
    assert!(line.len() < 64 * 1024);
    let value: Value = serde_json::from_str(&line).unwrap();
    assert!(
        value["output_fields"]["proc.cmdline"]
            .as_str()
            .unwrap()
            .contains("…[cut ")
    );
    assert!(value["output"].as_str().unwrap().ends_with(" bytes]"));
    assert_eq!(value["rule"], "Read sensitive file");
}

#[test]
fn too_many_values_are_left_out_and_it_says_so() {
    let mut many = alert();
    many.fields = (0..20_000).map(|n| (format!("f{n}"), "x".into())).collect();
    many.tags = (0..20_000).map(|n| format!("{n}")).collect();
    let line = line(&mut stream(Format::Falco, false), many);
    assert!(line.len() < 64 * 1024);
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        value["omitted"],
        json!(["ancestry", "output_fields", "tags"])
    );
}

#[test]
fn time_beyond_the_calendar() {
    assert_eq!(utc(u64::MAX), "2554-07-21T23:34:33.709551615Z");
}

proptest! {
    #[test]
    fn always_one_valid_short_line(
        texts in prop::collection::vec(("\\PC{0,40}|[\\x00-\\x20\"\\\\é]{0,400}", 1usize..300), 1..12),
        text_format in any::<bool>(),
    ) {
        let mut texts = texts.into_iter().map(|(text, times)| text.repeat(times)).cycle();
        let mut next = || texts.next().unwrap();
        let alert = Alert {
            rule: next(),
            message: next(),
            tags: vec![next(), next()],
            fields: vec![(next(), next().into()), ("l".into(), vec![next(), next()].into())],
            resolved_path: Some(next()),
            ancestry: vec![Ancestor { pid: 1, name: next(), exepath: next(), cmdline: next(), missing: 0 }; 4],
            place: Place {
                container: Some(ContainerPlace { id: "x".into(), ..ContainerPlace::default() }),
                ..Place::default()
            },
            ..alert()
        };
        let format = if text_format { Format::Text } else { Format::Falco };
        let line = line(&mut stream(format, false), alert);
        prop_assert!(line.len() < 64 * 1024 || text_format && line.len() < 256 * 1024);
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(line.ends_with('\n'));
        if !text_format {
            prop_assert!(serde_json::from_str::<Value>(&line).unwrap().is_object());
        }
    }
}
