//! Sockets: from a descriptor to `struct sock`, its addresses and names.

use komainu_common::{
    offsets::ABSENT,
    sock::{SOCK_ACCEPTED, SOCK_BOUND, SOCK_RESOLVED, Sock},
};

use crate::{
    file,
    maps::{self, Scratch, offset},
    read, words,
};

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// `S_IFMT` and `S_IFSOCK` (`inode(7)`).
const FILE_TYPE: u16 = 0o170_000;
const SOCKET: u16 = 0o140_000;

/// `SOCK_BINDPORT_LOCK` of `sk_userlocks` (`include/net/sock.h`).
const BINDPORT_LOCK: u8 = 8;

/// A socket of the kernel: addresses of its `struct sock` and its inode. Zeros where there is none, and not an
/// `Option`, of whose `None` the compiler may move a number that was never set, which the verifier refuses.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    sock: u64,
    inode: u64,
}

impl Target {
    /// No socket.
    pub(crate) const NONE: Self = Self { sock: 0, inode: 0 };

    /// Whether there is no socket.
    #[inline(always)]
    pub(crate) fn is_none(self) -> bool {
        self.sock == 0
    }
}

/// Whose name [`name`] prefers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// The peer's, else the socket's own.
    Peer,
    /// The socket's own, else the peer's.
    Own,
}

/// The socket behind descriptor `fd` of the current task, if it is one.
#[inline(always)]
pub(crate) fn of_descriptor(fd: i64) -> Target {
    of_file(file::of_descriptor(fd))
}

/// The socket behind an open file, if it is one.
#[inline(always)]
pub(crate) fn of_file(file: Option<u64>) -> Target {
    let found = find(file.unwrap_or(0));
    found.map_or(Target::NONE, |(sock, inode)| Target { sock, inode })
}

/// Addresses of the `struct sock` and the inode of a socket's file.
#[inline(always)]
fn find(file: u64) -> Option<(u64, u64)> {
    let inode = read::pointer(file, offset!(file_inode))?;
    let mode = read::kernel::<u16>(inode, offset!(inode_mode))?;
    if mode & FILE_TYPE != SOCKET {
        return None;
    }
    let socket = read::pointer(file, offset!(file_private_data))?;
    let sock = read::pointer(socket, offset!(socket_sk))?;
    Some((sock, inode))
}

/// Reads a socket into [`Scratch::sock`], or empties it where there is none.
#[inline(always)]
pub(crate) fn read(scratch: &mut Scratch, target: Target) -> &Sock {
    read_socket(scratch.index, target.sock, target.inode);
    &scratch.sock
}

/// Fills the part of a record that is about a socket; empties it where there is none.
#[inline(always)]
pub(crate) fn fill(scratch: &mut Scratch, target: Target, out: &mut Sock) {
    words::copy(read(scratch, target), out);
}

/// [`read`], as a function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn read_socket(index: u32, sock: u64, inode: u64) -> u32 {
    if let Some(scratch) = maps::scratch(index) {
        words::zero(&mut scratch.sock);
        if sock != 0 {
            read_facts(sock, inode, &mut scratch.sock);
        }
    }
    0
}

#[inline(always)]
fn read_facts(sock: u64, inode: u64, out: &mut Sock) {
    out.facts = SOCK_RESOLVED;
    out.inode = read::kernel(inode, offset!(inode_ino)).unwrap_or(0);
    out.family = read::kernel(sock, offset!(sock_family)).unwrap_or(0);
    out.state = u16::from(read::kernel::<u8>(sock, offset!(sock_state)).unwrap_or(0));
    out.kind = read::kernel(sock, offset!(sock_type)).unwrap_or(0);
    out.protocol = read::kernel(sock, offset!(sock_protocol)).unwrap_or(0);
    if out.family == AF_INET {
        let local: [u8; 4] = read::kernel(sock, offset!(sock_rcv_saddr)).unwrap_or([0; 4]);
        let peer: [u8; 4] = read::kernel(sock, offset!(sock_daddr)).unwrap_or([0; 4]);
        out.local[..4].copy_from_slice(&local);
        out.peer[..4].copy_from_slice(&peer);
    } else if out.family == AF_INET6 && offset!(sock_v6_daddr) != ABSENT {
        out.local = read::kernel_16(sock, offset!(sock_v6_rcv_saddr));
        out.peer = read::kernel_16(sock, offset!(sock_v6_daddr));
    }
    if out.family == AF_INET || out.family == AF_INET6 {
        ports(sock, out);
    }
}

/// What only internet sockets have: ports, and which end this is.
#[inline(always)]
fn ports(sock: u64, out: &mut Sock) {
    out.local_port = read::kernel(sock, offset!(sock_num)).unwrap_or(0);
    out.peer_port = read::kernel::<u16>(sock, offset!(sock_dport))
        .unwrap_or(0)
        .swap_bytes();
    if queue(sock).1 != 0 {
        out.facts |= SOCK_ACCEPTED;
    }
    if offset!(sock_userlocks) != ABSENT {
        let locks = read::kernel::<u8>(sock, offset!(sock_userlocks)).unwrap_or(0);
        if locks & BINDPORT_LOCK != 0 {
            out.facts |= SOCK_BOUND;
        }
    }
}

/// Connections that wait to be accepted, and how many may.
#[inline(always)]
pub(crate) fn backlog(target: Target) -> (u32, u32) {
    queue(target.sock)
}

#[inline(always)]
fn queue(sock: u64) -> (u32, u32) {
    (
        read::kernel(sock, offset!(sock_ack_backlog)).unwrap_or(0),
        read::kernel(sock, offset!(sock_max_ack_backlog)).unwrap_or(0),
    )
}

/// Address and length of the name of a unix socket, without the family in front; `None` for other
/// families.
#[inline(always)]
pub(crate) fn name(family: u16, target: Target, preferred: Name) -> Option<(u64, u64)> {
    if family != AF_UNIX || offset!(unix_peer) == ABSENT || offset!(unix_addr) == ABSENT {
        return None;
    }
    let own = target.sock;
    let peer = read::pointer(own, offset!(unix_peer)).unwrap_or(0);
    let (first, second) = match preferred {
        Name::Peer => (peer, own),
        Name::Own => (own, peer),
    };
    let name = unix_name(first);
    if name.is_some() {
        return name;
    }
    unix_name(second)
}

#[inline(always)]
fn unix_name(sock: u64) -> Option<(u64, u64)> {
    let address = read::pointer(sock, offset!(unix_addr))?;
    let len = read::kernel::<u32>(address, offset!(unix_address_len))?;
    let family = 2;
    if len <= family {
        return None;
    }
    let name = address + u64::from(offset!(unix_address_name) + family);
    Some((name, u64::from(len - family)))
}
