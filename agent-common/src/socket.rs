//! [`Class::SOCKET`](crate::Class::SOCKET): a socket was made (`socket`), or two (`socketpair`), or
//! could not be.

use crate::sock::Sock;

wire! {
    /// Fixed part.
    pub struct Socket {
        /// The new socket; of a pair, the first.
        pub sock: Sock,
        /// Its descriptor, -1 where the call failed.
        pub fd: i32,
        /// Descriptor of the second of a pair, -1 where there is none.
        pub second: i32,
        /// `AF_*` as passed.
        pub domain: u32,
        /// `SOCK_*` type and flags as passed.
        pub kind: u32,
        /// Protocol as passed.
        pub protocol: u32,
        /// Unused, zero.
        pub reserved: u32,
    }
}
