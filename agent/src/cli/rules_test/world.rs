//! The processes, containers and names of a test.

use std::collections::HashMap;

use super::case::{Case, LayerName, ProcessFacts};
use super::record::{CONTAINER_CGROUP, HOST_CGROUP, task};
use super::session::SessionFacts;
use crate::event::{Container, ExeFacts, Membership, ProcKey, Process, Session, User, World};

/// What the user half would know at the event.
#[derive(Debug)]
pub(super) struct Fixture {
    processes: HashMap<ProcKey, Process>,
    container: Option<Container>,
    session: Option<Session>,
    users: HashMap<u32, String>,
}

impl Fixture {
    /// The world of a test.
    pub(super) fn of(case: &Case) -> Self {
        let cgroup = if case.container.is_some() {
            CONTAINER_CGROUP
        } else {
            HOST_CGROUP
        };
        let generations: Vec<&ProcessFacts> = std::iter::once(&case.process)
            .chain(&case.parents)
            .collect();
        let mut processes = HashMap::new();
        let mut users = HashMap::from([(0, "root".to_owned())]);
        for (generation, facts) in generations.iter().enumerate() {
            let task = task(case, generation);
            let key = ProcKey::of(&task);
            let parent = ProcKey::parent_of(&task);
            processes.insert(key, process(facts, task, parent, cgroup));
        }
        let root = case.session.as_ref().and_then(SessionFacts::root);
        for facts in generations.into_iter().chain(root) {
            if let Some(user) = &facts.user {
                users.insert(facts.uid, user.clone());
            }
        }
        Self {
            processes,
            container: case
                .container
                .as_ref()
                .map(|container| container.container(case.pod.as_ref())),
            session: case.session.as_ref().map(|session| session.session(case)),
            users,
        }
    }
}

impl World for Fixture {
    fn process(&self, key: ProcKey) -> Option<&Process> {
        self.processes.get(&key)
    }

    fn container(&self, _cgroup: u64) -> Membership<'_> {
        self.container
            .as_ref()
            .map_or(Membership::Host, Membership::Container)
    }

    fn session(&self, _process: ProcKey) -> Option<&Session> {
        self.session.as_ref()
    }

    fn user(&self, _cgroup: u64, uid: u32) -> Option<User<'_>> {
        let name = self.users.get(&uid)?;
        Some(User {
            name,
            home: "/",
            shell: "/bin/sh",
        })
    }
}

fn process(
    facts: &ProcessFacts,
    task: komainu_common::Task,
    parent: Option<ProcKey>,
    cgroup: u64,
) -> Process {
    Process {
        clone_time: 1,
        parent,
        tgid: task.tgid,
        comm: facts.comm().into(),
        exe: facts.argv0().into(),
        args: facts.joined_args("\0").into(),
        cmdline: facts.cmdline().into(),
        exe_path: facts.exe_path().into_bytes().into(),
        cwd: facts.directory().as_bytes().into(),
        exe_file: ExeFacts {
            upper_layer: facts.layer == Some(LayerName::Upper),
            lower_layer: facts.layer == Some(LayerName::Lower),
            memfd: facts.memfd,
            ..ExeFacts::default()
        },
        task: Some(Box::new(task)),
        cgroup,
        ..Process::default()
    }
}
