//! As much of JSON Schema as the generated schemas use. An unknown keyword panics, so that none is
//! silently not checked.

use serde_json::Value;

/// What is wrong with a value, with its place in it.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "deprecated" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                let target = root.pointer(pointer).expect("the definition is there");
                check(root, target, value, at, found);
                true
            }
            "type" => one_or_many(wanted).iter().any(|ty| is(value, ty)),
            "enum" => wanted.as_array().unwrap().contains(value),
            "anyOf" => wanted.as_array().unwrap().iter().any(|schema| {
                let mut inner = Vec::new();
                check(root, schema, value, at, &mut inner);
                inner.is_empty()
            }),
            "pattern" | "minLength" | "minimum" | "maximum" | "minProperties" => {
                in_range(keyword, wanted, value)
            }
            "required" => value.as_object().is_none_or(|object| {
                let keys = wanted.as_array().unwrap();
                keys.iter()
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "properties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = wanted.get(key) {
                        check(root, schema, inner, &format!("{at}/{key}"), found);
                    }
                }
                true
            }
            "additionalProperties" if wanted.is_object() => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    check(root, wanted, inner, &format!("{at}/{key}"), found);
                }
                true
            }
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let known = schema["properties"].as_object().unwrap();
                object.keys().all(|key| known.contains_key(key))
            }),
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, inner, &format!("{at}/{index}"), found);
                }
                true
            }
            other => panic!("keyword {other} is not checked"),
        };
        if !holds {
            found.push(format!(
                "{at}: {keyword} {wanted} does not hold for {value}"
            ));
        }
    }
}

/// Whether the value is within a bound or fits a pattern; one of another type does.
fn in_range(keyword: &str, wanted: &Value, value: &Value) -> bool {
    match keyword {
        "pattern" => value.as_str().is_none_or(|text| {
            regex::Regex::new(wanted.as_str().unwrap())
                .unwrap()
                .is_match(text)
        }),
        "minLength" => value
            .as_str()
            .is_none_or(|text| count(wanted) <= text.len()),
        "minimum" => value.as_i64().is_none_or(|n| n >= wanted.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|n| n <= wanted.as_i64().unwrap()),
        _ => value.as_object().is_none_or(|o| o.len() >= count(wanted)),
    }
}

fn count(wanted: &Value) -> usize {
    usize::try_from(wanted.as_u64().unwrap()).unwrap()
}

fn one_or_many(wanted: &Value) -> Vec<&str> {
    match wanted {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    }
}

fn is(value: &Value, ty: &str) -> bool {
    match ty {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("type {other} is not checked"),
    }
}
