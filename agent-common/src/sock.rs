//! Facts about a socket, from `struct sock`: part of the record of every network event.

wire! {
    /// Facts about one socket. All zero where the descriptor is no socket ([`SOCK_RESOLVED`]).
    pub struct Sock {
        /// Local address, `skc_rcv_saddr`; IPv4 in the first four bytes.
        pub local: [u8; 16],
        /// Peer address, `skc_daddr`; IPv4 in the first four bytes. Zero where not connected.
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
        /// `TCP_*` state, `skc_state`; UDP and unix sockets use `TCP_ESTABLISHED` for connected.
        pub state: u16,
        /// `SOCK_*` bits.
        pub facts: u32,
    }
}

/// The descriptor is a socket and the fields of [`Sock`] are filled.
pub const SOCK_RESOLVED: u32 = 1;
/// An accepted connection or a listener: `sk_max_ack_backlog` is not 0. A listener gets it from
/// `listen(2)`, and an accepted socket is its copy (`sk_clone_lock`). Not seen of `listen(fd, 0)`.
pub const SOCK_ACCEPTED: u32 = 1 << 1;
/// The program chose the local port by `bind(2)`: `SOCK_BINDPORT_LOCK` in `sk_userlocks`. Never set by
/// kernels where that is a bit field (before 6.8).
pub const SOCK_BOUND: u32 = 1 << 2;
