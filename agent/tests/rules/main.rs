//! The rule engine from outside: loading, evaluating, hostile input, properties.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that unwraps says what it expects"
)]

mod evaluate;
mod events;
mod hostile;
mod loading;
mod properties;
