//! JSON Schema of rule files, from the tables that reading uses.

use serde_json::{Map, Value, json};

use super::defs::Priority;
use super::overrides::{self, Changeable};
use super::read::{LIST_KEYS, MACRO_KEYS};
use super::rule_item;
use crate::rules::syntax::ast::{Modifier, Op};

/// The schema (draft 2020-12) of one document of a rule file. It is stricter than loading: keys that
/// are only warned about are errors, so that an editor shows them.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule file",
        "description": "Falco's rule language: rules, macros and lists, in order.",
        "type": ["array", "null"],
        "items": { "anyOf": [
            { "$ref": "#/$defs/rule" },
            { "$ref": "#/$defs/macro" },
            { "$ref": "#/$defs/list" },
            { "$ref": "#/$defs/required_engine_version" },
            { "$ref": "#/$defs/required_plugin_versions" },
            { "type": "null" },
        ] },
        "$defs": {
            "rule": rule(),
            "macro": item(MACRO_KEYS, &["macro", "condition"], overrides::MACRO),
            "list": item(LIST_KEYS, &["list", "items"], overrides::LIST),
            "required_engine_version": engine(),
            "required_plugin_versions": plugins(),
            "exception": exception(),
            "scalar": { "type": ["string", "number", "boolean"] },
            "flag": { "enum": [true, false, "yes", "no", "on", "off", "y", "n"] },
            "version": { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+" },
        },
    })
}

/// An item with these keys; the first of `required` names its kind.
fn item(keys: &[&str], required: &[&str], changeable: Changeable) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), property(key, changeable)))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "required": required,
    })
}

/// A rule: it defines, changes what is defined, or only switches it.
fn rule() -> Value {
    let mut rule = item(rule_item::KEYS, &["rule"], overrides::RULE);
    let ways = json!([
        { "required": ["condition", "output", "desc", "priority"] },
        { "required": ["override"] },
        { "required": ["append"] },
        { "required": ["enabled"] },
    ]);
    if let Some(rule) = rule.as_object_mut() {
        rule.insert("anyOf".to_owned(), ways);
    }
    rule
}

/// What stands behind a key of a rule, macro or list.
fn property(key: &str, changeable: Changeable) -> Value {
    let flag = "#/$defs/flag";
    let scalar = "#/$defs/scalar";
    match key {
        "override" => changes(changeable),
        "append" => json!({ "$ref": flag, "deprecated": true, "description":
            "Adds condition, items or exceptions to an earlier definition; write `override` instead." }),
        "enabled" => {
            json!({ "$ref": flag, "description": "Whether the rule is evaluated; true if left out." })
        }
        "warn_evttypes" => json!({ "$ref": flag, "description":
            "false: no warning although the rule is evaluated for every event type." }),
        "skip-if-unknown-filter" => json!({ "$ref": flag, "description":
            "true: where the rule uses an unknown field, leave it out with a warning." }),
        "capture" => json!({ "$ref": flag, "description": "Accepted, without effect here." }),
        "capture_duration" => json!({ "type": "integer", "minimum": 0,
            "description": "Accepted, without effect here. Milliseconds." }),
        "tags" => {
            json!({ "type": "array", "items": { "$ref": scalar }, "description": "Set of labels." })
        }
        "items" => json!({ "type": "array", "items": { "$ref": scalar }, "description":
            "Constants, or names of other lists." }),
        "exceptions" => {
            json!({ "type": "array", "items": { "$ref": "#/$defs/exception" }, "description":
            "When the rule does not fire although its condition holds." })
        }
        "priority" => json!({ "enum": priorities(), "description": "How serious a match is." }),
        "condition" => {
            text("When it holds: comparisons of fields with and, or, not, and macros by name.")
        }
        "output" => text("What an alert says; %field is replaced by its value."),
        "desc" => text("What the rule finds, and why it matters."),
        "source" => text("Source of events; only syscall is evaluated here."),
        _ => text("Name."),
    }
}

