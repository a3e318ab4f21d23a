//! Third stage: who did it and where.
//!
//! [`State`] holds the processes, containers and users that an event's bare numbers refer to, and
//! answers rules through [`World`]. Lookups take constant time and never wait; what has to be read
//! from `/proc` or files is read on another thread and handed over.

pub mod bounded;
#[cfg(feature = "kube")]
pub mod cluster;
pub mod container;
pub mod identity;
pub mod inquiry;
pub mod proc;
pub mod process;
pub mod resolution;
#[cfg(feature = "kube")]
pub mod runtime;
pub mod session;
pub mod users;

use std::sync::Arc;

use container::Containers;
use process::ProcessTable;
use session::Sessions;
use users::Users;

use crate::event::{Membership, ProcKey, Process, Session, User, World};

/// Everything known besides the event itself. Owned by the thread that decides.
#[derive(Debug)]
pub struct State {
    /// Processes.
    pub processes: ProcessTable,
    /// Containers by cgroup id.
    pub containers: Containers,
    /// Exec sessions.
    pub sessions: Sessions,
    /// Names of the host's users and groups.
    pub users: Arc<Users>,
    hostname: String,
    node: String,
}

impl State {
    /// An empty state.
    pub fn new(
        limits: process::Limits,
        cgroups: usize,
        epoch: u64,
        users: Arc<Users>,
        hostname: String,
    ) -> Self {
        Self {
            node: hostname.clone(),
            hostname,
            processes: ProcessTable::new(limits, epoch),
            containers: Containers::new(cgroups),
            sessions: Sessions::new(session::Limits::default(), ""),
            users,
        }
    }

    /// The name that the cluster has for this machine, where that is not its own.
    #[must_use]
    pub fn on_node(mut self, node: String) -> Self {
        self.node = node;
        self
    }

    /// Follows exec sessions within these limits; `boot` tells this boot of this machine from every other.
    #[must_use]
    pub fn with_sessions(mut self, limits: session::Limits, boot: &str) -> Self {
        self.sessions = Sessions::new(limits, boot);
        self
    }

    /// Takes over a process read from `/proc`, and the path of its cgroup.
    pub fn found(&mut self, scanned: proc::Scanned) {
        let cgroup = scanned.found.process.cgroup;
        if cgroup != 0 {
            self.containers.learn(cgroup, &scanned.cgroup_path);
        }
        let process = scanned.found.key;
        self.processes.found(scanned.found);
        if self.sessions.is_scanned() {
            self.look_up(process);
        }
    }
}

impl World for State {
    fn process(&self, key: ProcKey) -> Option<&Process> {
        self.processes.get(key)
    }

    fn container(&self, cgroup: u64) -> Membership<'_> {
        self.containers.of(cgroup)
    }

    fn session(&self, key: ProcKey) -> Option<&Session> {
        self.sessions.of(key)
    }

    fn user(&self, cgroup: u64, uid: u32) -> Option<User<'_>> {
        match self.containers.of(cgroup) {
            Membership::Host => self.users.names().user(uid),
            Membership::Container(_) => self.containers.names(cgroup)?.user(uid),
            // It may use another `passwd`: no name is better than a wrong one.
            Membership::Unknown => None,
        }
    }

    fn group_name(&self, cgroup: u64, gid: u32) -> Option<&str> {
        match self.containers.of(cgroup) {
            Membership::Host => self.users.names().group(gid),
            Membership::Container(_) => self.containers.names(cgroup)?.group(gid),
            Membership::Unknown => None,
        }
    }

    fn hostname(&self) -> &str {
        &self.hostname
    }

    fn node(&self) -> &str {
        &self.node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_host_stay_on_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let sources = users::Sources {
            passwd: dir.path().join("passwd"),
            group: dir.path().join("group"),
        };
        std::fs::write(&sources.passwd, "me:x:1000:1000::/home/me:/bin/sh\n").unwrap();
        std::fs::write(&sources.group, "us:x:1000:\n").unwrap();
        let (users, _) = Users::load(&sources);
        let mut state = State::new(
            process::Limits::default(),
            64,
            0,
            Arc::new(users),
            "h".into(),
        );
        let id = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
        state.containers.learn(1, b"/system.slice");
        state
            .containers
            .learn(2, format!("/docker/{id}").as_bytes());
        assert_eq!(state.user(1, 1000).map(|u| u.name), Some("me"));
        assert_eq!(state.group_name(1, 1000), Some("us"));
        assert_eq!(
            (state.user(2, 1000), state.group_name(2, 1000)),
            (None, None)
        );
        assert_eq!(state.user(3, 1000), None, "not known to be the host");
        assert_eq!(state.hostname(), "h");
    }
}
