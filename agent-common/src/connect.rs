//! [`Class::CONNECT`](crate::Class::CONNECT): a socket was connected, or could not be.
//!
//! The kernel clears the peer of a TCP socket whose connection was refused; what the program asked
//! for is `USER_ADDR`.
//!
//! Items: `USER_ADDR`, `UNIX_PATH`.

use crate::sock::Sock;

wire! {
    /// Fixed part.
    pub struct Connect {
        /// The socket.
        pub sock: Sock,
        /// Descriptor as passed.
        pub fd: i32,
        /// Unused, zero.
        pub reserved: u32,
    }
}
