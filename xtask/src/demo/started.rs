//! Acts that were done, and whether the alert about each is right.

use std::env;
use std::io::Write as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::alert::Alert;
use super::plan::Planned;
use super::terminal;
use super::workplace::Workplace;
use crate::janitor::Janitor;

/// A process that is still there after this time is killed.
const ACT_TIME: Duration = Duration::from_secs(5);

/// An act that was done.
#[derive(Debug)]
pub(super) struct Started {
    planned: Planned,
    pid: u32,
    container: String,
    outcome: Option<ExitStatus>,
    /// Its alert, when it came.
    pub(super) alert: Option<Alert>,
}

impl Started {
    /// What was done.
    pub(super) fn title(&self) -> &'static str {
        self.planned.title
    }

    /// Whether the alert has the rule and the process of this act.
    pub(super) fn is_about(&self, alert: &Alert) -> bool {
        self.alert.is_none()
            && alert.rule() == self.planned.rule
            && alert.pid() == Some(u64::from(self.pid))
    }

    /// What is missing or wrong; empty if all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let Some(alert) = &self.alert else {
            let outcome = match self.outcome {
                Some(status) => status.to_string(),
                None => format!("had to be killed after {ACT_TIME:?}"),
            };
            return vec![format!(
                "no alert of the rule \"{}\" about process {} (which ended: {outcome})",
                self.planned.rule, self.pid
            )];
        };
        let mut expected = self.planned.fields.clone();
        expected.push(("container.id", self.container.clone()));
        let mut problems: Vec<String> = expected
            .iter()
            .filter(|(name, value)| alert.field(name) != *value)
            .map(|(name, value)| format!("{name} is {:?}, not {value:?}", alert.field(name)))
            .collect();
        if let Some(path) = self.planned.resolved
            && alert.resolved_path() != path
        {
            problems.push(format!(
                "resolved_path is {:?}, not {path:?}",
                alert.resolved_path()
            ));
        }
        problems
    }
}

/// Does one act and waits for its process.
pub(super) fn perform(
    planned: Planned,
    place: &Workplace,
    janitor: &mut Janitor,
) -> Result<Started> {
    if let Some(file) = &planned.litter {
        janitor.remove_later(file)?;
    }
    let mut command = Command::new(env::current_exe()?);
    command
        .arg("act")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if planned.in_container {
        for dir in &place.cgroups {
            command.arg("--cgroup").arg(dir);
        }
    }
    command.args(&planned.arguments);
    let mut master = None;
    if planned.terminal {
        let (file, path) = terminal::open()?;
        command.arg(path);
        master = Some(file);
    }
    let mut child = command.spawn().context("cannot start an act")?;
    if let Some(master) = &mut master {
        master.write_all(b"exit\n")?;
    }
    let container = if planned.in_container {
        place.short_id()
    } else {
        "host"
    };
    let pid = child.id();
    let outcome = wait(&mut child)?;
    Ok(Started {
        planned,
        pid,
        container: container.to_owned(),
        outcome,
        alert: None,
    })
}

fn wait(child: &mut Child) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + ACT_TIME;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
