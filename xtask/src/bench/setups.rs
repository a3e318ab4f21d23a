//! The three set-ups that are compared.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use xshell::{Shell, cmd};

use crate::agent::{self, Agent, Totals};
use crate::project;

const START: Duration = Duration::from_secs(20);
/// Longest wait for the agent to become idle.
const SETTLE: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(10);
/// Clock ticks of `/proc/PID/stat` (`USER_HZ`, `proc_pid_stat(5)`).
const TICK: Duration = Duration::from_millis(10);

/// What is loaded while a workload runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Setup {
    /// Nothing of ours.
    None,
    /// An empty program on raw `sys_exit`.
    Floor,
    /// The agent with the shipped rules.
    Agent,
}

impl Setup {
    /// The set-ups in an order that changes from round to round.
    pub(super) fn rotated(round: u32) -> [Self; 3] {
        match round % 3 {
            0 => [Self::None, Self::Floor, Self::Agent],
            1 => [Self::Floor, Self::Agent, Self::None],
            _ => [Self::Agent, Self::None, Self::Floor],
        }
    }
}

/// The programs to start.
#[derive(Debug)]
pub(super) struct Programs {
    agent: PathBuf,
    floor: PathBuf,
}

impl Programs {
    /// Builds both with full optimisation.
    pub(super) fn build() -> Result<Self> {
        let agent = agent::build()?;
        let sh = Shell::new()?;
        sh.change_dir(project::root());
        crate::setup::for_build()?.export(&sh);
        let cargo = project::cargo();
        cmd!(
            sh,
            "{cargo} build --release --locked --package komainu --example floor"
        )
        .quiet()
        .run()?;
        Ok(Self {
            agent,
            floor: project::target().join("release/examples/floor"),
        })
    }

    /// Starts a set-up and waits until its programs are attached.
    pub(super) fn start(&self, setup: Setup) -> Result<Running> {
        match setup {
            Setup::None => Ok(Running::Nothing),
            Setup::Floor => self.start_floor(),
            Setup::Agent => Ok(Running::Agent(Agent::start(&self.agent, START)?)),
        }
    }

    fn start_floor(&self) -> Result<Running> {
        let mut child = Command::new(&self.floor)
            // It ends when this pipe closes, so it never outlives us.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.floor.display()))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut floor = Floor {
            child,
            stdout: BufReader::new(stdout),
        };
        let mut line = String::new();
        floor.stdout.read_line(&mut line)?;
        if line.trim() != "ready" {
            bail!("{} did not attach its program", self.floor.display());
        }
        Ok(Running::Floor(floor))
    }
}

/// A running set-up.
#[derive(Debug)]
pub(super) enum Running {
    Nothing,
    Floor(Floor),
    Agent(Agent),
}

/// The process that holds the empty program.
#[derive(Debug)]
pub(super) struct Floor {
    child: Child,
    /// Open as long as the process lives: it may print more.
    stdout: BufReader<ChildStdout>,
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    /// Processor time the set-up's own process has used, once it has worked off what is waiting
    /// in the rings; what it still does then is not the next workload's cost.
    pub(super) fn settled_cpu_time(&self) -> Result<Duration> {
        let give_up = Instant::now() + SETTLE;
        let mut before = self.cpu_time()?;
        while self.pid().is_some() && Instant::now() < give_up {
            thread::sleep(5 * TICK);
            let now = self.cpu_time()?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(before)
    }

    fn cpu_time(&self) -> Result<Duration> {
        let Some(pid) = self.pid() else {
            return Ok(Duration::ZERO);
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        cpu_time_in(&stat).context("cannot read /proc/PID/stat")
    }

    /// Its resident memory now, in KiB.
    pub(super) fn memory_kib(&self) -> Result<u64> {
        let Some(pid) = self.pid() else {
            return Ok(0);
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix("VmRSS:")?
                    .trim()
                    .strip_suffix(" kB")?
                    .parse()
                    .ok()
            })
            .context("cannot read /proc/PID/status")
    }

    /// Ends the set-up and waits until its programs are gone. Gives the agent's last words.
    pub(super) fn stop(self) -> Result<Option<Totals>> {
        match self {
            Self::Nothing | Self::Floor(_) => Ok(None),
            Self::Agent(agent) => agent.stop(STOP).map(Some),
        }
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Nothing => None,
            Self::Floor(floor) => Some(floor.child.id()),
            Self::Agent(agent) => Some(agent.pid()),
        }
    }
}

/// User and system time: the 14th and 15th field, counted after the name in parentheses.
fn cpu_time_in(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest
        .split(' ')
        .skip(11)
        .map(|field| field.parse::<u32>().ok());
    Some(TICK * (fields.next()?? + fields.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_spaces() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 1 0 5 0 0";
        assert_eq!(cpu_time_in(stat), Some(Duration::from_millis(420)));
        assert_eq!(cpu_time_in(""), None);
    }

    #[test]
    fn every_set_up_is_first_once_in_three_rounds() {
        let first: Vec<Setup> = (0..3).map(|round| Setup::rotated(round)[0]).collect();
        assert_eq!(first, [Setup::None, Setup::Floor, Setup::Agent]);
    }
}
