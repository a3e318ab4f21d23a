//! Alerts to write: one that says everything, and arbitrary ones.

use proptest::prelude::*;
use serde_json::Value;

use crate::emit::alert::{ContainerPlace, PodPlace};
use crate::emit::facts::{Facts, NAMES};
use crate::emit::format::severity::priorities;
use crate::emit::lost::{Held, Repeats};
use crate::emit::{Alert, Ancestor, OwnEvent, Place, Resolution, SessionPlace};
use crate::event::fields::{self, FieldType};

fn ancestor() -> Ancestor {
    Ancestor {
        pid: 7,
        name: "sh".into(),
        exepath: "/bin/sh".into(),
        cmdline: "sh -c x".into(),
        missing: 3,
    }
}

fn every_fact() -> Facts {
    let fact = |name: &&'static str| {
        let value: Value = match *name {
            "evt.type" => "openat".into(),
            "evt.res" => "ENOENT".into(),
            "evt.category" | "fd.type" => "file".into(),
            "fd.name" | "fs.path.name" => "/etc/shadow".into(),
            "fd.l4proto" => "tcp".into(),
            "fd.cip" | "fd.lip" => "10.1.2.3".into(),
            "fd.sip" | "fd.rip" => "10.4.5.6".into(),
            "container.image.repository" => "r/web".into(),
            "container.image.tag" => "1".into(),
            name => by_type(name, "text"),
        };
        (*name, value)
    };
    Facts {
        description: "What it is for.".into(),
        values: NAMES.iter().map(fact).collect(),
        args: vec!["cat".into(), "/etc/shadow".into()],
    }
}

pub(in crate::emit) fn known_place() -> Place {
    Place {
        resolution: Some(Resolution::ApiUnreachable),
        resolution_detail: Some("refused".into()),
        container: Some(ContainerPlace {
            id: "0123".into(),
            name: Some("main".into()),
            runtime: Some("cri".into()),
            image: Some("r/web:1".into()),
            image_digest: Some("sha256:ab".into()),
        }),
        pod: Some(PodPlace {
            uid: Some("u".into()),
            name: Some("web-1".into()),
            namespace: Some("shop".into()),
            owner_kind: Some("Deployment".into()),
            owner_name: Some("web".into()),
        }),
    }
}

/// An event with every fact, of a connection by a file in a pod in a session, which no real one is.
pub(super) fn full() -> Alert {
    Alert {
        time: 1_785_493_230_123_456_789,
        rule: "Read sensitive file".into(),
        rules_hash: Some("0a1b".into()),
        priority: "Warning",
        source: "syscall",
        tags: ["T1003", "T1059.004", "mitre_execution"]
            .map(str::to_owned)
            .into(),
        message: "file=/etc/shadow".into(),
        fields: vec![
            ("evt.time".into(), 5.into()),
            ("fd.name".into(), "/etc/shadow".into()),
        ],
        place: known_place(),
        session: Some(SessionPlace {
            id: "ab-1f-2a".into(),
            kind: "exec",
            tty: true,
            start: 1_785_493_230_000_000_000,
            uid: 33,
            root: ancestor(),
        }),
        resolved_path: Some("/real".into()),
        truncated: true,
        ancestry: vec![ancestor()],
        facts: Some(Box::new(every_fact())),
        number: 0,
    }
}

/// A value of the type that the field has.
fn by_type(name: &str, text: &str) -> Value {
    match fields::find(name).unwrap().ty {
        FieldType::Bool => true.into(),
        FieldType::Ip => "fe80::1".into(),
        ty if ty.is_number() => 42.into(),
        _ => text.into(),
    }
}

/// One of each own event, with what they all have in common left to chance.
pub(super) fn own_events() -> Vec<OwnEvent> {
    let text = || "x".to_owned();
    vec![
        OwnEvent::Started {
            version: "1",
            rules: 1,
            rules_hash: text(),
            attached: 1,
            degraded: vec![text()],
        },
        OwnEvent::Reloaded {
            rules: 1,
            rules_hash: text(),
        },
        OwnEvent::ReloadFailed {
            error: text(),
            rules_hash: text(),
        },
        OwnEvent::Degraded {
            class: "open",
            cpu_percent: 2,
            budget_percent: 1,
        },
        OwnEvent::CoverageLost {
            classes: vec!["open"],
            seconds: 1,
        },
        OwnEvent::CoverageRestored {
            classes: vec!["open"],
        },
        OwnEvent::Blind {
            stage: "ring",
            class: None,
            place: None,
            count: 1,
            first: 0,
            last: 0,
        },
        OwnEvent::Throttled(Repeats {
            rule: text(),
            priority: "Warning",
            key: vec![text()],
            held: Held {
                count: 1,
                first: 1,
                last: 2,
            },
            seconds: 60,
        }),
        OwnEvent::Stopped {
            reason: text(),
            events: 1,
            alerts: 1,
            throttled: 0,
            lost: 0,
            identified: 0,
            unidentified: vec![text()],
        },
    ]
}

