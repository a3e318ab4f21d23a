//! The API server's side of identity, against a server that speaks the real protocol and can be told to
//! misbehave.

mod agent;
mod bounds;
mod deploy;
mod lists;
mod objects;
mod outages;
mod server;
mod told;
mod trust;
mod watches;
