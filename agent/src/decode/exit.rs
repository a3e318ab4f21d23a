//! Ended processes.

use komainu_common::{Class, Task, exit::Exit, header::NO_SYSCALL};

use super::{Body, DecodeError};
use crate::event::{Event, Value, event_type};

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

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<(ExitRecord, Event<'a>), DecodeError> {
    let (facts, items) = body.parts::<Exit>()?;
    let unknown = DecodeError::Syscall {
        class: Class::EXIT,
        number: NO_SYSCALL,
    };
    let ty = event_type("procexit").ok_or(unknown)?;
    let mut event = body.event(ty, None, &items);
    // Exit status, core bit and signal of a `wait(2)` status.
    let (status, core, signal) = (
        facts.code >> 8 & 0xff,
        facts.code >> 7 & 1,
        facts.code & 0x7f,
    );
    event.params.extend([
        Value::Int(facts.code.into()),
        Value::Int(status.into()),
        Value::Int(signal.into()),
        Value::Uint(core.into()),
        Value::Int(facts.reaper_tid.into()),
    ]);
    let ended = ExitRecord {
        task: body.header.task,
        time: body.clock.unix(body.header.time),
        code: facts.code,
    };
    Ok((ended, event))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_event, record, value};
    use super::*;

    #[test]
    fn a_status_is_taken_apart() {
        for (code, status, signal, core) in [(3 << 8, 3, 0, 0), (9, 0, 9, 0), (0x8b, 0, 11, 1)] {
            let exit = Exit {
                code,
                reaper_tid: 7,
            };
            let bytes = record(Class::EXIT, NO_SYSCALL, 0, &exit, &[]);
            check_event(&bytes, |event| {
                assert_eq!((event.ty.name, event.ret), ("procexit", None));
                assert_eq!(value(event, "status"), Value::Int(code.into()));
                assert_eq!(value(event, "ret"), Value::Int(status));
                assert_eq!(value(event, "sig"), Value::Int(signal));
                assert_eq!(value(event, "core"), Value::Uint(core));
                assert_eq!(value(event, "reaper_tid"), Value::Int(7));
            });
        }
    }
}
