//! Development verbs: everything that is done to this project is done with `cargo xtask VERB`.
//!
//! Each verb has a file (or folder) of its name. [`steps`] prints what happens and how long it
//! took; [`host`] knows what the machine offers; [`agent`] builds and starts the agent; [`janitor`] removes what a
//! verb leaves behind.
#![deny(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is this program's only output"
)]

mod agent;
mod bench;
mod cgroup;
mod demo;
mod deploy;
mod dist;
mod e2e;
mod r#gen;
mod host;
mod janitor;
mod lint;
mod process;
mod project;
mod run;
mod setup;
mod soak;
mod stats;
mod steps;
mod table;
mod test;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development verbs of Komainu.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Get the tools the other verbs need; instant when they are there.
    Setup {
        /// And the programs that `bench` measures beside its own workloads.
        #[arg(long)]
        bench: bool,
        /// And what the tests of real containers, of the chart, of log pipelines and of metrics need: containerd, runc, CNI
        /// plugins, busybox, rsyslog, Helm's library, promtool.
        #[arg(long)]
        test: bool,
    },
    /// Build the agent and leave it running on this host until Ctrl-C (needs root).
    Run,
    /// Do harmless suspicious things and check that each raises its alert (needs root).
    Demo,
    /// Write deploy/manifests as the chart renders them, and hold both against the API's schemas.
    Deploy {
        /// Change nothing; fail if a manifest is out of date.
        #[arg(long)]
        check: bool,
        /// Run the log pipelines that are at hand instead.
        #[arg(long, conflicts_with = "check")]
        pipelines: bool,
    },
    /// Make what is given to users in target/dist: static binaries, images, chart, list of parts, checksums.
    Dist(dist::Options),
    /// Ask a real API server, where its programs are given, and check what is told of pods.
    E2e(e2e::Options),
    /// Run the agent on a kernel of another architecture, in a virtual machine (needs apt).
    Vm(vm::Options),
    /// Run everything that must hold: lints, tests, live-kernel tests, rule tests, docs freshness.
    Test,
    /// Run the static checks: rustfmt, clippy on both targets, cargo-deny, tidy.
    Lint,
    /// Measure what the agent costs, side by side with nothing and with an empty program (needs root).
    Bench(bench::Options),
    /// Wear an agent down for an hour, and check that everything still adds up (needs root).
    Soak(soak::Options),
    /// Write the generated reference in docs/.
    Gen {
        /// Change nothing; fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
    /// One suspicious act, as a process of its own.
    #[command(hide = true)]
    Act(demo::Act),
    /// One process that opens a file as fast as it can.
    #[command(hide = true)]
    Flood(bench::Flood),
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Setup { bench, test } => setup::setup(bench, test),
        Verb::Run => run::run(),
        Verb::Demo => demo::demo(),
        Verb::Deploy {
            pipelines: true, ..
        } => deploy::pipelines().map(drop),
        Verb::Deploy { check, .. } => deploy::deploy(check),
        Verb::Dist(options) => dist::dist(options),
        Verb::E2e(options) => e2e::e2e(&options),
        Verb::Vm(options) => vm::vm(options),
        Verb::Test => test::test(),
        Verb::Lint => lint::lint(),
        Verb::Bench(options) => bench::bench(&options),
        Verb::Soak(options) => soak::soak(&options),
        Verb::Gen { check } => r#gen::generate(check),
        Verb::Act(act) => demo::act(&act),
        Verb::Flood(flood) => bench::flood(&flood),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
