//! The wire contract between Komainu's kernel half and its user half.
//!
//! Both halves compile this crate, so a layout cannot drift between them. It holds integers only:
//! no `bool`, no `enum`, no pointer ever crosses the ring, because the reader must be able to
//! reject any byte pattern (see [`decode` in the agent]).
//!
//! One record in a ring is
//!
//! ```text
//! Header | fixed part of the event class | item | item | …
//! ```
//!
//! The fixed part is one `#[repr(C)]` struct per event class, in the file of the same name.
//! Strings follow as [`item`]s: tag, flags, length, bytes. An unknown tag is skipped by its length,
//! so a string can be added without touching a struct.
//!
//! [`decode` in the agent]: ../komainu/decode/index.html
#![no_std]
// The BPF target runs these structs through raw pointers only; `unsafe` here is the `Pod` marker.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(
    missing_debug_implementations,
    reason = "zerocopy's derives generate helper types; every wire struct derives Debug"
)]

/// Defines a struct of the wire: `repr(C)`, plain integers, no padding.
///
/// In the user half it can be viewed in place in any suitably sized byte slice; `IntoBytes`
/// refuses implicit padding at compile time, which also proves that no uninitialised kernel
/// stack byte can leave through it.
macro_rules! wire {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        #[cfg_attr(
            feature = "user",
            derive(
                zerocopy::FromBytes,
                zerocopy::IntoBytes,
                zerocopy::Immutable,
                PartialEq,
                Eq,
            )
        )]
        pub struct $name { $($body)* }

        // SAFETY: `repr(C)` with integer fields only; zerocopy's derive above proves the absence
        // of padding, so every byte of the value is initialised and every pattern is valid.
        #[cfg(feature = "loader")]
        unsafe impl aya::Pod for $name {}
    };
}

pub mod accept;
pub mod arch;
pub mod call;
pub mod cgroup;
pub mod class;
pub mod connect;
pub mod exec;
pub mod exit;
pub mod facts;
pub mod filter;
pub mod fork;
pub mod header;
pub mod item;
pub mod ledger;
pub mod limits;
pub mod listen;
pub mod offsets;
pub mod open;
pub mod receive;
pub mod ring;
pub mod send;
pub mod settings;
pub mod sock;
pub mod socket;
pub mod syscalls;
pub mod usage;

pub use class::Class;
pub use header::{Header, Task};
pub use offsets::KernelOffsets;
pub use settings::Settings;
pub use usage::Usage;
