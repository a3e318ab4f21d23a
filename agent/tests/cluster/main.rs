//! The API server's side of identity, against a server that speaks the real protocol and can be told to
//! misbehave; and what of it the manifests in `deploy` allow and configure.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test that unwraps says what it expects"
)]

mod agent;
mod bounds;
mod deploy;
mod lists;
mod manifests;
mod objects;
mod outages;
mod server;
mod told;
mod trust;
mod watches;
