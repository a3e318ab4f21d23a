//! `cargo xtask demo`: harmless suspicious acts, and proof that each raised its alert.
//!
//! Each act is a process of its own, [`act`], so that the alert must name that process and no
//! other. What an act leaves behind is removed by a second process, [`janitor`], even if this one
//! is killed.

mod act;
mod alert;
mod netns;
mod overlay;
mod plan;
mod started;
mod terminal;
mod workplace;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::alert::Alert;
use self::started::Started;
use self::workplace::Workplace;
use crate::agent::{self, Agent};
use crate::host;
use crate::janitor::Janitor;
use crate::steps::seconds;

pub(crate) use act::{Act, act};

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(10);
/// An alert that takes longer counts as missing.
const DEADLINE: Duration = Duration::from_secs(10);

/// The verb.
pub(crate) fn demo() -> Result<()> {
    host::require("demo")?;
    let program = agent::build()?;
    let mut janitor = Janitor::start()?;
    let place = Workplace::prepare(&mut janitor)?;
    let start = Instant::now();
    let mut agent = Agent::start(&program, &[agent::shipped_rules()], START)?;
    janitor.kill_later(agent.pid(), &program)?;
    println!(
        "\nthe agent sees events after {}; now for the acts\n",
        seconds(start.elapsed())
    );

    let mut started = Vec::new();
    for act in plan::acts(&place)? {
        started.push(started::perform(act, &place, &mut janitor)?);
        collect(
            &mut agent,
            &mut started,
            Instant::now() + Duration::from_millis(200),
        )?;
    }
    collect(&mut agent, &mut started, Instant::now() + DEADLINE)?;
    agent.stop(STOP)?;
    janitor.finish()?;
    verdict(&started)
}

/// Reads alerts until each act has its own, or until `until`.
fn collect(agent: &mut Agent, started: &mut [Started], until: Instant) -> Result<()> {
    while started.iter().any(|act| act.alert.is_none()) {
        let Some(line) = agent.next_line(until)? else {
            return Ok(());
        };
        let Some(alert) = Alert::from_line(line) else {
            continue;
        };
        let Some(act) = started.iter_mut().find(|act| act.is_about(&alert)) else {
            continue;
        };
        println!("{}", alert.display());
        act.alert = Some(alert);
    }
    Ok(())
}

/// Says what is missing or wrong; an error unless every act has a right alert.
fn verdict(started: &[Started]) -> Result<()> {
    let mut bad = 0;
    println!();
    for act in started {
        let problems = act.problems();
        if problems.is_empty() {
            println!("ok       {}", act.title());
            continue;
        }
        bad += 1;
        println!("MISSING  {}", act.title());
        for problem in problems {
            println!("         {problem}");
        }
    }
    if bad > 0 {
        bail!("{bad} of {} acts have no right alert", started.len());
    }
    println!(
        "\nall {} acts were reported, with the right process, user, path and container",
        started.len()
    );
    Ok(())
}
