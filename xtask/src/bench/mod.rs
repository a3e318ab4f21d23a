//! `cargo xtask bench`: what the agent costs, side by side in one run.
//!
//! Times on one machine change by the minute; their ratios do not. So every round measures all
//! three set-ups one after another, in changing order, and each round gives its own ratios:
//!
//! - none: no program of ours is loaded;
//! - floor: an empty program on raw `sys_exit`, the least any system-call tracer costs;
//! - agent: the agent with the shipped rules.

mod programs;
mod readme;
mod report;
mod setups;
mod stats;
mod work;

use anyhow::Result;
use clap::Args;

pub(crate) use self::programs::verifier;
use self::report::Report;
use self::setups::{Programs, Setup};
use self::work::Work;
use crate::{host, project};

/// How to measure.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds; the figures are medians over them.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Measure nothing: put the figures of the last run into README.md.
    #[arg(long, conflicts_with = "rounds")]
    write_readme: bool,
    /// Measure the programs one by one: nanoseconds per run.
    #[arg(long, conflicts_with_all = ["rounds", "write_readme"])]
    programs: bool,
    /// Print the instructions that the verifier looked at, and fail where they grew beyond the golden.
    #[arg(long, conflicts_with_all = ["rounds", "write_readme", "programs"])]
    verifier: bool,
    /// Write the golden of `--verifier` instead.
    #[arg(long, requires = "verifier")]
    bless: bool,
}

/// The verb.
pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.write_readme {
        return readme::write();
    }
    host::require("bench")?;
    if options.programs {
        return programs::run_time();
    }
    if options.verifier {
        return verifier(options.bless);
    }
    let programs = Programs::build()?;
    let works = work::all()?;
    let mut report = Report::new(options.rounds);
    // Page cache, branch predictors and the first fork's page tables are nobody's cost.
    for work in &works {
        work.run()?;
    }
    for round in 0..options.rounds {
        println!("round {} of {}", round + 1, options.rounds);
        for setup in Setup::rotated(round) {
            measure(setup, &programs, &works, &mut report)?;
        }
    }
    println!("\n{}", report.table());
    let dir = project::scratch()?;
    report.save(&dir)?;
    println!("written to {}", dir.join("bench.md").display());
    Ok(())
}

fn measure(setup: Setup, programs: &Programs, works: &[Work], report: &mut Report) -> Result<()> {
    let running = programs.start(setup)?;
    for work in works {
        let before = running.settled_cpu_time()?;
        let nanoseconds = work.run()?;
        let cpu = running.settled_cpu_time()?.saturating_sub(before);
        report.add(work, setup, nanoseconds, cpu);
    }
    report.memory(setup, running.memory_kib()?);
    if let Some(totals) = running.stop()? {
        report.totals(totals);
    }
    Ok(())
}
