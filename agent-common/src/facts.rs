//! Facts that cost something to collect: they are recorded for the classes of which a loaded rule reads
//! them, and for no others ([`ClassPlan::flags`](crate::filter::ClassPlan)). Records of exec, open, connect and
//! calls of the table can have them: there a descriptor says something, and the verifier would look at this
//! code again in every program.

use crate::sock::Sock;

/// What descriptors 0, 1 and 2 stand for: items `STDIN`, `STDOUT`, `STDERR`.
pub const STDIO: u32 = 1;
/// How many descriptors are open: item `DESCRIPTORS`.
pub const DESCRIPTORS: u32 = 1 << 1;

/// Every bit.
pub const ALL: u32 = STDIO | DESCRIPTORS;

/// Descriptors that are looked at when they are counted; there may be more open beyond.
pub const MAX_COUNTED: usize = 4096;

wire! {
    /// What a descriptor stands for; behind it, its kernel path or the name of the unix socket.
    pub struct Held {
        /// The socket, if it is one.
        pub sock: Sock,
        /// `i_mode` of its inode.
        pub inode_mode: u32,
        /// Unused, zero.
        pub reserved: u32,
    }
}
