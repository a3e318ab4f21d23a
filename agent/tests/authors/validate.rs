//! Values against JSON Schemas.

use serde_json::Value;

/// What is wrong with a value, with its place in it. The schema has to be valid itself.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<String> {
    jsonschema::meta::validate(schema).expect("a schema is valid by the schema of schemas");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("a schema compiles");
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}
