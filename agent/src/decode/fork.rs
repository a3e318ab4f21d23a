//! New processes.

use komainu_common::{Task, Usage, fork::Fork, item::tag};

use super::{Body, DecodeError};
use crate::event::ProcKey;

/// A process was created.
#[derive(Clone, Copy, Debug)]
pub struct ForkRecord<'a> {
    /// The child.
    pub task: Task,
    /// When, nanoseconds since the Unix epoch.
    pub time: u64,
    /// cgroup id of the child.
    pub cgroup: u64,
    /// Who called; with `CLONE_PARENT` not the parent.
    pub creator: ProcKey,
    /// Start of init of the child's pid namespace, nanoseconds since the Unix epoch.
    pub pidns_init_time: u64,
    /// Memory and limits of the child.
    pub usage: Usage,
    /// Path of the child's cgroup; `None` where it could not be read whole.
    pub cgroup_path: Option<&'a [u8]>,
}

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<ForkRecord<'a>, DecodeError> {
    let (facts, items) = body.parts::<Fork>()?;
    Ok(ForkRecord {
        task: body.header.task,
        time: body.clock.unix(body.header.time),
        cgroup: body.header.cgroup,
        creator: ProcKey::new(facts.creator_tgid, facts.creator_start_time),
        pidns_init_time: body.clock.unix(facts.pidns_init_start_time),
        usage: facts.usage,
        cgroup_path: items.whole(tag::CGROUP_PATH),
    })
}
