//! Rule files become definitions: lists, macros, rules, merged in order.

mod collect;
mod defs;
mod exceptions;
mod history;
mod lists;
mod overrides;
mod read;
mod rule_item;
mod scalar;
mod schema;
mod version;

pub(super) use collect::{Collector, Ordered};
pub use defs::Priority;
pub(super) use defs::{Entry, ExceptionDef, ListDef, MacroDef, RuleDef};
pub(super) use exceptions::with_exceptions;
pub(super) use history::History;
pub use history::{DefKind, Operation, Origin};
pub(super) use lists::Lists;
pub(super) use read::read_file;
pub use schema::schema as rule_file_schema;
pub(super) use version::PluginRequirement;
pub use version::Version;

use super::diagnostics::Diagnostic;

/// An item that cannot be used ends with the diagnostic that says why.
pub(super) type Checked<T> = Result<T, Box<Diagnostic>>;
