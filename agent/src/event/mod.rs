//! The in-memory event and what rules can see of it.
//!
//! An [`Event`] borrows from the record it was decoded from; nothing is copied for an event that
//! no rule matches. Rules read it through the one table of fields, together with the process and
//! container it belongs to ([`World`]).

mod container;
mod fd;
pub mod fields;
pub mod flags;
mod kinds;
mod params;
pub mod path;
mod process;
mod session;
mod table;
mod value;
mod world;

pub use container::{
    Container, ContainerDetails, Labels, Membership, Mount, Owner, Pod, PodObject,
};
pub use fd::{Fd, FdKind, Layer, Role, SocketFacts, Stream, user_dev};
pub use flags::Flag;
pub use kinds::{EventType, Param, ParamKind, Source};
pub use params::Params;
pub use process::{ExeFacts, ProcKey, Process, Text};
pub use session::{CommandLimits, Commands, Session, SessionKind};
pub use table::{
    KNOWN_NAMES, errno_name, event_type, event_types, family, is_known_name, signal_name,
};
pub use value::{PathArg, Tuple, Value};
pub use world::{User, World};

use komainu_common::Task;

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
    pub params: Params<'a>,
    /// The file or socket the event is about.
    pub fd: Option<Fd<'a>>,
    /// Descriptors 0, 1 and 2, where a rule reads them of such events.
    pub stdio: [Option<Stream<'a>>; 3],
    /// Number of open descriptors, where a rule reads it of such events.
    pub open_descriptors: Option<u32>,
    /// The record says that parts of it were cut or left out.
    pub truncated: bool,
}
