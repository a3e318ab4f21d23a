//! The three set-ups that are compared.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use xshell::{Shell, cmd};

use super::counters::Reader;
use crate::agent::{self, Agent, Totals};
use crate::{process, project};

/// Longest that the agent may take to start, and to end.
pub(super) const START: Duration = Duration::from_secs(20);
pub(super) const STOP: Duration = Duration::from_secs(10);
/// Longest wait for the agent to become idle.
const SETTLE: Duration = Duration::from_secs(10);
/// Time between two looks at whether it is, and what it may use meanwhile.
const LOOK: Duration = Duration::from_millis(60);
const IDLE: Duration = Duration::from_millis(1);

/// What is loaded while a workload runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Setup {
    /// Nothing of ours.
    None,
    /// An empty program on raw `sys_exit`.
    Floor,
    /// The agent.
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

/// The programs to start, and the rules of the agent.
#[derive(Debug)]
pub(super) struct Programs {
    agent: PathBuf,
    floor: PathBuf,
    counters: PathBuf,
    pub(super) rules: Vec<PathBuf>,
}

impl Programs {
    /// Builds them with full optimisation.
    pub(super) fn build(rules: Vec<PathBuf>) -> Result<Self> {
        let agent = agent::build()?;
        let sh = Shell::new()?;
        sh.change_dir(project::root());
        crate::setup::for_build()?.export(&sh);
        let cargo = project::cargo();
        cmd!(
            sh,
            "{cargo} build --release --locked --package komainu --example floor --example counters"
        )
        .quiet()
        .run()?;
        let examples = project::target().join("release/examples");
        Ok(Self {
            agent,
            floor: examples.join("floor"),
            counters: examples.join("counters"),
            rules,
        })
    }

    /// Starts a set-up and waits until its programs are attached.
    pub(super) fn start(&self, setup: Setup) -> Result<Running> {
        match setup {
            Setup::None => Ok(Running::Nothing),
            Setup::Floor => self.start_floor(),
            Setup::Agent => Ok(Running::Agent(self.start_agent(&self.rules)?)),
        }
    }

    /// Starts the agent with these rules.
    pub(super) fn start_agent(&self, rules: &[PathBuf]) -> Result<Agent> {
        Agent::start(&self.agent, rules, START)
    }

    /// What tells what becomes of the events of a running agent.
    pub(super) fn counters(&self, agent: &Agent) -> Result<Reader> {
        Reader::start(&self.counters, agent.pid())
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

/// The shipped rules, and the further ones.
pub(super) fn rules(further: &[PathBuf]) -> Vec<PathBuf> {
    let mut rules = vec![agent::shipped_rules()];
    rules.extend(further.iter().cloned());
    rules
}

/// Names of rule files and directories for people: without what is before the project, and of others
/// the last part only.
pub(super) fn rule_names(rules: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| {
        let inside = path.strip_prefix(project::root()).ok();
        let outside = path.file_name().map(Path::new);
        let name = inside.or(outside).unwrap_or(path);
        name.display().to_string()
    };
    rules.iter().map(name).collect()
}

/// A running set-up.
#[derive(Debug)]
pub(super) enum Running {
    Nothing,
    Floor(#[expect(dead_code, reason = "held until it is dropped")] Floor),
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
    /// The agent, if this is it.
    pub(super) fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Nothing | Self::Floor(_) => None,
        }
    }

    /// Ends the set-up and waits until its programs are gone. Gives the agent's last words.
    pub(super) fn stop(self) -> Result<Option<Totals>> {
        match self {
            Self::Nothing | Self::Floor(_) => Ok(None),
            Self::Agent(agent) => agent.stop(STOP).map(Some),
        }
    }
}

/// Processor time the agent has used once it has worked off what is waiting in the rings; what it
/// still does then is not the next workload's cost.
pub(super) fn settled_cpu_time(agent: &Agent) -> Result<Duration> {
    let give_up = Instant::now() + SETTLE;
    let mut before = process::cpu_time(agent.pid())?;
    while Instant::now() < give_up {
        thread::sleep(LOOK);
        let now = process::cpu_time(agent.pid())?;
        let idle = now.saturating_sub(before) < IDLE;
        before = now;
        if idle {
            break;
        }
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_up_is_first_once_in_three_rounds() {
        let first: Vec<Setup> = (0..3).map(|round| Setup::rotated(round)[0]).collect();
        assert_eq!(first, [Setup::None, Setup::Floor, Setup::Agent]);
    }

    #[test]
    fn rule_files_are_named_without_the_way_to_them() {
        let rules = rules(&["/somewhere/else/more_rules.yaml".into()]);
        assert_eq!(rule_names(&rules), ["rules", "more_rules.yaml"]);
    }
}