fn text(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "minLength": 1, "description": description })
}

/// Names of priorities: as written in alerts, in capitals and in small letters.
fn priorities() -> Vec<String> {
    let names = Priority::ALL.iter().map(|priority| priority.name());
    let names = names.chain(std::iter::once("Info"));
    let cases = |name: &str| [name.to_owned(), name.to_uppercase(), name.to_lowercase()];
    names.flat_map(cases).collect()
}

/// What stands behind `override`.
fn changes(changeable: Changeable) -> Value {
    let operations = |key: &str| {
        let append = changeable.append.contains(&key).then_some("append");
        let replace = changeable.replace.contains(&key).then_some("replace");
        append.into_iter().chain(replace).collect::<Vec<_>>()
    };
    let properties: Map<String, Value> = changeable
        .replace
        .iter()
        .map(|key| ((*key).to_owned(), json!({ "enum": operations(key) })))
        .collect();
    json!({
        "type": "object",
        "description": "How each key of this item changes an earlier definition of the same name.",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
    })
}

fn exception() -> Value {
    let operators: Vec<String> = Op::ALL
        .iter()
        .filter(|op| **op != Op::Exists)
        .flat_map(|op| {
            let alone = std::iter::once(op.text().to_owned());
            alone.chain(modified(*op))
        })
        .collect();
    let lists: Vec<String> = Op::ALL
        .iter()
        .flat_map(|op| {
            let alone = op.is_list().then(|| op.text().to_owned());
            alone.into_iter().chain(modified(*op))
        })
        .collect();
    json!({
        "type": "object",
        "properties": {
            "name": text("Name; changes refer to it."),
            "fields": { "description": "A field, or several for tuples of values.", "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" } },
            ] },
            "comps": { "description": "An operator for each field; `=` (for a single field `in`) if left out.",
                "anyOf": [
                    { "enum": lists },
                    { "type": "array", "items": { "enum": operators } },
                ] },
            "values": { "type": "array", "description":
                "Values for the single field, or tuples with a value for each field.", "items": { "anyOf": [
                    { "$ref": "#/$defs/scalar" },
                    { "type": "array", "items": { "anyOf": [
                        { "$ref": "#/$defs/scalar" },
                        { "type": "array", "items": { "$ref": "#/$defs/scalar" } },
                    ] } },
                ] } },
        },
        "additionalProperties": false,
        "required": ["name"],
    })
}

/// The operator with each modifier, where it takes one.
fn modified(op: Op) -> impl Iterator<Item = String> {
    let modifiers = Modifier::ALL.iter().filter(move |_| op.is_string());
    modifiers.map(move |modifier| format!("{} {}", op.text(), modifier.text()))
}

fn engine() -> Value {
    json!({
        "type": "object",
        "properties": { "required_engine_version": {
            "description": "Least version of the rule language: N for 0.N.0, or X.Y.Z.",
            "anyOf": [{ "type": "integer", "minimum": 0 }, { "$ref": "#/$defs/version" }],
        } },
        "additionalProperties": false,
        "required": ["required_engine_version"],
    })
}

fn plugins() -> Value {
    let named = json!({ "type": "string" });
    let version = json!({ "$ref": "#/$defs/version" });
    let alternative = json!({
        "type": "object",
        "properties": { "name": named, "version": version },
        "additionalProperties": false,
        "required": ["name", "version"],
    });
    let plugin = json!({
        "type": "object",
        "properties": {
            "name": named,
            "version": version,
            "alternatives": { "type": "array", "items": alternative },
        },
        "additionalProperties": false,
        "required": ["name", "version"],
    });
    json!({
        "type": "object",
        "properties": { "required_plugin_versions": {
            "description": "Plugins that the file needs, with least versions.",
            "type": "array",
            "items": plugin,
        } },
        "additionalProperties": false,
        "required": ["required_plugin_versions"],
    })
}
