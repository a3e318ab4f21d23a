//! Users and groups of containers: what is known of them, and when to ask.

use std::sync::Arc;

use super::{Containers, Group, Wait};
use crate::enrich::container::key::ContainerKey;
use crate::enrich::users::{Inside, Question, Refusal};
use crate::event::ProcKey;

/// Time until the names of a container that has none yet are asked for again, nanoseconds.
const SOON: u64 = 20_000_000;
/// Time until known names are looked after, nanoseconds: programs in a container may make users.
const REFRESH: u64 = 1_000_000_000;
/// Failures for want of a process with the container's root after which nobody waits any more. That the runtime has not
/// given it that root yet is none: where nobody tells of the runtime's work, it may take as long as events wait.
const TRIES: u8 = 3;

/// The names of one container.
#[derive(Debug, Default)]
pub(in crate::enrich::container) struct NamesOf {
    inside: Option<Arc<Inside>>,
    /// A process that was seen in the container.
    process: Option<ProcKey>,
    /// When they were asked for, in the caller's time.
    asked: Option<u64>,
    is_pending: bool,
    failures: u8,
    /// There was an answer, good or bad: nobody waits for the next.
    is_settled: bool,
}

impl Containers {
    /// From now on names are asked for, and waited for.
    #[must_use]
    pub fn with_names(mut self) -> Self {
        self.has_names = true;
        self
    }

    /// Users and groups that processes of this cgroup see. None in a container in a container: the names known are those of
    /// the outer one.
    pub fn names(&self, cgroup: u64) -> Option<&Inside> {
        self.known.get(&self.own(cgroup)?)?.names.inside.as_deref()
    }

    /// Remembers a process of a container, to read names by.
    pub fn saw(&mut self, cgroup: u64, process: ProcKey) {
        let known = self.own(cgroup).and_then(|key| self.known.get_mut(&key));
        if let Some(known) = known {
            known.names.process = Some(process);
        }
    }

    /// Asks for the names of this cgroup where it is time to; `now` in nanoseconds. What `send` refuses is asked again.
    pub fn ask_names(&mut self, cgroup: u64, now: u64, send: impl FnOnce(Question) -> bool) {
        if !self.has_names || !matches!(self.wait(cgroup), Wait::No | Wait::Names) {
            return;
        }
        let Some(known) = self.own(cgroup).and_then(|key| self.known.get_mut(&key)) else {
            return;
        };
        let init = known.init();
        let container = known.container().id.clone();
        let names = &mut known.names;
        let pause = if names.is_settled { REFRESH } else { SOON };
        let is_time = names
            .asked
            .is_none_or(|asked| now >= asked.saturating_add(pause));
        if names.is_pending || !is_time {
            return;
        }
        let question = Question {
            container,
            init,
            process: names.process,
            known: names.inside.clone(),
        };
        if send(question) {
            names.is_pending = true;
            names.asked = Some(now);
        }
    }

    /// Takes over what was read for the container of this full id.
    pub fn hear_names(&mut self, id: &str, answer: Result<Option<Arc<Inside>>, Refusal>) {
        let known = ContainerKey::parse(id).and_then(|key| self.known.get_mut(&key));
        let Some(known) = known else {
            return;
        };
        self.changed = true;
        let is_set_up = known.init().is_some();
        let names = &mut known.names;
        names.is_pending = false;
        match answer {
            Ok(new) => {
                names.inside = new.or(names.inside.take());
                names.is_settled = true;
            }
            Err(Refusal::HostRoot) if !is_set_up => {}
            Err(Refusal::Gone | Refusal::HostRoot | Refusal::OtherRoot) => {
                names.failures = names.failures.saturating_add(1);
                names.is_settled |= names.failures >= TRIES;
            }
            // Because of others: what was known may be so still.
            Err(Refusal::Hangs) => names.is_settled = true,
            // What was known may not be so any more.
            Err(_) => {
                names.inside = None;
                names.is_settled = true;
            }
        }
    }

    /// Whether names may still come that events of this container wait for.
    pub(super) fn awaits_names(&self, group: &Group) -> bool {
        let Some(key) = self.has_names.then(|| self.own_of(group)).flatten() else {
            return false;
        };
        self.known
            .get(&key)
            .is_some_and(|known| !known.names.is_settled)
    }

    fn own(&self, cgroup: u64) -> Option<ContainerKey> {
        self.own_of(self.groups.get(&cgroup)?)
    }

    /// The container whose root processes of this group have.
    fn own_of(&self, group: &Group) -> Option<ContainerKey> {
        let Group::Container { inner, .. } = group else {
            return None;
        };
        self.effective(group).filter(|key| key == inner)
    }
}
