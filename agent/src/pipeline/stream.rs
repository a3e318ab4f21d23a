//! Output streams as configured.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::node;
use crate::config::{Colour, Config};
use crate::emit::stream::Run;
use crate::emit::{Format, Redactor, Stream, redact};

/// Whether standard output is coloured.
pub(super) fn is_coloured(config: &Config) -> bool {
    match config.output.colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}

/// A stream of this run in this format.
pub(super) fn new(config: &Config, format: Format, colour: bool, run: &Arc<Run>) -> Stream {
    let output = &config.output;
    let defaults = if output.redact_defaults {
        redact::DEFAULTS
    } else {
        &[]
    };
    let mut patterns: Vec<regex::Regex> = defaults
        .iter()
        .filter_map(|p| redact::compile(p).ok())
        .collect();
    patterns.extend(output.redact.iter().map(|pattern| pattern.regex().clone()));
    let redactor = Redactor::new(patterns);
    let (hostname, node) = (node::hostname(), node::name(config));
    let boot = node::boot_id(&config.processes.proc).unwrap_or_default();
    Stream::new(format, colour, redactor, hostname, node, boot).of_run(Arc::clone(run))
}

/// Whether the reader of a pipe, socket or terminal went away, which no write has found out yet.
pub(super) fn reader_is_gone(out: impl AsFd) -> bool {
    // Both are reported without being asked for.
    let mut polled = [PollFd::new(&out, PollFlags::empty())];
    let now = Timespec::default();
    poll(&mut polled, Some(&now)).is_ok()
        && polled.iter().any(|fd| {
            fd.revents()
                .intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_tells_that_its_reader_went_away() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        assert!(!reader_is_gone(&write));
        rustix::io::write(&write, b"unread").unwrap();
        assert!(!reader_is_gone(&write));
        drop(read);
        assert!(reader_is_gone(&write));
        assert!(!reader_is_gone(tempfile::tempfile().unwrap()));
    }
}
