//! The agent's own log, on standard error.

mod lines;

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, LogLevel};

pub(super) use lines::Flush;

/// Longest that the last words may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Starts logging. `--log-level` wins over `RUST_LOG`, which wins over the configuration.
///
/// Lines are written by a thread of their own: a reader that stalls costs lines, never the time of
/// whoever logs.
pub(super) fn init(
    config: &Log,
    level: Option<LogLevel>,
    format: Option<LogFormat>,
) -> anyhow::Result<Flush> {
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
    let (lines, flush) = lines::start(io::stderr())?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || lines.clone())
        .with_ansi(io::stderr().is_terminal());
    let started = match format.unwrap_or(config.format) {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    Ok(flush)
}

/// Writes a line to standard error, or gives up where nobody reads it.
pub(super) fn last_words(text: String) {
    write_in_time(io::stderr(), text, LAST_WORDS);
}

fn write_in_time(mut out: impl Write + Send + 'static, text: String, patience: Duration) {
    let (done, written) = channel::<()>();
    let write = move || {
        // Where even this cannot be written, the status has to say it.
        drop(writeln!(out, "{text}"));
        drop(done);
    };
    if thread::Builder::new().spawn(write).is_ok() {
        // Ends with the channel's other end, or the patience.
        let _either = written.recv_timeout(patience);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::time::Instant;

    use super::*;

    #[test]
    fn last_words_wait_for_nobody_for_long() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let (mut read, write) = (File::from(read), File::from(write));
        let long = "x".repeat(1 << 20);
        let began = Instant::now();
        write_in_time(write, long.clone(), Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_secs(5));
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), long.len() + 1);
    }
}
