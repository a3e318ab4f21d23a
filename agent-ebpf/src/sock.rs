//! Sockets: from a descriptor to `struct sock`, and its addresses.

use komainu_common::{
    connect::{CONNECT_RESOLVED, Connect},
    offsets::ABSENT,
};

use crate::{maps::offset, read};

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// `S_IFMT` and `S_IFSOCK` (`inode(7)`).
const FILE_TYPE: u16 = 0o170_000;
const SOCKET: u16 = 0o140_000;

/// Address of the `struct sock` behind an open file; `None` if it is no socket.
#[inline(always)]
pub(crate) fn of_file(file: u64) -> Option<(u64, u64)> {
    let inode = read::pointer(file, offset!(file_inode))?;
    let mode = read::kernel::<u16>(inode, offset!(inode_mode))?;
    if mode & FILE_TYPE != SOCKET {
        return None;
    }
    let socket = read::pointer(file, offset!(file_private_data))?;
    Some((read::pointer(socket, offset!(socket_sk))?, inode))
}

/// Empties every field of `out`.
#[inline(always)]
pub(crate) fn clear(out: &mut Connect) {
    out.local = [0; 16];
    out.peer = [0; 16];
    out.inode = 0;
    out.local_port = 0;
    out.peer_port = 0;
    out.family = 0;
    out.kind = 0;
    out.protocol = 0;
    out.state = 0;
    out.facts = 0;
    out.reserved = 0;
}

/// Fills `out` from `sock`; `fd` is left alone.
#[inline(always)]
pub(crate) fn fill(sock: u64, inode: u64, out: &mut Connect) {
    out.facts = CONNECT_RESOLVED;
    out.inode = read::kernel(inode, offset!(inode_ino)).unwrap_or(0);
    out.family = read::kernel(sock, offset!(sock_family)).unwrap_or(0);
    out.state = u16::from(read::kernel::<u8>(sock, offset!(sock_state)).unwrap_or(0));
    out.kind = read::kernel(sock, offset!(sock_type)).unwrap_or(0);
    out.protocol = read::kernel(sock, offset!(sock_protocol)).unwrap_or(0);
    out.local_port = read::kernel(sock, offset!(sock_num)).unwrap_or(0);
    out.peer_port = read::kernel::<u16>(sock, offset!(sock_dport))
        .unwrap_or(0)
        .swap_bytes();
    if out.family == AF_INET {
        let local: [u8; 4] = read::kernel(sock, offset!(sock_rcv_saddr)).unwrap_or([0; 4]);
        let peer: [u8; 4] = read::kernel(sock, offset!(sock_daddr)).unwrap_or([0; 4]);
        out.local[..4].copy_from_slice(&local);
        out.peer[..4].copy_from_slice(&peer);
    } else if out.family == AF_INET6 && offset!(sock_v6_daddr) != ABSENT {
        out.local = read::kernel(sock, offset!(sock_v6_rcv_saddr)).unwrap_or([0; 16]);
        out.peer = read::kernel(sock, offset!(sock_v6_daddr)).unwrap_or([0; 16]);
    } else if out.family == AF_UNIX {
        out.local_port = 0;
        out.peer_port = 0;
    }
}

/// Address and length of the name of a unix socket's peer, without the family in front.
#[inline(always)]
pub(crate) fn unix_peer_name(sock: u64) -> Option<(u64, u64)> {
    if offset!(unix_peer) == ABSENT || offset!(unix_addr) == ABSENT {
        return None;
    }
    let peer = read::pointer(sock, offset!(unix_peer))?;
    let address = read::pointer(peer, offset!(unix_addr))?;
    let len = read::kernel::<u32>(address, offset!(unix_address_len))?;
    let family = 2;
    if len <= family {
        return None;
    }
    let name = address + u64::from(offset!(unix_address_name) + family);
    Some((name, u64::from(len - family)))
}

/// Whether the socket is `AF_UNIX`.
#[inline(always)]
pub(crate) fn is_unix(family: u16) -> bool {
    family == AF_UNIX
}
