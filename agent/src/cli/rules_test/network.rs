//! The records of network events for the facts of a test.

use std::net::{IpAddr, SocketAddr};

use komainu_common::{
    Class,
    accept::Accept,
    connect::Connect,
    item::tag,
    listen::Listen,
    receive::Receive,
    send::Send,
    sock::{SOCK_ACCEPTED, SOCK_BOUND, SOCK_RESOLVED, Sock},
    socket::Socket,
};
use zerocopy::IntoBytes;

use super::case::{Case, Family, RoleName, SocketFacts, SocketType};
use super::record::{DESCRIPTOR, Entry, record, result};

/// `TCP_ESTABLISHED` and `TCP_CLOSE`.
const ESTABLISHED: u16 = 1;
const CLOSE: u16 = 7;

/// Where the address of a unix socket or peer is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Peer,
    Local,
    Nothing,
}

/// Bytes of the record of a network event of this class.
pub(super) fn encode(case: &Case, class: Class, entry: Entry) -> Result<Vec<u8>, String> {
    let socket = case
        .socket
        .as_ref()
        .ok_or_else(|| format!("`{}` needs `socket`", case.event.ty))?;
    let (needs, default) = match class {
        Class::SOCKET if case.event.ty == "socketpair" => (Needs::Nothing, 0),
        Class::SOCKET => (Needs::Nothing, DESCRIPTOR),
        Class::ACCEPT => (Needs::Peer, DESCRIPTOR),
        Class::LISTEN => (Needs::Local, 0),
        Class::SEND | Class::RECEIVE => {
            let len = socket.data.as_ref().map_or(0, String::len);
            (Needs::Peer, i64::try_from(len).unwrap_or(i64::MAX))
        }
        _ => (Needs::Peer, 0),
    };
    check(socket, needs)?;
    let ret = result(case, default)?;
    let fixed = fixed(case, class, socket, ret)?;
    let mut items = Vec::new();
    if let Some(path) = &socket.path {
        items.push((tag::UNIX_PATH, path.as_bytes()));
    }
    let address = socket.local.filter(|_| case.event.ty == "bind");
    let address = address.map(sockaddr).unwrap_or_default();
    if !address.is_empty() {
        items.push((tag::USER_ADDR, &address));
    }
    if let Some(data) = &socket.data {
        items.push((tag::DATA, data.as_bytes()));
    }
    Ok(record(case, class, entry, ret, &fixed, &items))
}

/// Whether the test says what such a socket needs.
pub(super) fn check(socket: &SocketFacts, needs: Needs) -> Result<(), String> {
    let has_name = socket.path.is_some();
    let is_ip = matches!(socket.family, Family::Ipv4 | Family::Ipv6);
    let right = match (socket.family, needs) {
        (_, Needs::Nothing) => true,
        (Family::Unix, _) => has_name && socket.peer.is_none(),
        (_, Needs::Peer) if is_ip => socket.peer.is_some() && !has_name,
        (_, Needs::Local) if is_ip => socket.local.is_some() && !has_name,
        _ => true,
    };
    let key = if needs == Needs::Local {
        "local"
    } else {
        "peer"
    };
    right
        .then_some(())
        .ok_or_else(|| format!("a unix socket needs `path`, an internet socket `{key}`"))
}

/// The part of fixed length.
fn fixed(case: &Case, class: Class, socket: &SocketFacts, ret: i64) -> Result<Vec<u8>, String> {
    let sock = sock(socket);
    let fd = i32::try_from(DESCRIPTOR).unwrap_or_default();
    let size = u64::try_from(ret).unwrap_or_default();
    let reserved = 0;
    Ok(match class {
        Class::CONNECT => Connect { sock, fd, reserved }.as_bytes().to_vec(),
        Class::SEND => Send {
            sock,
            size,
            fd,
            reserved,
        }
        .as_bytes()
        .to_vec(),
        Class::RECEIVE => Receive {
            sock,
            size,
            fd,
            reserved,
        }
        .as_bytes()
        .to_vec(),
        Class::LISTEN => Listen {
            sock,
            fd,
            backlog: 128,
        }
        .as_bytes()
        .to_vec(),
        Class::ACCEPT => Accept {
            sock,
            listener: fd,
            flags: 0,
            queue_len: 0,
            queue_max: 128,
        }
        .as_bytes()
        .to_vec(),
        Class::SOCKET => Socket {
            sock,
            fd: if ret < 0 { -1 } else { fd },
            second: if ret < 0 { -1 } else { fd.saturating_add(1) },
            domain: sock.family.into(),
            kind: sock.kind.into(),
            protocol: sock.protocol.into(),
            reserved,
        }
        .as_bytes()
        .to_vec(),
        _ => return Err(format!("no probe delivers `{}` yet", case.event.ty)),
    })
}

/// The socket as the kernel half describes it.
pub(super) fn sock(socket: &SocketFacts) -> Sock {
    let is_ip = matches!(socket.family, Family::Ipv4 | Family::Ipv6);
    let (kind, protocol) = match socket.kind {
        Some(SocketType::Tcp) => (1, 6),
        None if is_ip => (1, 6),
        Some(SocketType::Udp) => (2, 17),
        Some(SocketType::Dgram) => (2, 0),
        Some(SocketType::Raw) => (3, 0),
        Some(SocketType::Stream) | None => (1, 0),
    };
    let role = match (socket.role, kind) {
        (Some(RoleName::Server), 1) => SOCK_ACCEPTED,
        (Some(RoleName::Server), _) => SOCK_BOUND,
        _ => 0,
    };
    Sock {
        local: bytes(socket.local),
        peer: bytes(socket.peer),
        inode: 1,
        local_port: socket.local.map_or(0, |address| address.port()),
        peer_port: socket.peer.map_or(0, |address| address.port()),
        family: match socket.family {
            Family::Unix => 1,
            Family::Ipv4 => 2,
            Family::Ipv6 => 10,
            Family::Netlink => 16,
            Family::Packet => 17,
        },
        kind,
        protocol,
        state: if kind == 1 { ESTABLISHED } else { CLOSE },
        facts: SOCK_RESOLVED | role,
    }
}

/// An address as the wire has it: IPv4 in the first four bytes.
fn bytes(address: Option<SocketAddr>) -> [u8; 16] {
    match address.map(|address| address.ip()) {
        None => [0; 16],
        Some(IpAddr::V6(address)) => address.octets(),
        Some(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip([a, b, c, d]) {
                *to = from;
            }
            bytes
        }
    }
}

/// `struct sockaddr` of an internet address (`ip(7)`, `ipv6(7)`).
fn sockaddr(address: SocketAddr) -> Vec<u8> {
    let port = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => [&2_u16.to_ne_bytes()[..], &port, &ip.octets()].concat(),
        IpAddr::V6(ip) => [
            &10_u16.to_ne_bytes()[..],
            &port,
            &[0; 4],
            &ip.octets(),
            &[0; 4],
        ]
        .concat(),
    }
}
