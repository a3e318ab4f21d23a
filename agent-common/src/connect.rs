//! [`Class::CONNECT`](crate::Class::CONNECT): a socket was connected, or could not be.
//!
//! Addresses come from `struct sock`. The kernel clears the peer of a TCP socket whose connection
//! was refused; what the program asked for is `USER_ADDR`.
//!
//! Items: `USER_ADDR`, `UNIX_PATH`.

wire! {
    /// Fixed part.
    pub struct Connect {
        /// Local address; IPv4 in the first four bytes.
        pub local: [u8; 16],
        /// Peer address; IPv4 in the first four bytes.
        pub peer: [u8; 16],
        /// Inode number of the socket.
        pub inode: u64,
        /// Local port, host order.
        pub local_port: u16,
        /// Peer port, host order.
        pub peer_port: u16,
        /// `AF_*` of the socket.
        pub family: u16,
        /// `SOCK_*` type.
        pub kind: u16,
        /// `IPPROTO_*`.
        pub protocol: u16,
        /// `TCP_*` state, `skc_state`.
        pub state: u16,
        /// Descriptor as passed.
        pub fd: i32,
        /// `CONNECT_*` bits.
        pub facts: u32,
        /// Unused, zero.
        pub reserved: u32,
    }
}

/// The descriptor is a socket and the fields above are filled.
pub const CONNECT_RESOLVED: u32 = 1;
