//! The tables hold against the standards: `ecs.json` and `ocsf.json` are excerpts of these.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::key::{Get, Key, Kind, Need, Row};
use super::super::{ecs, ocsf};
use super::sample;
use super::{valid, validator};
use crate::emit::facts::NAMES;
use crate::emit::{Alert, Format};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn ecs_truth() -> Value {
    read(include_str!("ecs.json"))
}

fn ocsf_truth() -> Value {
    read(include_str!("ocsf.json"))
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Texts that a key may have, where it is not free.
fn allowed(kind: &Kind) -> Vec<&'static str> {
    match kind {
        Kind::Is(text) => vec![*text],
        Kind::OneOf(texts) | Kind::SomeOf(texts) => texts(),
        _ => Vec::new(),
    }
}

fn is_list(kind: &Kind) -> bool {
    matches!(kind, Kind::Texts | Kind::SomeOf(_) | Kind::Objects(_))
}

#[test]
fn every_fact_that_is_written_is_collected() {
    for row in ecs::rows()
        .chain(ocsf::finding_rows())
        .chain(ocsf::lifecycle_rows())
    {
        if let Get::Fact(name) | Get::FactText(name) = row.get {
            assert!(NAMES.contains(&name), "{name}");
        }
    }
}

#[test]
fn every_key_of_ecs_is_a_field_of_ecs() {
    let truth = ecs_truth();
    let named = |row: &&Row| !row.key.path.starts_with("komainu.");
    assert!(ecs::rows().filter(named).count() > 80);
    for Row { key, .. } in ecs::rows().filter(named) {
        let field = &truth["fields"][key.path];
        assert!(field.is_object(), "{} is no field of ECS", key.path);
        let wanted: &[&str] = match key.kind {
            Kind::Text | Kind::Texts | Kind::Is(_) | Kind::OneOf(_) | Kind::SomeOf(_) => {
                &["keyword", "match_only_text", "wildcard"]
            }
            Kind::Number | Kind::Port => &["long"],
            Kind::Bool => &["boolean"],
            Kind::Time => &["date"],
            Kind::Ip => &["ip"],
            Kind::Id(_) | Kind::Objects(_) | Kind::Fields => &[],
        };
        assert!(
            wanted.contains(&field["type"].as_str().unwrap()),
            "{} is {}",
            key.path,
            field["type"]
        );
        assert_eq!(is_list(&key.kind), field["array"] == true, "{}", key.path);
        for values in [&field["allowed"], &field["expected"]] {
            let values = strings(values);
            for value in allowed(&key.kind) {
                assert!(
                    values.is_empty() || values.contains(value),
                    "{value} of {}",
                    key.path
                );
            }
            let is_free = matches!(key.kind, Kind::Text | Kind::Texts);
            assert!(values.is_empty() || !is_free, "{} has few values", key.path);
        }
    }
}

/// Types that ECS expects in a category.
#[test]
fn types_of_ecs_fit_their_category() {
    let truth = ecs_truth();
    assert_eq!(truth["version"], ecs::VERSION);
    let expected = &truth["fields"]["event.category"]["expected_event_types"];
    let check = |alert: Alert| {
        let value = valid(Format::Ecs, validator(Format::Ecs), alert);
        for category in strings(&value["event"]["category"]) {
            for ty in strings(&value["event"]["type"]) {
                assert!(
                    strings(&expected[category]).contains(ty),
                    "{ty} of {category}"
                );
            }
        }
    };
    for event in sample::own_events() {
        check(event.into_alert(1));
    }
    for ty in crate::event::event_types() {
        let mut alert = sample::full();
        let facts = alert.facts.as_mut().unwrap();
        let family = crate::event::family(ty);
        for (name, value) in &mut facts.values {
            match *name {
                "evt.type" => *value = ty.name.into(),
                "evt.category" => *value = family.into(),
                "evt.is_open_create" | "evt.is_open_write" => *value = false.into(),
                _ => {}
            }
        }
        check(alert);
    }
}

/// Whether a kind is of a type of OCSF, which is of a basic one.
fn is_leaf(kind: &Kind, ty: &str, basic: &str) -> bool {
    match kind {
        Kind::Text | Kind::Texts | Kind::Is(_) | Kind::OneOf(_) | Kind::SomeOf(_) => {
            basic == "string_t" && ty != "datetime_t" && ty != "ip_t"
        }
        Kind::Number | Kind::Id(_) => basic == "integer_t" || basic == "long_t",
        Kind::Port => ty == "port_t",
        Kind::Bool => ty == "boolean_t",
        Kind::Time => ty == "datetime_t",
        Kind::Ip => ty == "ip_t",
        Kind::Objects(_) | Kind::Fields => false,
    }
}

