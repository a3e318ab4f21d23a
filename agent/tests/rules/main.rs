//! The rule engine from outside: loading, evaluating, hostile input, properties.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::string_slice,
    clippy::unnecessary_wraps,
    clippy::duration_suboptimal_units,
    reason = "a test that unwraps says what it expects"
)]

mod evaluate;
mod events;
mod fields;
mod hostile;
mod loading;
mod plan;
mod process_fields;
mod properties;
mod session_fields;
