//! Processes that open a file as fast as they can: how much of their rate is left beside the agent,
//! and how many events the agent takes that no filter ends.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rustix::fs::{Mode, OFlags, open};
use serde::Serialize;

use super::setups::{Programs, STOP, Setup, settled_cpu_time};
use crate::project;

/// Processes that open at the same time.
const FLOODERS: usize = 2;
/// Opens between two looks at the clock.
const BATCH: u32 = 256;

/// The hidden verb: one process that opens.
#[derive(Debug, Args)]
pub(crate) struct Flood {
    file: PathBuf,
    /// For how long.
    milliseconds: u64,
}

/// Opens and closes the file until the time is over; prints how often.
pub(crate) fn flood(flood: &Flood) -> Result<()> {
    let end = Instant::now() + Duration::from_millis(flood.milliseconds);
    let mut opens: u64 = 0;
    while Instant::now() < end {
        for _ in 0..BATCH {
            drop(open(
                &flood.file,
                OFlags::RDONLY | OFlags::CLOEXEC,
                Mode::empty(),
            )?);
        }
        opens += u64::from(BATCH);
    }
    println!("{opens}");
    Ok(())
}

/// One flood beside one set-up.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Flooded {
    pub(super) setup: Setup,
    /// Opens of all processes together.
    pub(super) opens_per_second: f64,
    /// Events that the agent lost.
    pub(super) lost: u64,
}

/// Floods for so long beside nothing and beside the agent, in changing order.
pub(super) fn pairs(programs: &Programs, times: u32, each: Duration) -> Result<Vec<[Flooded; 2]>> {
    let file = file()?;
    let pair = |round: u32| {
        let mut pair = [Setup::None, Setup::Agent];
        pair.rotate_left(round as usize % 2);
        let [first, second] = pair.map(|setup| beside(programs, setup, &file, each));
        let mut pair = [first?, second?];
        pair.sort_by_key(|flooded| flooded.setup);
        Ok(pair)
    };
    (0..times).map(pair).collect()
}

fn beside(programs: &Programs, setup: Setup, file: &Path, each: Duration) -> Result<Flooded> {
    let running = programs.start(setup)?;
    let opens_per_second = rate(file, FLOODERS, each)?;
    let totals = running.stop()?;
    Ok(Flooded {
        setup,
        opens_per_second,
        lost: totals.and_then(|totals| totals.lost).unwrap_or_default(),
    })
}

/// What the agent takes of a class for which a rule wants every event.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Sustained {
    /// Events made and delivered.
    pub(super) per_second: f64,
    /// Events for one second of processor time of the agent.
    pub(super) per_core_second: f64,
    pub(super) lost: u64,
}

/// Every open goes to user space, where no rule matches it. As many processes open as there are
/// processors besides one for the agent.
pub(super) fn sustained(programs: &Programs, each: Duration) -> Result<Sustained> {
    let file = file()?;
    let agent = programs.start_agent(&[rule_file()?])?;
    let mut counters = programs.counters(&agent)?;
    let before = (counters.read()?.of("open"), settled_cpu_time(&agent)?);
    let spare = thread::available_parallelism().map_or(1, usize::from) - 1;
    rate(&file, spare.max(1), each)?;
    let cpu = settled_cpu_time(&agent)?.saturating_sub(before.1);
    let emitted = counters.read()?.of("open").emitted - before.0.emitted;
    let totals = agent.stop(STOP)?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 events")]
    let emitted = emitted as f64;
    Ok(Sustained {
        per_second: emitted / each.as_secs_f64(),
        per_core_second: emitted / cpu.as_secs_f64(),
        lost: totals.lost.unwrap_or_default(),
    })
}

/// A rule that wants every open and matches none, which only user space can tell.
fn rule_file() -> Result<PathBuf> {
    let path = project::scratch()?.join("bench-open.yaml");
    let text = "- rule: Open by nobody
  desc: Measures what it costs to look at every open.
  condition: evt.type in (open, openat, openat2, creat) and proc.name = komainu-nobody
  output: never
  priority: DEBUG
";
    std::fs::write(&path, text)?;
    Ok(path)
}

fn file() -> Result<PathBuf> {
    let file = project::scratch()?.join("bench-flood.dat");
    std::fs::write(&file, "x")?;
    Ok(file)
}

/// Opens per second of so many processes together.
fn rate(file: &Path, processes: usize, each: Duration) -> Result<f64> {
    let start = || -> Result<Child> {
        let milliseconds = u64::try_from(each.as_millis())?.to_string();
        let child = Command::new(env::current_exe()?)
            .arg("flood")
            .arg(file)
            .arg(milliseconds)
            .stdout(Stdio::piped())
            .spawn();
        child.context("cannot start this program again")
    };
    let children: Vec<Child> = (0..processes).map(|_| start()).collect::<Result<_>>()?;
    let mut opens = 0;
    for child in children {
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("a process that opens {} failed", file.display());
        }
        opens += String::from_utf8(output.stdout)?.trim().parse::<u32>()?;
    }
    Ok(f64::from(opens) / each.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_opens_until_its_time_is_over() {
        let flood_of = Flood {
            file: "/dev/null".into(),
            milliseconds: 20,
        };
        let start = Instant::now();
        flood(&flood_of).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20));
        let nowhere = Flood {
            file: "/nonexistent".into(),
            milliseconds: 20,
        };
        assert!(flood(&nowhere).is_err());
    }
}
