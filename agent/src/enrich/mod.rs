//! Third stage: who did it and where.
//!
//! [`State`] holds the processes, containers and users that an event's bare numbers refer to, and
//! answers rules through [`World`]. Lookups take constant time and never wait; what has to be read
//! from `/proc` or files is read on another thread and handed over.

pub mod bounded;
pub mod container;
pub mod proc;
pub mod process;
pub mod users;

use std::sync::Arc;

use container::Containers;
use process::ProcessTable;
use users::Users;

use crate::event::{ProcKey, Process, World};

/// Everything known besides the event itself. Owned by the thread that decides.
#[derive(Debug)]
pub struct State {
    /// Processes.
    pub processes: ProcessTable,
    /// Containers by cgroup id.
    pub containers: Containers,
    /// Names of the host's users and groups.
    pub users: Arc<Users>,
}

impl State {
    /// An empty state.
    pub fn new(limits: process::Limits, cgroups: usize, epoch: u64, users: Arc<Users>) -> Self {
        Self {
            processes: ProcessTable::new(limits, epoch),
            containers: Containers::new(cgroups),
            users,
        }
    }

    /// Takes over a process read from `/proc`, and the path of its cgroup.
    pub fn found(&mut self, scanned: proc::Scanned) {
        let cgroup = scanned.found.process.cgroup;
        if cgroup != 0 {
            self.containers.learn(cgroup, &scanned.cgroup_path);
        }
        self.processes.found(scanned.found);
    }
}

impl World for State {
    fn process(&self, key: ProcKey) -> Option<&Process> {
        self.processes.get(key)
    }
}
