//! Komainu's user half. Data flows through the modules in this order, and only forwards:
//!
//! ```text
//! kernel ──► decode ──► enrich ──► rules ──► emit
//! ```
//!
//! A stage uses the types of earlier stages only; [`event`] holds the data they share. What flows
//! back is the filter plan, when rules are loaded. [`pipeline`] is the only place that creates
//! threads, tasks, channels and shutdown.
#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod decode;
pub mod emit;
pub mod enrich;
pub mod event;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "ebpf")]
pub mod kernel;
mod lock;
pub mod metrics;
pub mod pipeline;
pub mod privileges;
pub mod rules;
