//! Lines and their schemas say the same.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::super::falco;
use super::super::key::{Key, Kind};
use super::super::{ecs, ocsf};
use super::{line, sample, valid, validator};
use crate::emit::{Alert, Format};

/// Paths that a value has, as keys write them; below these of fields, none.
fn paths(value: &Value, at: &str, keys: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if !keys.contains(at) => {
            for (name, value) in members {
                let inner = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                paths(value, &inner, keys, found);
            }
        }
        Value::Array(values) if values.iter().all(Value::is_object) && !values.is_empty() => {
            if keys.contains(at) {
                found.insert(at.to_owned());
            }
            let inner = format!("{at}[]");
            for value in values {
                paths(value, &inner, keys, found);
            }
        }
        _ => {
            found.insert(at.to_owned());
        }
    }
}

/// Paths of keys, those of objects in lists included.
fn named(keys: &[Key]) -> BTreeSet<String> {
    let all = keys.iter().flat_map(|key| {
        let inner: &[Key] = match key.kind {
            Kind::Objects(inner) => inner,
            _ => &[],
        };
        let inner = inner
            .iter()
            .map(|inner| format!("{}[].{}", key.path, inner.path));
        std::iter::once(key.path.to_owned()).chain(inner)
    });
    all.collect()
}

fn assert_all(format: Format, alert: Alert, keys: &[Key], missing: &[&str]) {
    let value = valid(format, validator(format), alert);
    let names = named(keys);
    let mut found = BTreeSet::new();
    paths(&value, "", &names, &mut found);
    let unnamed: Vec<_> = found.difference(&names).collect();
    assert!(unnamed.is_empty(), "{unnamed:?} are in no table");
    let left_out: Vec<_> = names.difference(&found).map(String::as_str).collect();
    assert_eq!(left_out, missing, "{value:#}");
}

#[test]
fn an_alert_with_everything_has_every_key() {
    assert_all(Format::Falco, sample::full(), falco::KEYS, &["omitted"]);
    assert_all(
        Format::Ecs,
        sample::full(),
        &ecs::keys(),
        &["error.message", "komainu.omitted"],
    );
    assert_all(
        Format::Ocsf,
        sample::full(),
        &ocsf::finding_keys(),
        &["unmapped.omitted"],
    );
}

#[test]
fn own_events_have_theirs() {
    for format in Format::MACHINE {
        let validator = validator(*format);
        for event in sample::own_events() {
            valid(
                *format,
                validator,
                event.into_alert(1_785_493_230_123_456_789),
            );
        }
    }
    let failed = sample::own_events()
        .into_iter()
        .nth(2)
        .unwrap()
        .into_alert(1);
    let value = valid(Format::Ecs, validator(Format::Ecs), failed.clone());
    assert_eq!(value["error"]["message"], "x");
    assert_eq!(value["event"]["kind"], "event");
    assert_eq!(value["event"]["outcome"], "failure");
    let value = valid(Format::Ocsf, validator(Format::Ocsf), failed);
    assert_eq!(
        (&value["type_uid"], &value["status_id"]),
        (&600_208.into(), &2.into())
    );
    assert_eq!(value["unmapped"]["output_fields"]["komainu.error"], "x");
}

/// What a sink adds to the stream later is written too.
#[test]
fn own_events_that_are_not_in_the_tables_are_written() {
    let mut alert = sample::own_events().remove(1).into_alert(1);
    alert.fields = vec![("komainu.event".into(), "new_thing".into())];
    let value = valid(Format::Ocsf, validator(Format::Ocsf), alert.clone());
    assert_eq!(
        (&value["activity_id"], &value["activity_name"]),
        (&99.into(), &"new_thing".into())
    );
    let value = valid(Format::Ecs, validator(Format::Ecs), alert);
    assert_eq!(value["event"]["action"], "new_thing");
}

#[test]
fn an_alert_with_little_has_what_is_required() {
    let little = || Alert {
        priority: "Debug",
        source: "syscall",
        ..Alert::default()
    };
    for format in Format::MACHINE {
        valid(*format, validator(*format), little());
    }
    let value: Value = serde_json::from_str(&line(Format::Ecs, little())).unwrap();
    assert_eq!(value.get("process"), None);
    let value: Value = serde_json::from_str(&line(Format::Ocsf, little())).unwrap();
    assert_eq!(value.get("evidences"), None);
}

