//! [`Class::ACCEPT`](crate::Class::ACCEPT): a connection was accepted, or could not be.
//!
//! `Header::ret` is the new descriptor or `-errno`.
//!
//! Items: `UNIX_PATH`.

use crate::sock::Sock;

wire! {
    /// Fixed part.
    pub struct Accept {
        /// The new socket; where the call failed, the listening one.
        pub sock: Sock,
        /// Descriptor of the listening socket.
        pub listener: i32,
        /// `SOCK_*` flags of `accept4`, 0 for `accept`.
        pub flags: u32,
        /// Connections that wait for being accepted, `sk_ack_backlog` of the listener.
        pub queue_len: u32,
        /// How many may wait, `sk_max_ack_backlog` of the listener.
        pub queue_max: u32,
    }
}
