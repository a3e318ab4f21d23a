//! [`Class::SEND`](crate::Class::SEND): data was sent, or could not be.
//!
//! `Header::ret` is the number of bytes or `-errno`. `sendmmsg` gives one record per message, at most
//! [`MAX_MESSAGES`](crate::limits::MAX_MESSAGES), of which `ret` is the length.
//!
//! Items: `USER_ADDR` (the address passed with the data), `UNIX_PATH`, `DATA`.

use crate::sock::Sock;

wire! {
    /// Fixed part.
    pub struct Send {
        /// The socket.
        pub sock: Sock,
        /// Bytes of the program's buffers; of those described by more than
        /// [`MAX_DATA_PARTS`](crate::limits::MAX_DATA_PARTS) parts, of the first.
        pub size: u64,
        /// Descriptor as passed.
        pub fd: i32,
        /// Unused, zero.
        pub reserved: u32,
    }
}
