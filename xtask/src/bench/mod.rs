//! `cargo xtask bench`: what the agent costs, side by side in one run.
//!
//! Times on one machine change by the minute; their ratios do not. So every round measures all
//! three set-ups one after another, in changing order, and each round gives its own ratios:
//!
//! - none: no program of ours is loaded;
//! - floor: an empty program on raw `sys_exit`, the least any system-call tracer costs;
//! - agent: the agent with the shipped rules, and those of `--rules`.
//!
//! After the rounds: floods of opens beside nothing and beside the agent, opens that no filter ends,
//! the memory after many programs, and the time to the first alert. [`figures`] has the targets.

mod counters;
mod figures;
mod flood;
mod lifetime;
mod programs;
mod readme;
mod report;
mod rounds;
mod setups;
mod units;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

pub(crate) use self::counters::Counts;
pub(crate) use self::flood::{Flood, flood};
pub(crate) use self::programs::verifier;
use self::report::Measured;
use self::rounds::Rounds;
use self::setups::{Programs, Setup, settled_cpu_time};
use self::work::Work;
use crate::{host, process, project};

/// How to measure.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds; the figures are medians over them.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Be done in three minutes: fewer rounds, shorter floods.
    #[arg(long)]
    quick: bool,
    /// Rule files or directories for the agent besides the shipped ones.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,
    /// Programs to start before the agent's memory is looked at again.
    #[arg(long, value_name = "N")]
    churn: Option<u32>,
    /// Measure nothing: put the figures of the last run into README.md.
    #[arg(long, conflicts_with_all = ["rounds", "quick", "rules", "churn"])]
    write_readme: bool,
    /// Measure the programs one by one: nanoseconds per run.
    #[arg(long, conflicts_with_all = ["rounds", "quick", "rules", "churn", "write_readme"])]
    programs: bool,
    /// Print the instructions that the verifier looked at, and fail where they grew beyond the golden.
    #[arg(long, conflicts_with_all = ["rounds", "quick", "rules", "churn", "write_readme", "programs"])]
    verifier: bool,
    /// Write the golden of `--verifier` instead.
    #[arg(long, requires = "verifier")]
    bless: bool,
}

/// How much is measured.
struct Extent {
    rounds: u32,
    /// Operations are divided by this.
    part: u32,
    /// Pairs of floods, and how long one of them lasts.
    floods: u32,
    flood: Duration,
    churn: u32,
    starts: u32,
}

impl Extent {
    fn of(options: &Options) -> Self {
        let extent = if options.quick {
            Self {
                rounds: 3,
                part: 2,
                floods: 1,
                flood: Duration::from_secs(4),
                churn: 5_000,
                starts: 3,
            }
        } else {
            Self {
                rounds: 7,
                part: 1,
                floods: 3,
                flood: Duration::from_secs(10),
                churn: 50_000,
                starts: 5,
            }
        };
        Self {
            rounds: options.rounds.unwrap_or(extent.rounds),
            churn: options.churn.unwrap_or(extent.churn),
            ..extent
        }
    }
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
    let programs = Programs::build(setups::rules(&options.rules))?;
    let measured = measure(&programs, &Extent::of(options))?;
    println!("\n{}", measured.markdown());
    let dir = project::scratch()?;
    measured.save(&dir)?;
    println!("written to {}", dir.join("bench.md").display());
    Ok(())
}

fn measure(programs: &Programs, extent: &Extent) -> Result<Measured> {
    let rounds = rounds_of(programs, extent)?;
    println!("{} pairs of floods", extent.floods);
    let floods = flood::pairs(programs, extent.floods, extent.flood)?;
    println!("opens that no filter ends");
    let sustained = (0..extent.floods).map(|_| flood::sustained(programs, extent.flood));
    let sustained = sustained.collect::<Result<_>>()?;
    println!("{} starts to the first alert", extent.starts);
    let first_alerts = (0..extent.starts).map(|_| lifetime::first_alert(programs));
    let first_alerts = first_alerts.collect::<Result<_>>()?;
    println!("{} programs started", extent.churn);
    Ok(Measured {
        rules: setups::rule_names(&programs.rules),
        number_of_rounds: extent.rounds,
        rounds,
        floods,
        sustained,
        churn: lifetime::churn(programs, extent.churn)?,
        first_alerts,
    })
}

fn rounds_of(programs: &Programs, extent: &Extent) -> Result<Rounds> {
    let mut works = work::all()?;
    for work in &mut works {
        work.operations = work.operations.div_ceil(extent.part);
        // Page cache, branch predictors and the first fork's page tables are nobody's cost.
        work.run()?;
    }
    let mut rounds = Rounds::default();
    for round in 0..extent.rounds {
        println!("round {} of {}", round + 1, extent.rounds);
        for setup in Setup::rotated(round) {
            beside(programs, setup, &works, &mut rounds)?;
        }
    }
    Ok(rounds)
}

/// Every workload beside one set-up.
fn beside(programs: &Programs, setup: Setup, works: &[Work], rounds: &mut Rounds) -> Result<()> {
    let running = programs.start(setup)?;
    let Some(agent) = running.agent() else {
        for work in works {
            rounds.add(work, setup, work.run()?);
        }
        return running.stop().map(drop);
    };
    let mut counters = programs.counters(agent)?;
    settled_cpu_time(agent)?;
    rounds.add_memory(process::resident_kib(agent.pid())?);
    rounds.rings_kib = process::rings_kib(agent.pid())?;
    for work in works {
        let before = (settled_cpu_time(agent)?, counters.read()?);
        rounds.add(work, setup, work.run()?);
        let cpu = settled_cpu_time(agent)?.saturating_sub(before.0);
        rounds.add_agent(work, cpu, &counters.read()?.since(&before.1));
    }
    if let Some(totals) = running.stop()? {
        rounds.add_totals(totals);
    }
    Ok(())
}
