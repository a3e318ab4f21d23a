//! [`Class::RECEIVE`](crate::Class::RECEIVE): data was received, or could not be.
//!
//! `Header::ret` is the number of bytes or `-errno`. `recvmmsg` gives one record per message, at most
//! [`MAX_MESSAGES`](crate::limits::MAX_MESSAGES), of which `ret` is the length.
//!
//! Items: `USER_ADDR` (the address that the kernel gave back), `UNIX_PATH`, `DATA`, `CONTROL`.

use crate::sock::Sock;

wire! {
    /// Fixed part.
    pub struct Receive {
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
