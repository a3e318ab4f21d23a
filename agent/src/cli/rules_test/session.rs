//! The exec session of a rule test, and its end.

use serde::Deserialize;

use super::case::{Argument, Case, ProcessFacts};
use super::record::{CONTAINER_CGROUP, HOST_CGROUP, NOW, task};
use crate::event::{
    CommandLimits, Commands, Event, Params, ProcKey, Session, SessionKind, Value, event_type,
};

/// The event that the agent makes at the end of a session.
pub(super) const END: &str = "sessionend";

/// An exec session.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SessionFacts {
    /// Id.
    id: Option<String>,
    /// Its root command had a terminal.
    tty: bool,
    /// Its root command; the process of the event if left out.
    root: Option<ProcessFacts>,
    /// Command lines run in it so far.
    commands: Vec<String>,
    /// Processes so far.
    processes: Option<u64>,
    /// Alerts so far.
    alerts: u64,
    /// Exit status of the root command.
    status: Option<u32>,
    /// It began before the agent.
    partial: bool,
}

impl SessionFacts {
    /// Its root command, where it is not the process of the event.
    pub(super) fn root(&self) -> Option<&ProcessFacts> {
        self.root.as_ref()
    }

    /// As the agent would know it.
    pub(super) fn session(&self, case: &Case) -> Session {
        let mut task = task(case, 0);
        let process = self.root().unwrap_or(&case.process);
        task.euid = process.uid;
        let mut commands = Commands::default();
        let limits = CommandLimits {
            lines: usize::MAX,
            bytes: usize::MAX,
        };
        for line in &self.commands {
            commands.add(line.as_bytes(), limits);
        }
        Session {
            id: self.id.as_deref().unwrap_or("0").into(),
            kind: SessionKind::Exec,
            root: ProcKey::new(process.pid.unwrap_or(task.tgid), task.start_time),
            start: 1,
            tty: self.tty,
            uid: process.uid,
            name: process.comm().into(),
            exe: process.argv0().into(),
            exe_path: process.exe_path().into_bytes().into(),
            cmdline: process.cmdline().into(),
            cgroup: cgroup(case),
            task,
            partial: self.partial,
            processes: self.processes.unwrap_or(1),
            commands,
            alerts: self.alerts,
            status: self.status.map(|status| (status & 0xff) << 8),
            ended: None,
        }
    }
}

fn cgroup(case: &Case) -> u64 {
    match case.container {
        Some(_) => CONTAINER_CGROUP,
        None => HOST_CGROUP,
    }
}

/// The end of the session of a test; `boot` in nanoseconds since the Unix epoch.
pub(super) fn end(case: &Case, boot: u64) -> Result<Event<'_>, String> {
    let unknown = case.event.args.keys().find(|name| *name != "reason");
    if let Some(name) = unknown {
        return Err(format!(
            "of `{END}` only `reason` can be given, not `{name}`"
        ));
    }
    let reason = match case.event.args.get("reason") {
        None => "exited",
        Some(Argument::Text(reason)) => reason,
        Some(_) => return Err("`reason` must be a text".into()),
    };
    Ok(Event {
        ty: event_type(END).ok_or("no such event")?,
        number: 1,
        time: boot + NOW,
        cpu: 0,
        ret: None,
        task: task(case, 0),
        cgroup: cgroup(case),
        params: Params::from_iter([Value::Bytes(reason.as_bytes())]),
        fd: None,
        stdio: [None; 3],
        open_descriptors: None,
        truncated: false,
    })
}
