//! The process table: every process of the machine, kept by the lifecycle lane.
//!
//! Filled at start from `/proc`, then changed by records only: fork copies the parent, exec
//! replaces, exit leaves a tombstone that late events and children still find. Identity and links
//! come from the kernel's record, so a missing entry costs detail, never the basis of a verdict.

mod ancestry;
mod table;
mod text;
mod update;

pub use ancestry::{Ancestors, MAX_ANCESTORS};
pub use table::{Limits, ProcessTable, Stats};
pub use text::{comm, directory, exe_path, join_cmdline};
pub use update::{Before, Found};

#[cfg(test)]
mod tests;
