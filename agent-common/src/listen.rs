//! [`Class::LISTEN`](crate::Class::LISTEN): a socket got a local address (`bind`) or waits for
//! connections (`listen`), or could not.
//!
//! Items: `USER_ADDR` (of `bind`), `UNIX_PATH`: the socket's own name.

use crate::sock::Sock;

wire! {
    /// Fixed part.
    pub struct Listen {
        /// The socket.
        pub sock: Sock,
        /// Descriptor as passed.
        pub fd: i32,
        /// Connections that may wait, as passed to `listen`; 0 for `bind`.
        pub backlog: i32,
    }
}
