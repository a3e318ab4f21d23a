//! The in-memory event and what rules can see of it.
//!
//! An [`Event`] borrows from the record it was decoded from; nothing is copied for an event that
//! no rule matches. Rules read it through the one table of fields, together with the process and
//! container it belongs to ([`World`]).

mod fd;
mod process;
mod value;

pub use fd::{Fd, FdKind, Layer, Role, SocketFacts};
pub use process::{ExeFacts, ProcKey, Process};
pub use value::{PathArg, Tuple, Value};

use arrayvec::ArrayVec;
use komainu_common::{Class, Task};

/// Most parameters an event type has (`execve`: 30).
pub const MAX_PARAMS: usize = 32;

/// One kernel event, decoded.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Row of the event table: name, class, parameters.
    pub ty: &'static EventType,
    /// Number of the event in this run of the agent, from 1.
    pub number: u64,
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// CPU it happened on.
    pub cpu: u32,
    /// Return value, where the event has one.
    pub ret: Option<i64>,
    /// The thread that caused it, as it was at the event.
    pub task: Task,
    /// cgroup id of that thread.
    pub cgroup: u64,
    /// Parameter values, in the order of `ty.params`.
    pub params: ArrayVec<Value<'a>, MAX_PARAMS>,
    /// The file or socket the event is about.
    pub fd: Option<Fd<'a>>,
    /// The record says that parts of it were cut or left out.
    pub truncated: bool,
}

/// A kind of event that rules can name in `evt.type`: one row of the event table.
#[derive(Debug)]
pub struct EventType {
    /// Name, as in `syscalls(2)`.
    pub name: &'static str,
    /// Class whose records carry it; `None` while no probe delivers it.
    pub class: Option<Class>,
    /// Parameters, in the order `evt.args` prints them.
    pub params: &'static [Param],
}

/// A parameter of an event type.
#[derive(Debug)]
pub struct Param {
    /// Name, as in `evt.arg.NAME`.
    pub name: &'static str,
    /// How its value prints.
    pub kind: ParamKind,
}

/// Type of a parameter; decides the text of `evt.arg` and the type of `evt.rawarg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Signed number.
    Int,
    /// Unsigned number.
    Uint,
    /// Return value that may be `-errno`.
    Errno,
    /// File descriptor.
    Fd,
    /// Path, made absolute with the current directory.
    Path,
}

/// What the user half knows besides the event: processes, containers, names.
///
/// Every lookup is O(1) and never waits.
pub trait World {
    /// The process with this identity, if it is (or lately was) in the table.
    fn process(&self, key: ProcKey) -> Option<&Process>;
}
