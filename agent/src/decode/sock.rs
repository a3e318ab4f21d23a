//! What the records of all network events share: socket facts, addresses, unix names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use komainu_common::{
    item::tag,
    sock::{SOCK_ACCEPTED, SOCK_BOUND, SOCK_RESOLVED, Sock},
};

use super::Items;
use crate::event::{Fd, FdKind, Role, SocketFacts, Tuple, Value};

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;

/// `SOCK_STREAM` and `SOCK_SEQPACKET`: the peer is that of the connection, whatever is passed.
const SOCK_STREAM: u16 = 1;
const SOCK_SEQPACKET: u16 = 5;

/// `TCP_ESTABLISHED`, which connected sockets of other protocols have too.
const ESTABLISHED: u16 = 1;

/// The address a program passed, or got back.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    Ip(SocketAddr),
    Unix(&'a [u8]),
}

impl<'a> Asked<'a> {
    /// The address in a record; `None` where there is none, or of a family without addresses here.
    pub(super) fn of(items: &Items<'a>) -> Option<Self> {
        items.bytes(tag::USER_ADDR).and_then(Self::parse)
    }

    /// Reads a `struct sockaddr` (`sockaddr(3type)`).
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (family, rest) = bytes.split_first_chunk()?;
        match u16::from_ne_bytes(*family) {
            AF_INET => {
                let (port, rest) = rest.split_first_chunk()?;
                let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
                Some(Self::Ip((address, u16::from_be_bytes(*port)).into()))
            }
            AF_INET6 => {
                let (port, rest) = rest.split_first_chunk()?;
                let address = Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?);
                Some(Self::Ip(canonical(
                    address.into(),
                    u16::from_be_bytes(*port),
                )))
            }
            AF_UNIX => Some(Self::Unix(unix_name(rest))),
            _ => None,
        }
    }

    /// As a parameter.
    pub(super) fn value(asked: Option<Self>) -> Value<'a> {
        match asked {
            Some(Self::Ip(address)) => Value::Addr(address),
            Some(Self::Unix(path)) => Value::Bytes(path),
            None => Value::Absent,
        }
    }

    fn ip(self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(address),
            Self::Unix(_) => None,
        }
    }
}

/// Path up to its NUL, or an abstract name with its leading NUL (`unix(7)`).
fn unix_name(name: &[u8]) -> &[u8] {
    if name.first() == Some(&0) {
        return name;
    }
    name.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// IPv4-mapped IPv6 addresses are IPv4 to rules.
fn canonical(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}

/// Facts of the socket alone: its role is unknown.
pub(super) fn facts<'a>(sock: &Sock, items: &Items<'a>) -> SocketFacts<'a> {
    named(sock, items.bytes(tag::UNIX_PATH))
}

/// The same; `name` is that of a unix socket.
fn named<'a>(sock: &Sock, name: Option<&'a [u8]>) -> SocketFacts<'a> {
    let address = |bytes: [u8; 16], port| match sock.family {
        AF_INET => bytes
            .first_chunk::<4>()
            .map(|four| SocketAddr::from((*four, port))),
        AF_INET6 => Some(canonical(Ipv6Addr::from(bytes).into(), port)),
        _ => None,
    };
    let is_set = |address: &SocketAddr| address.port() != 0 || !address.ip().is_unspecified();
    SocketFacts {
        family: sock.family,
        kind: sock.kind,
        protocol: sock.protocol,
        local: address(sock.local, sock.local_port),
        peer: address(sock.peer, sock.peer_port).filter(is_set),
        unix_path: name.map(unix_name),
        role: None,
        connected: sock.state == ESTABLISHED,
    }
}

/// Facts of the socket of a connect: what was asked for stands in where the kernel has forgotten the
/// port of a refused connection, and sometimes the address.
pub(super) fn connecting<'a>(
    sock: &Sock,
    items: &Items<'a>,
    asked: Option<Asked<'a>>,
) -> SocketFacts<'a> {
    let mut socket = facts(sock, items);
    let whole = socket.peer.filter(|peer| peer.port() != 0);
    socket.peer = whole.or(asked.and_then(Asked::ip)).or(socket.peer);
    if let (None, Some(Asked::Unix(path))) = (socket.unix_path, asked) {
        socket.unix_path = Some(path);
    }
    socket.role = Some(Role::Client);
    socket
}