/// Text as hostile as it may be, and at times long.
fn hostile() -> impl Strategy<Value = String> {
    let piece = "\\PC{0,20}|[\\x00-\\x20\"\\\\é]{0,60}|/[a-z/]{0,20}|<NA>|T[0-9]{4}";
    (piece, 1_usize..200).prop_map(|(text, times)| text.repeat(times))
}

fn facts() -> impl Strategy<Value = Option<Box<Facts>>> {
    let one = |name: &'static str| {
        let value = hostile().prop_map(move |text| by_type(name, &text));
        (Just(name), proptest::option::weighted(0.7, value))
    };
    let values: Vec<_> = NAMES.iter().map(|name| one(name)).collect();
    let args = prop::collection::vec(hostile(), 0..6);
    let facts = (hostile(), values, args).prop_map(|(description, values, args)| {
        let is_pid = |name: &str| name == "proc.pid";
        let present = |(name, value): (&'static str, Option<Value>)| {
            // Every event has a process.
            let value = if is_pid(name) { Some(7.into()) } else { value };
            value.map(|value| (name, value))
        };
        let values = values.into_iter().filter_map(present).collect();
        Box::new(Facts {
            description,
            values,
            args,
        })
    });
    proptest::option::weighted(0.9, facts)
}

fn place() -> impl Strategy<Value = Place> {
    let some = || proptest::option::of(hostile());
    let container = (hostile(), some(), some(), some(), some()).prop_map(
        |(id, name, runtime, image, image_digest)| ContainerPlace {
            id,
            name,
            runtime,
            image,
            image_digest,
        },
    );
    let pod = (some(), some(), some(), some(), some()).prop_map(
        |(uid, name, namespace, owner_kind, owner_name)| PodPlace {
            uid,
            name,
            namespace,
            owner_kind,
            owner_name,
        },
    );
    let resolution = prop::sample::select(Resolution::ALL);
    (
        proptest::option::of(resolution),
        some(),
        proptest::option::of(container),
        proptest::option::of(pod),
    )
        .prop_map(|(resolution, resolution_detail, container, pod)| Place {
            resolution,
            resolution_detail,
            container,
            pod,
        })
}

fn process() -> impl Strategy<Value = Ancestor> {
    (any::<u32>(), hostile(), hostile(), hostile(), any::<u16>()).prop_map(
        |(pid, name, exepath, cmdline, missing)| Ancestor {
            pid,
            name,
            exepath,
            cmdline,
            missing: missing.into(),
        },
    )
}

fn session() -> impl Strategy<Value = SessionPlace> {
    (
        hostile(),
        any::<bool>(),
        any::<u64>(),
        any::<u32>(),
        process(),
    )
        .prop_map(|(id, tty, start, uid, root)| SessionPlace {
            id,
            kind: "exec",
            tty,
            start,
            uid,
            root,
        })
}

fn field() -> impl Strategy<Value = (String, Value)> {
    let text = prop_oneof![hostile().prop_map(Value::from), Just(Value::Null)];
    let name = prop_oneof![
        Just("fd.name".to_owned()),
        Just("proc.aname[2]".to_owned()),
        hostile()
    ];
    prop_oneof![
        (name, text),
        any::<i64>().prop_map(|number| ("proc.pid".to_owned(), number.into())),
        prop::collection::vec(hostile(), 0..4)
            .prop_map(|list| ("komainu.list".to_owned(), list.into())),
    ]
}

/// Any alert of a rule.
pub(super) fn arbitrary() -> impl Strategy<Value = Alert> {
    let said = (
        any::<u64>(),
        hostile(),
        prop::sample::select(priorities()),
        hostile(),
        proptest::option::of("[0-9a-f]{64}"),
    );
    let lists = (
        prop::collection::vec(hostile(), 0..6),
        prop::collection::vec(field(), 0..6),
        prop::collection::vec(process(), 0..5),
    );
    let about = (
        place(),
        proptest::option::of(session()),
        proptest::option::of(hostile()),
        any::<bool>(),
        facts(),
    );
    (said, lists, about).prop_map(
        |(
            (time, rule, priority, message, hash),
            (tags, fields, ancestry),
            (place, session, resolved_path, truncated, facts),
        )| Alert {
            time,
            rule,
            priority,
            source: "syscall",
            tags,
            rules_hash: hash.map(Into::into),
            message,
            fields,
            place,
            session,
            resolved_path,
            truncated,
            ancestry,
            facts,
            number: 0,
        },
    )
}
