//! The output stream as configured.

use std::io::IsTerminal;

use crate::config::{Colour, Config};
use crate::emit::{Redactor, Stream, redact};

/// Standard output's stream.
pub(super) fn new(config: &Config) -> Stream {
    let output = &config.output;
    let colour = match output.colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
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
    let host = hostname();
    let node = match output.node.as_str() {
        "" => std::env::var("NODE_NAME")
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| host.clone()),
        name => name.to_owned(),
    };
    Stream::new(output.format, colour, Redactor::new(patterns), host, node)
}

/// Name of this machine, `uname -n`.
pub(super) fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
