//! `komainu probe`.

use std::process::ExitCode;

/// What this kernel offers, which probes attach, and why others do not.
///
/// Attaches every probe for a moment, so it needs the rights that `run` needs. Status 1 where a
/// required probe cannot be attached.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "ebpf"))]
pub(super) fn run(_: &Args) -> anyhow::Result<ExitCode> {
    Err(crate::pipeline::NoKernelHalf.into())
}

#[cfg(feature = "ebpf")]
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let report = report::Report::of_this_kernel();
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.to_string()
    };
    super::print(&text)?;
    Ok(if report.ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(feature = "ebpf")]
mod report;
