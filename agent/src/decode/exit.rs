//! Ended processes.

use komainu_common::{Task, exit::Exit};

use super::{Body, DecodeError};

/// A process ended.
#[derive(Clone, Copy, Debug)]
pub struct ExitRecord {
    /// The process, by its last thread.
    pub task: Task,
    /// When, nanoseconds since the Unix epoch.
    pub time: u64,
    /// `wait(2)` status.
    pub code: u32,
}

pub(super) fn decode(body: &Body<'_>) -> Result<ExitRecord, DecodeError> {
    let (facts, _items) = body.parts::<Exit>()?;
    Ok(ExitRecord {
        task: body.header.task,
        time: body.clock.unix(body.header.time),
        code: facts.code,
    })
}