/// Facts of a socket that a descriptor stands for, outside of the network calls.
pub(super) fn held<'a>(sock: &Sock, name: Option<&'a [u8]>) -> SocketFacts<'a> {
    SocketFacts {
        role: role(sock),
        ..named(sock, name)
    }
}

/// Facts of the socket that a message with the address `asked` went through. Without a connection
/// that address is the peer, and with datagrams it is even where there is one.
pub(super) fn transferring<'a>(
    sock: &Sock,
    items: &Items<'a>,
    asked: Option<Asked<'a>>,
    ret: i64,
) -> SocketFacts<'a> {
    let mut socket = facts(sock, items);
    if !matches!(sock.kind, SOCK_STREAM | SOCK_SEQPACKET) {
        match asked {
            Some(Asked::Ip(address)) => socket.peer = Some(address),
            // A receive from a socket without name.
            Some(Asked::Unix(b"")) | None => {}
            Some(Asked::Unix(path)) => socket.unix_path = Some(path),
        }
    }
    socket.role = role(sock);
    let is_internet = matches!(sock.family, AF_INET | AF_INET6);
    socket.connected |= is_internet && ret >= 0;
    socket
}

/// Which end of its conversation a socket is, from its own state: a connection is the server's if
/// it was accepted; a socket for datagrams is a server's if the program chose its port and did not
/// connect it, as in the reference implementation.
fn role(sock: &Sock) -> Option<Role> {
    if !matches!(sock.family, AF_INET | AF_INET6) || sock.facts & SOCK_RESOLVED == 0 {
        return None;
    }
    let is_server = if matches!(sock.kind, SOCK_STREAM | SOCK_SEQPACKET) {
        sock.facts & SOCK_ACCEPTED != 0
    } else {
        sock.facts & SOCK_BOUND != 0 && sock.state != ESTABLISHED
    };
    Some(if is_server {
        Role::Server
    } else {
        Role::Client
    })
}

/// Without a peer and without an address of its own a socket has no name yet.
pub(super) fn unnamed(mut socket: SocketFacts<'_>) -> SocketFacts<'_> {
    socket.local = socket
        .local
        .filter(|local| local.port() != 0 || socket.peer.is_some());
    socket
}

/// The descriptor of an event; what it is stays unknown where it is no socket.
pub(super) fn descriptor<'a>(number: i64, sock: &Sock, socket: SocketFacts<'a>) -> Fd<'a> {
    Fd {
        number,
        kind: (sock.facts & SOCK_RESOLVED != 0).then(|| kind(&socket)),
        name: &[],
        name_raw: &[],
        resolved: None,
        dev: 0,
        inode: sock.inode,
        open_flags: 0,
        layer: None,
        socket: Some(socket),
    }
}

/// What kind of descriptor the socket is.
pub(super) fn kind(socket: &SocketFacts<'_>) -> FdKind {
    match (socket.family, socket.peer) {
        (AF_INET, _) | (AF_INET6, Some(SocketAddr::V4(_))) => FdKind::Ipv4,
        (AF_INET6, _) => FdKind::Ipv6,
        (AF_UNIX, _) => FdKind::Unix,
        (AF_NETLINK, _) => FdKind::Netlink,
        _ => FdKind::Other,
    }
}

/// Direction of a `tuple` parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the peer: `accept`, receives.
    In,
    /// To the peer: `connect`, sends.
    Out,
}

/// Both ends as a parameter.
pub(super) fn tuple<'a>(socket: &SocketFacts<'a>, direction: Direction) -> Value<'a> {
    let ends = match direction {
        Direction::Out => (socket.local, socket.peer),
        Direction::In => (socket.peer, socket.local),
    };
    match (ends, socket.unix_path) {
        ((Some(source), Some(destination)), _) => Value::Tuple(Tuple::Ip {
            source,
            destination,
        }),
        (_, Some(path)) => Value::Tuple(Tuple::Unix { path }),
        _ => Value::Absent,
    }
}
