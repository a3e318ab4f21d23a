//! From the start of an agent to its first alert, and what it holds after many processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::setups::{Programs, STOP, settled_cpu_time};
use super::work;
use crate::{process, project};

/// Longest that the first alert may take.
const FIRST_ALERT: Duration = Duration::from_secs(20);
/// Time between two acts that should alert.
const ACT: Duration = Duration::from_millis(2);
const RULE: &str = "Bench: first alert";
/// Programs started between two lines of progress.
const STEP: u32 = 50_000;

/// Memory of the agent before and after programs were started.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Churn {
    /// Programs started.
    pub(super) execs: u32,
    /// Resident memory.
    pub(super) start_kib: u64,
    pub(super) end_kib: u64,
    /// Events that were lost.
    pub(super) lost: u64,
}

/// Starts so many programs one after another beside an agent.
pub(super) fn churn(programs: &Programs, execs: u32) -> Result<Churn> {
    let agent = programs.start_agent(&programs.rules)?;
    settled_cpu_time(&agent)?;
    let start_kib = process::resident_kib(agent.pid())?;
    let mut left = execs;
    while left > 0 {
        let step = left.min(STEP);
        work::start_programs(step)?;
        left -= step;
        if left > 0 {
            println!("{} of {execs} programs started", execs - left);
        }
    }
    settled_cpu_time(&agent)?;
    let end_kib = process::resident_kib(agent.pid())?;
    let totals = agent.stop(STOP)?;
    Ok(Churn {
        execs,
        start_kib,
        end_kib,
        lost: totals.lost.unwrap_or_default(),
    })
}

/// Seconds from the start of the agent's process to the first alert, where what alerts happens all
/// the time.
pub(super) fn first_alert(programs: &Programs) -> Result<f64> {
    let file = project::scratch()?.join("bench-first-alert.dat");
    std::fs::write(&file, "x")?;
    let mut rules = programs.rules.clone();
    rules.push(rule_file(&file)?);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drop(File::open(&file));
                thread::sleep(ACT);
            }
        });
        let alert = wait_for_alert(programs, &rules);
        is_over.store(true, Ordering::Relaxed);
        alert
    })
}

fn wait_for_alert(programs: &Programs, rules: &[PathBuf]) -> Result<f64> {
    let start = Timestamp::now();
    let deadline = Instant::now() + FIRST_ALERT;
    let mut agent = programs.start_agent(rules)?;
    while let Some(line) = agent.next_line(deadline)? {
        if line.json.get("rule").and_then(|rule| rule.as_str()) == Some(RULE) {
            agent.stop(STOP)?;
            return Ok(line.at.duration_since(start).as_secs_f64());
        }
    }
    bail!("no alert within {FIRST_ALERT:?} of the start")
}

/// A rule about the opens of one file.
fn rule_file(file: &Path) -> Result<PathBuf> {
    let path = project::scratch()?.join("bench-first-alert.yaml");
    let name = file
        .to_str()
        .context("the path of the project is no text")?;
    let text = format!(
        "- rule: '{RULE}'
  desc: Measures how soon the agent alerts.
  condition: evt.type in (open, openat, openat2) and fd.name = '{name}'
  output: opened
  priority: DEBUG
"
    );
    std::fs::write(&path, text)?;
    Ok(path)
}
