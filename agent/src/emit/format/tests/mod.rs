//! Lines in every format: valid by their schema, and by what the standards say.

mod lines;
pub(in crate::emit) mod sample;
mod truth;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::super::{Alert, Format, Redactor, Stream};

static VALIDATORS: LazyLock<Vec<Validator>> = LazyLock::new(|| {
    let schemas = Format::MACHINE.iter().filter_map(|format| format.schema());
    let options = || jsonschema::options().should_validate_formats(true);
    schemas
        .map(|schema| options().build(&schema).unwrap())
        .collect()
});

/// What the lines of a format are held against.
fn validator(format: Format) -> &'static Validator {
    let formats = Format::MACHINE.iter();
    let mut pairs = formats.zip(VALIDATORS.iter());
    pairs.find(|(own, _)| **own == format).unwrap().1
}

/// The only line that an alert becomes.
fn line(format: Format, alert: Alert) -> String {
    let mut stream = Stream::new(
        format,
        false,
        Redactor::defaults(),
        "host".into(),
        "node".into(),
        "b2a6a5c4-2f4e-4a6f-9d55-0f2f5f0d8a11".into(),
    );
    let mut out = Vec::new();
    stream.line(&mut out, alert).unwrap();
    String::from_utf8(out).unwrap()
}

/// The line read back, which its schema accepts.
fn valid(format: Format, validator: &Validator, alert: Alert) -> Value {
    let line = line(format, alert);
    assert_eq!(line.matches('\n').count(), 1);
    assert!(
        line.ends_with('\n') && line.len() < 64 * 1024,
        "{}",
        line.len()
    );
    let value: Value = serde_json::from_str(&line).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}\n{value:#}");
    value
}
