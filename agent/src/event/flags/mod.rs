//! Names of flag bits and enumerated values, in the order `evt.arg` prints them.
//!
//! The order is that of Falco's tables, because rules compare the printed text.

mod calls;
#[expect(
    clippy::unreadable_literal,
    reason = "bit values read as in the kernel's headers"
)]
mod file;
mod network;
mod open;
#[expect(
    clippy::unreadable_literal,
    reason = "bit values read as in the kernel's headers"
)]
mod process;

/// One name of a flag bit or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Name, as in the manual page of the call.
    pub name: &'static str,
    /// Bits or value; 0 names the absence of all bits.
    pub value: u64,
}

/// Defines one table of names.
macro_rules! flags {
    ($(#[$doc:meta])* $table:ident: $($name:ident = $value:literal),+ $(,)?;) => {
        $(#[$doc])*
        pub const $table: &[Flag] = &[$(Flag { name: stringify!($name), value: $value }),+];
    };
}
use flags;

pub use calls::{
    VFORK_FLAGS, clone_flags, dup3_flags, fcntl_command, io_uring_flags, kernel_namespace_bit, low,
    mount_flags, namespace_flags, pidfd_flags, prctl_number, ptrace_request,
};
pub use file::*;
pub use network::*;
pub use open::{
    FD_LOWER_LAYER, FD_UPPER_LAYER, O_DIRECTORY, O_F_CREATED, O_TMPFILE, kernel_open_bits,
    open_flags, socket_flags,
};
pub use process::*;
