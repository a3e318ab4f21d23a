//! JSON Schema of the formats, from their tables of keys and the table of fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::key::{Key, Kind, Need};
use super::{ecs, falco, ocsf};
use crate::event::fields::{self, ArgKind, Field, FieldType, Getter, Many};

/// The dialect of the schemas.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Schema (draft 2020-12) of a line with Falco's keys.
pub(super) fn falco() -> Value {
    whole("Alert with Falco's keys", object(falco::KEYS))
}

/// The same in Elastic Common Schema.
pub(super) fn ecs() -> Value {
    whole("Alert in Elastic Common Schema", object(&ecs::keys()))
}

/// The same in the Open Cybersecurity Schema Framework: either class.
pub(super) fn ocsf() -> Value {
    let classes = [ocsf::finding_keys(), ocsf::lifecycle_keys()].map(|keys| object(&keys));
    whole("Alert in OCSF", json!({ "oneOf": classes }))
}

fn whole(title: &str, line: Value) -> Value {
    let mut schema = json!({
        "$schema": DIALECT,
        "title": title,
        "description": "One line that komainu writes. Generated from the table of keys; do not edit.",
        "$defs": { "fields": all_fields(), "value": any_value() },
    });
    if let (Some(schema), Value::Object(line)) = (schema.as_object_mut(), line) {
        schema.extend(line);
    }
    schema
}

/// An object with these keys and no others.
fn object(keys: &[Key]) -> Value {
    let mut members: BTreeMap<&str, Vec<Key>> = BTreeMap::new();
    for key in keys {
        let (name, rest) = key.path.split_once('.').unwrap_or((key.path, ""));
        let inner = Key { path: rest, ..*key };
        members.entry(name).or_default().push(inner);
    }
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, keys) in members {
        let (schema, is_required) = member(name, &keys);
        let name = name.trim_end_matches("[]");
        properties.insert(name.to_owned(), schema);
        if is_required {
            required.push(name.to_owned());
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// One member of an object, and whether it has to be there.
fn member(name: &str, keys: &[Key]) -> (Value, bool) {
    if let [key] = keys
        && key.path.is_empty()
    {
        let mut schema = value(&key.kind);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), described(key.doc).into());
        }
        return (schema, key.need != Need::Maybe);
    }
    let is_required = keys.iter().any(|key| key.need == Need::Always);
    let schema = object(keys);
    if name.ends_with("[]") {
        let list = json!({ "type": "array", "items": schema, "minItems": 1, "maxItems": 1 });
        return (list, is_required);
    }
    (schema, is_required)
}

/// A name of a field alone is where the value comes from.
fn described(doc: &str) -> String {
    if doc.ends_with('.') {
        doc.to_owned()
    } else {
        format!("`{doc}`.")
    }
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Number => json!({ "type": "integer" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Ip => {
            json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
        }
        Kind::Port => json!({ "type": "integer", "minimum": 0, "maximum": 65_535 }),
        Kind::Is(text) => json!({ "const": text }),
        Kind::OneOf(texts) => json!({ "enum": texts() }),
        Kind::SomeOf(texts) => {
            json!({ "type": "array", "items": { "enum": texts() }, "uniqueItems": true })
        }
        Kind::Id(numbers) => json!({ "enum": numbers }),
        Kind::Objects(keys) => json!({ "type": "array", "items": object(keys), "minItems": 1 }),
        Kind::Fields => json!({ "$ref": "#/$defs/fields" }),
    }
}

/// What `output_fields` can say: rows of the table of fields by name, with arguments by pattern. A value of a
/// transformer, and one of an own event, is any.
fn all_fields() -> Value {
    let (mut properties, mut patterns) = (Map::new(), Map::new());
    for field in fields::all() {
        let schema = of_field(field);
        if field.arg != ArgKind::None {
            let name = field.name.replace('.', "\\.");
            patterns.insert(format!("^{name}[.\\[]"), json!({ "$ref": "#/$defs/value" }));
        }
        properties.insert(field.name.to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": "Values by name of the field; null where the event has none.",
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": { "$ref": "#/$defs/value" },
    })
}

fn any_value() -> Value {
    json!({ "anyOf": [
        { "type": ["string", "integer", "boolean", "null"] },
        { "type": "array", "items": { "type": ["string", "integer", "boolean"] } },
    ] })
}

fn of_field(field: &Field) -> Value {
    // The one field whose value is of another type than its text.
    if field.name == "evt.time" {
        return json!({ "type": "integer" });
    }
    match field.getter {
        _ if field.traits.filter_only => json!({ "type": "null" }),
        Getter::Many(Many::List, _) => {
            json!({ "type": "array", "items": { "type": ["string", "integer", "boolean"] } })
        }
        // Several values print as one text.
        Getter::Many(..) if field.shown.is_none() => json!({ "type": ["string", "null"] }),
        _ => of_type(field.ty),
    }
}

fn of_type(ty: FieldType) -> Value {
    match ty {
        FieldType::Bool => json!({ "type": ["boolean", "null"] }),
        FieldType::Dynamic => json!({ "$ref": "#/$defs/value" }),
        _ if ty.is_number() => json!({ "type": ["integer", "null"] }),
        _ => json!({ "type": ["string", "null"] }),
    }
}
