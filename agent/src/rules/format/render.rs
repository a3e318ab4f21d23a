//! Output of an event.

use bumpalo::Bump;
use serde_json::{Map, Value};

use super::parse::{Named, Output, Part};
use crate::event::fields::{FieldArg, FieldValue, Getter, Many, Scope};
use crate::event::{Event, World};
use crate::rules::eval::Get;

/// What stands for a value that is absent.
const ABSENT: &[u8] = b"<NA>";

impl Output {
    /// The text for an event; absent values print `<NA>`.
    pub fn render(&self, event: &Event<'_>, world: &dyn World) -> String {
        let arena = Bump::new();
        let scope = Scope::new(event, world, &arena);
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Value(get, width) => {
                    let start = out.len();
                    print(get, &scope, &mut out);
                    if let Some(width) = width {
                        out.resize(start + width, b' ');
                    }
                }
            }
        }
        match String::from_utf8(out) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// The fields for an event, typed: numbers as numbers, absent values as `null`.
    pub fn output_fields(&self, event: &Event<'_>, world: &dyn World) -> Map<String, Value> {
        let arena = Bump::new();
        let scope = Scope::new(event, world, &arena);
        self.fields
            .iter()
            .map(|named| (named.key.clone(), json(named, &scope)))
            .collect()
    }
}

/// Appends what a value prints as.
fn print(get: &Get, scope: &Scope<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut any = false;
    let list = get.many() == Some(Many::List);
    let between: &[u8] = if list { b"," } else { b" " };
    if list {
        out.push(b'(');
    }
    visit(get, scope, &mut |value| {
        if std::mem::replace(&mut any, true) {
            out.extend_from_slice(between);
        }
        value.print(out);
    });
    if !any {
        out.truncate(start);
        out.extend_from_slice(ABSENT);
    } else if list {
        out.push(b')');
    }
}

/// Every value that is printed: none of fields that conditions only can use.
fn visit(get: &Get, scope: &Scope<'_>, each: &mut dyn FnMut(FieldValue<'_>)) {
    match get {
        Get::Field(field, _) if field.traits.filter_only => {}
        Get::Field(field, FieldArg::None) if field.shown.is_some() => {
            let value = field.shown.and_then(|get| get(scope, &FieldArg::None));
            value.into_iter().for_each(each);
        }
        Get::Field(field, arg) => match field.getter {
            Getter::One(get) => get(scope, arg).into_iter().for_each(each),
            Getter::Many(_, get) => get(scope, arg, &mut |value| each(value)),
        },
        _ => {
            // A transformer borrows from its own constants.
            let narrowed = Scope::new(scope.event, scope.world, scope.arena);
            get.one(&narrowed).into_iter().for_each(each);
        }
    }
}

fn json(named: &Named, scope: &Scope<'_>) -> Value {
    if named.field.traits.filter_only {
        return Value::Null;
    }
    if named.field.name == "evt.time" {
        return scope.event.time.into();
    }
    if let (Some(get), FieldArg::None) = (named.field.shown, &named.arg) {
        return get(scope, &named.arg).map_or(Value::Null, FieldValue::json);
    }
    match named.field.getter {
        Getter::One(get) => get(scope, &named.arg).map_or(Value::Null, FieldValue::json),
        Getter::Many(Many::List, get) => {
            let mut values = Vec::new();
            get(scope, &named.arg, &mut |value| values.push(value.json()));
            Value::Array(values)
        }
        Getter::Many(_, get) => {
            let mut values = Vec::new();
            get(scope, &named.arg, &mut |value| values.push(value.json()));
            match (&named.arg, values.len()) {
                (_, 0) => Value::Null,
                (FieldArg::None, _) => {
                    let texts = values.iter().map(|value| match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    });
                    Value::String(texts.collect::<Vec<_>>().join(" "))
                }
                _ => values.swap_remove(0),
            }
        }
    }
}
