//! `cargo xtask soak`: an hour of what wears an agent down, and whether it still adds up afterwards.
//!
//! Beside one agent with the shipped rules: containers come and go and work ([`churn`]), the rules are swapped every
//! ten seconds as a kubelet does it ([`place`]), the reader of standard output stalls once a minute, every other time
//! until alerts are lost ([`stall`]), and a program of a known name is started every second ([`marker`]). Every line
//! is read ([`stream`]), metrics and memory are looked at every ten seconds ([`page`], [`run`]). [`judge`] says what
//! must hold then.

mod churn;
mod judge;
mod log;
mod marker;
mod page;
mod place;
mod record;
mod report;
mod run;
mod stall;
mod stream;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::place::Place;
use self::run::Soaked;
use crate::janitor::Janitor;
use crate::{agent, host, project};

pub(crate) use self::churn::{Work, work};

/// How long, and of which agent.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Minutes; in fewer than two there is one stall.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// This agent, instead of one that is built from the sources.
    #[arg(long, value_name = "PROGRAM")]
    agent: Option<PathBuf>,
}

/// The verb.
pub(crate) fn soak(options: &Options) -> Result<()> {
    host::require("soak")?;
    let program = match &options.agent {
        Some(program) => program.clone(),
        None => agent::build()?,
    };
    let program = fs::canonicalize(&program)
        .with_context(|| format!("cannot find the agent {}", program.display()))?;
    let dir = project::scratch()?.join("soak");
    let mut place = Place::prepare(dir.clone())?;
    let mut janitor = Janitor::start()?;
    let soaked = Soaked::start(&program, &place, &mut janitor)?;
    println!("{} minutes beside {}", options.minutes, program.display());
    let time = Duration::from_mins(options.minutes.into());
    let record = soaked.soak(&mut place, &mut janitor, time)?;
    janitor.finish()?;
    let checks = judge::judge(&record);
    report::save(&dir, &record, &checks)?;
    println!("\n{}", report::markdown(&record, &checks));
    println!("written to {}", dir.join("soak.md").display());
    let failed = checks.iter().filter(|check| !check.holds).count();
    if failed > 0 {
        bail!("{failed} of {} checks fail", checks.len());
    }
    Ok(())
}
