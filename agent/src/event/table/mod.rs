//! The event table: every kind of event that rules can name, with its parameters.
//!
//! Parameter names and their order are Falco's, because `evt.arg.NAME`, `evt.arg[N]` and `evt.args`
//! expose them.

mod descriptor;
mod file;
mod names;
mod network;
mod process;
mod session;

use super::kinds::EventType;

pub use names::{KNOWN_NAMES, errno_name, signal_name};

/// Defines the event types of one family: `name (CLASS) => parameter: Kind = Source, ...;`. Without a
/// source it is the class's decoder that places the parameter.
macro_rules! events {
    ($($name:ident $(($class:ident))? => $($param:ident : $kind:ident $(($table:expr))? $(= $source:expr)?),* ;)*) => {
        /// Event types of this family.
        pub(super) static TYPES: &[crate::event::EventType] = &[$(
            crate::event::EventType {
                name: stringify!($name),
                class: events!(@class $($class)?),
                params: &[$(crate::event::Param {
                    name: stringify!($param),
                    kind: crate::event::ParamKind::$kind $(($table))?,
                    source: events!(@source $($source)?),
                }),*],
            }
        ),*];
    };
    (@source) => { crate::event::Source::Decoder };
    (@source $source:expr) => { $source };
    (@class) => { None };
    (@class $class:ident) => { Some(komainu_common::Class::$class) };
}
use events;

/// Every event type, family by family.
pub fn event_types() -> impl Iterator<Item = &'static EventType> {
    let families = [
        file::TYPES,
        process::TYPES,
        network::TYPES,
        descriptor::TYPES,
        session::TYPES,
    ];
    families.into_iter().flatten()
}

/// The event type called `name`.
pub fn event_type(name: &str) -> Option<&'static EventType> {
    event_types().find(|ty| ty.name == name)
}

/// Whether `name` may stand in a condition on `evt.type`: a kind of event of ours, any Linux system
/// call, or an event of the reference implementation that is none.
pub fn is_known_name(name: &str) -> bool {
    KNOWN_NAMES.binary_search(&name).is_ok()
}

/// Whether the agent makes events of this type itself.
pub(super) fn is_own(ty: &EventType) -> bool {
    within(session::TYPES, ty)
}

fn within(types: &'static [EventType], ty: &EventType) -> bool {
    types.iter().any(|row| std::ptr::eq(row, ty))
}

/// Family that an event type belongs to, as `evt.category` names it.
pub fn family(ty: &EventType) -> &'static str {
    if ty.name == "notification" {
        "other"
    } else if within(process::TYPES, ty) || is_own(ty) {
        "process"
    } else if within(network::TYPES, ty) {
        "net"
    } else {
        "file"
    }
}
