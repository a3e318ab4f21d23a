//! What the agent writes is valid by the committed schema of its format. Whoever reads a line reads it here.

use std::{fs, path::Path, sync::LazyLock};

use jsonschema::Validator;
use komainu::emit::Format;
use serde_json::Value;

static FALCO: LazyLock<Validator> = LazyLock::new(|| validator(Format::Falco));
static ECS: LazyLock<Validator> = LazyLock::new(|| validator(Format::Ecs));
static OCSF: LazyLock<Validator> = LazyLock::new(|| validator(Format::Ocsf));

fn validator(format: Format) -> Validator {
    let name = format!("../docs/schema/alert.{}.schema.json", format.name());
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let schema = serde_json::from_slice(&text).unwrap();
    let options = jsonschema::options();
    options
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// A line of the agent. Panics where it is not valid; text is not looked into.
pub(crate) fn read(format: Format, line: &str) -> Value {
    let validator = match format {
        Format::Falco => &*FALCO,
        Format::Ecs => &*ECS,
        Format::Ocsf => &*OCSF,
        Format::Text => return line.into(),
    };
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let problems: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}: {line}");
    assert!(line.len() < 64 * 1024, "{} bytes: {line}", line.len());
    value
}

/// Matches what the agent says once it watches.
pub(crate) fn is_started(format: Format) -> impl Fn(&Value) -> bool {
    is_own(format, "started")
}

/// Matches an event of the agent itself.
pub(crate) fn is_own(format: Format, name: &'static str) -> impl Fn(&Value) -> bool {
    move |line| match format {
        Format::Falco => line["output_fields"]["komainu.event"] == name,
        Format::Ecs => line["event"]["action"] == name,
        Format::Ocsf => line["unmapped"]["output_fields"]["komainu.event"] == name,
        Format::Text => line.as_str().is_some_and(|line| {
            let name = name.replace('_', " ");
            line.contains(&format!(" Komainu {name}: "))
        }),
    }
}
