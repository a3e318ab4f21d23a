//! The agent's own log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, LogLevel};

/// Starts logging. `--log-level` wins over `RUST_LOG`, which wins over the configuration.
pub(super) fn init(
    config: &Log,
    level: Option<LogLevel>,
    format: Option<LogFormat>,
) -> anyhow::Result<()> {
    let from_environment = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty());
    let directives = match (level, from_environment) {
        (Some(level), _) => level.directive().to_owned(),
        (None, Some(text)) => text,
        (None, None) => config.level.directive().to_owned(),
    };
    let filter = EnvFilter::try_new(&directives)
        .map_err(|error| anyhow::anyhow!("log filter {directives:?}: {error}"))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format.unwrap_or(config.format) {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
