//! `komainu run`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::log;
use crate::config::{self, Config, LeastPriority, LogFormat, LogLevel, Matching};
use crate::emit::Format;
use crate::enrich;
use crate::pipeline;

/// Watch this machine and write alerts to standard output.
///
/// SIGTERM and SIGINT end it: what is in the rings is still decided and written. SIGHUP reads the
/// rules again; if they are wrong, the old ones stay. Where standard output is closed by its
/// reader, it ends with status 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Rule files, or directories of *.yaml and *.yml files.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Format of alerts; `json` is another name of `falco`.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Let the first matching rule alert, or all.
    #[arg(long, value_enum)]
    matching: Option<Matching>,
    /// Leave out rules less severe than this.
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<LeastPriority>,
    /// Deliver what the kernel filter would end in the kernel too; end with status 1 if a rule matched
    /// any of it.
    #[arg(long)]
    audit_filter: bool,
    /// Least level of the log on standard error.
    #[arg(long, value_enum, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// Format of the log on standard error.
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = match &args.config {
        Some(path) => config::read(path)?,
        None => Config::default(),
    };
    let _flush = log::init(&config.log, args.log_level, args.log_format)?;
    config.rules.extend(args.rules);
    config.output.format = args.format.unwrap_or(config.output.format);
    config.matching = args.matching.unwrap_or(config.matching);
    config.kernel.audit_filter |= args.audit_filter;
    config.priority = args.priority.unwrap_or(config.priority);
    if enrich::proc::foreign(&config.processes.proc) {
        tracing::warn!(
            proc = %config.processes.proc.display(),
            "/proc belongs to another pid namespace: processes older than the agent stay unknown \
             or are mistaken; run in the host's (hostPID: true), or mount the host's /proc and \
             name it in processes.proc"
        );
    }
    pipeline::run(config)?;
    Ok(ExitCode::SUCCESS)
}
