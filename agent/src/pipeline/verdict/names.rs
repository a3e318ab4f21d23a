//! When users and groups of containers are asked for, and what comes back.

use std::sync::Arc;

use komainu_common::Task;

use super::Decider;
use crate::enrich::users::{Inside, Question, Refusal};
use crate::event::ProcKey;

/// cgroups whose names may be asked for, and how asking ended.
#[derive(Debug, Default)]
pub(super) struct Names {
    cgroups: Vec<u64>,
    refused: u64,
}

impl Names {
    /// cgroups of one batch at most: the others have their turn with their next program.
    const MAX: usize = 256;

    pub(super) fn look_at(&mut self, cgroups: impl Iterator<Item = u64>) {
        let room = Self::MAX.saturating_sub(self.cgroups.len());
        self.cgroups.extend(cgroups.take(room));
    }
}

impl Decider {
    /// A program started: its container may have made users since it was looked at.
    pub(super) fn look_at_names(&mut self, cgroup: u64, task: &Task) {
        if cgroup != 0 && self.names.cgroups.last() != Some(&cgroup) {
            self.state.containers.saw(cgroup, ProcKey::of(task));
            self.names.look_at(std::iter::once(cgroup));
        }
    }

    /// Asks for what it is time to ask for.
    pub(in crate::pipeline) fn ask_names(&mut self, send: impl Fn(Question) -> bool) {
        for cgroup in self.names.cgroups.drain(..) {
            self.state.containers.ask_names(cgroup, self.boot, &send);
        }
    }

    pub(super) fn hear_names(
        &mut self,
        container: &str,
        answer: Result<Option<Arc<Inside>>, Refusal>,
    ) {
        if let Err(refusal) = &answer {
            self.names.refused += 1;
            tracing::debug!(container, %refusal, refused = self.names.refused, "no names of users");
        }
        self.state.containers.hear_names(container, answer);
    }
}