/// Holds keys of one object against what OCSF says of it.
fn check(truth: &Value, about: &Value, at: &str, keys: &[Key]) {
    let attributes = &about["attributes"];
    let first = |key: &Key| key.path.split('.').next().unwrap_or_default();
    let names: BTreeSet<&str> = keys.iter().map(first).collect();
    for name in &names {
        let plain = name.trim_end_matches("[]");
        let own: Vec<Key> = keys
            .iter()
            .filter(|key| first(key) == *name)
            .copied()
            .collect();
        let attribute = &attributes[plain];
        assert!(attribute.is_object(), "{plain} is no attribute of {at}");
        assert_eq!(attribute["deprecated"], Value::Null, "{plain} of {at}");
        let profiles = strings(&attribute["profiles"]);
        let ours = BTreeSet::from(["container", "datetime", "host"]);
        assert!(
            profiles.is_empty() || !profiles.is_disjoint(&ours),
            "{plain} of {at}: {profiles:?}"
        );
        member(truth, attribute, &format!("{at}.{plain}"), name, &own);
    }
    for (name, attribute) in attributes.as_object().unwrap() {
        let is_there =
            |key: &Key| key.path.trim_end_matches("[]") == name && key.need != Need::Maybe;
        let has_inner = |key: &Key| {
            key.path
                .split_once('.')
                .is_some_and(|(first, _)| first == name)
        };
        let is_there = keys
            .iter()
            .any(|key| is_there(key) || has_inner(key) && key.need == Need::Always);
        assert!(
            attribute["required"] != true || is_there,
            "{name} of {at} is required"
        );
    }
    let one_of = strings(&about["constraints"]["at_least_one"]);
    let plain: BTreeSet<&str> = names
        .iter()
        .map(|name| name.trim_end_matches("[]"))
        .collect();
    assert!(
        one_of.is_empty() || !one_of.is_disjoint(&plain),
        "{at} needs one of {one_of:?}"
    );
}

fn member(truth: &Value, attribute: &Value, at: &str, name: &str, keys: &[Key]) {
    let ty = attribute["type"].as_str().unwrap();
    if ty == "object" {
        // `unmapped`, which is free.
        return;
    }
    let inner = |key: &Key| {
        let path = key.path.split_once('.').map_or("", |(_, rest)| rest);
        Key { path, ..*key }
    };
    let below: Vec<Key> = keys
        .iter()
        .map(inner)
        .filter(|key| !key.path.is_empty())
        .collect();
    let lists = keys
        .iter()
        .any(|key| key.path == name && is_list(&key.kind));
    assert_eq!(
        attribute["array"] == true,
        name.ends_with("[]") || lists,
        "{at}"
    );
    if !below.is_empty() {
        return check(truth, &truth["objects"][ty], at, &below);
    }
    let [key] = keys else {
        panic!("{at} is there twice")
    };
    if let Kind::Objects(inner) = key.kind {
        return check(truth, &truth["objects"][ty], at, inner);
    }
    assert!(
        is_leaf(&key.kind, ty, truth["types"][ty].as_str().unwrap()),
        "{at} is {ty}"
    );
    if let Kind::Id(numbers) = key.kind {
        for number in numbers {
            assert!(
                attribute["enum"][number.to_string()].is_string(),
                "{number} of {at}"
            );
        }
    }
}

#[test]
fn every_attribute_is_one_of_ocsf() {
    let truth = ocsf_truth();
    assert_eq!(truth["version"], ocsf::VERSION);
    let classes = &truth["classes"];
    check(
        &truth,
        &classes["detection_finding"],
        "detection_finding",
        &ocsf::finding_keys(),
    );
    check(
        &truth,
        &classes["application_lifecycle"],
        "application_lifecycle",
        &ocsf::lifecycle_keys(),
    );
}

/// Numbers stand beside their captions.
#[test]
fn captions_are_those_of_ocsf() {
    let truth = ocsf_truth();
    let check = |class: &str, value: &Value| {
        let attributes = &truth["classes"][class]["attributes"];
        assert_eq!(value["class_uid"], truth["classes"][class]["uid"]);
        for (number, caption) in [
            ("severity_id", "severity"),
            ("status_id", "status"),
            ("activity_id", "activity_name"),
            ("type_uid", "type_name"),
            ("class_uid", "class_name"),
            ("category_uid", "category_name"),
        ] {
            let Some(said) = value.get(caption) else {
                continue;
            };
            let wanted = &attributes[number]["enum"][value[number].to_string()];
            assert!(
                wanted == said || wanted == "Other",
                "{said} for {wanted} of {number}"
            );
        }
    };
    for priority in super::super::severity::priorities() {
        let alert = Alert {
            priority,
            ..sample::full()
        };
        check(
            "detection_finding",
            &valid(Format::Ocsf, validator(Format::Ocsf), alert),
        );
    }
    for event in sample::own_events() {
        let value = valid(Format::Ocsf, validator(Format::Ocsf), event.into_alert(1));
        check("application_lifecycle", &value);
        let uid =
            value["class_uid"].as_u64().unwrap() * 100 + value["activity_id"].as_u64().unwrap();
        assert_eq!(value["type_uid"], uid);
    }
}

/// A misspelt key is found.
#[test]
fn wrong_keys_are_found() {
    let truth = ocsf_truth();
    let finding = &truth["classes"]["detection_finding"];
    for wrong in [
        Key::new("finding_info.titel", Kind::Text, Need::Always, ""),
        Key::new("severity_id", Kind::Id(&[77]), Need::Always, ""),
        Key::new("evidences.process.pid", Kind::Number, Need::Maybe, ""),
        Key::new("time", Kind::Text, Need::Always, ""),
    ] {
        let mut keys: Vec<Key> = ocsf::finding_keys();
        keys.retain(|key| key.path != wrong.path);
        keys.push(wrong);
        let found = std::panic::catch_unwind(|| check(&truth, finding, "detection_finding", &keys));
        assert!(found.is_err(), "{}", wrong.path);
    }
}