#[test]
fn schemas_refuse_what_they_do_not_name() {
    for format in Format::MACHINE {
        let validator = validator(*format);
        let value = valid(*format, validator, sample::full());
        let mut more = value.clone();
        more["unheard_of"] = 1.into();
        assert!(!validator.is_valid(&more), "{}", format.name());
        // Fields may have any name.
        let names = value.as_object().unwrap().keys();
        for name in names.filter(|name| *name != "output_fields") {
            let mut wrong = value.clone();
            wrong[name] = serde_json::json!({ "unheard_of": 1 });
            assert!(!validator.is_valid(&wrong), "{name} of {}", format.name());
        }
    }
    let mut fields = valid(Format::Falco, validator(Format::Falco), sample::full());
    fields["output_fields"]["proc.pid"] = "text".into();
    assert!(
        !validator(Format::Falco).is_valid(&fields),
        "fields are typed"
    );
}

#[test]
fn facts_become_what_they_are() {
    let value = valid(Format::Ecs, validator(Format::Ecs), sample::full());
    for (pointer, wanted) in [
        ("/event/kind", "alert".into()),
        ("/event/category", serde_json::json!(["file"])),
        ("/event/outcome", "failure".into()),
        ("/event/reason", "ENOENT".into()),
        ("/event/severity", 4.into()),
        ("/file/path", "/etc/shadow".into()),
        ("/file/name", "shadow".into()),
        ("/file/directory", "/etc".into()),
        ("/file/target_path", "/real".into()),
        ("/user/id", "42".into()),
        ("/process/parent/pid", 42.into()),
        (
            "/threat/technique/id",
            serde_json::json!(["T1003", "T1059"]),
        ),
        (
            "/threat/technique/subtechnique/id",
            serde_json::json!(["T1059.004"]),
        ),
        ("/threat/tactic/name", serde_json::json!(["Execution"])),
        ("/source/ip", "10.1.2.3".into()),
        ("/network/type", "ipv4".into()),
        ("/network/direction", "ingress".into()),
        ("/container/image/name", "r/web".into()),
        ("/orchestrator/resource/parent/type", "Deployment".into()),
    ] {
        assert_eq!(value.pointer(pointer), Some(&wanted), "{pointer}");
    }
    let value = valid(Format::Ocsf, validator(Format::Ocsf), sample::full());
    for (pointer, wanted) in [
        ("/severity_id", 3.into()),
        ("/time", 1_785_493_230_123_u64.into()),
        ("/evidences/0/file/name", "shadow".into()),
        ("/evidences/0/file/type_id", 1.into()),
        ("/evidences/0/connection_info/direction_id", 1.into()),
        ("/evidences/0/process/user/uid", "42".into()),
        ("/evidences/0/container/hash/value", "ab".into()),
        (
            "/finding_info/attacks/1/sub_technique/uid",
            "T1059.004".into(),
        ),
        ("/finding_info/attacks/0/tactic/uid", "TA0002".into()),
        ("/resources/0/namespace", "shop".into()),
        ("/device/uid", "node".into()),
    ] {
        assert_eq!(value.pointer(pointer), Some(&wanted), "{pointer}");
    }
}

#[test]
fn too_many_values_are_left_out_and_it_says_so() {
    let many = || {
        let mut many = sample::full();
        many.fields = (0..20_000).map(|n| (format!("f{n}"), "x".into())).collect();
        many.tags = (0..20_000).map(|n| format!("{n}")).collect();
        many
    };
    let value = valid(Format::Ecs, validator(Format::Ecs), many());
    let omitted = value["komainu"]["omitted"].as_array().unwrap();
    assert!(omitted.contains(&"komainu.output_fields".into()) && omitted.contains(&"tags".into()));
    assert_eq!(value["process"].get("args"), None);
    let value = valid(Format::Ocsf, validator(Format::Ocsf), many());
    assert!(
        value["unmapped"]["omitted"]
            .as_array()
            .unwrap()
            .contains(&"unmapped.output_fields".into())
    );
    assert_eq!(value["evidences"][0]["process"].get("ancestry"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_alert_is_a_valid_line(alert in sample::arbitrary()) {
        for format in Format::MACHINE {
            valid(*format, validator(*format), alert.clone());
        }
    }
}
