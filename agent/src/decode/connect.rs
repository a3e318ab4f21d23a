//! Connected sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use komainu_common::{
    Class,
    connect::{CONNECT_RESOLVED, Connect},
    item::tag,
};

use super::{Body, DecodeError};
use crate::event::{Event, Fd, FdKind, Role, SocketFacts, Tuple, Value, event_type};

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;
const EINPROGRESS: i64 = 115;

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (connect, items) = body.parts::<Connect>()?;
    let unknown = DecodeError::Syscall {
        class: Class::CONNECT,
        number: body.header.syscall,
    };
    // Also reached by `socketcall`, which is the same call by another number.
    body.syscall(Class::CONNECT)?;
    let ty = event_type("connect").ok_or(unknown)?;
    let ret = body.header.ret;
    let asked = items.bytes(tag::USER_ADDR).and_then(Asked::parse);
    let unix_path = items.bytes(tag::UNIX_PATH).or(match asked {
        Some(Asked::Unix(path)) => Some(path),
        _ => None,
    });
    let socket = socket(&connect, asked, unix_path, ret);
    let mut event = body.event(ty, Some(ret), &items);
    event.params.extend([
        Value::Int(ret),
        tuple(&socket),
        Value::Int(i64::from(connect.fd)),
        match asked {
            Some(Asked::Ip(address)) => Value::Addr(address),
            Some(Asked::Unix(path)) => Value::Bytes(path),
            None => Value::Absent,
        },
    ]);
    event.fd = Some(Fd {
        number: i64::from(connect.fd),
        kind: (connect.facts & CONNECT_RESOLVED != 0).then(|| kind(&socket)),
        name: &[],
        name_raw: &[],
        resolved: None,
        dev: 0,
        inode: connect.inode,
        open_flags: 0,
        layer: None,
        socket: Some(socket),
    });
    Ok(event)
}

/// The address a program passed.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Ip(SocketAddr),
    Unix(&'a [u8]),
}

impl<'a> Asked<'a> {
    /// Reads a `struct sockaddr` (`sockaddr(3type)`); `None` for families without an address here.
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

fn socket<'a>(
    connect: &Connect,
    asked: Option<Asked<'_>>,
    unix_path: Option<&'a [u8]>,
    ret: i64,
) -> SocketFacts<'a> {
    let address = |bytes: [u8; 16], port| match connect.family {
        AF_INET => bytes
            .first_chunk::<4>()
            .map(|four| SocketAddr::from((*four, port))),
        AF_INET6 => Some(canonical(Ipv6Addr::from(bytes).into(), port)),
        _ => None,
    };
    // The kernel forgets the port of a refused connection, and sometimes the address.
    let whole = |address: &SocketAddr| address.port() != 0;
    let asked = match asked {
        Some(Asked::Ip(address)) => Some(address),
        _ => None,
    };
    SocketFacts {
        family: connect.family,
        kind: connect.kind,
        protocol: connect.protocol,
        local: address(connect.local, connect.local_port),
        peer: address(connect.peer, connect.peer_port)
            .filter(whole)
            .or(asked),
        unix_path: unix_path.map(unix_name),
        role: Some(Role::Client),
        connected: ret == 0 || ret == -EINPROGRESS,
    }
}

/// Least port that Linux gives to a socket that did not ask for one (`ip_local_port_range`,
/// ip(7)).
const EPHEMERAL: u16 = 32768;
/// `TCP_ESTABLISHED`, of connected datagram sockets too.
const ESTABLISHED: u16 = 1;

/// Facts of a socket that a descriptor stands for, outside of a call that connects it. Which end the
/// process is, is a guess from its port.
pub(super) fn held<'a>(connect: &Connect, unix_path: Option<&'a [u8]>) -> SocketFacts<'a> {
    let connected = connect.state == ESTABLISHED;
    let role = if connect.local_port >= EPHEMERAL {
        Role::Client
    } else {
        Role::Server
    };
    SocketFacts {
        role: Some(role),
        connected,
        ..socket(connect, None, unix_path, 0)
    }
}

pub(super) fn kind(socket: &SocketFacts<'_>) -> FdKind {
    match (socket.family, socket.peer) {
        (AF_INET, _) | (AF_INET6, Some(SocketAddr::V4(_))) => FdKind::Ipv4,
        (AF_INET6, _) => FdKind::Ipv6,
        (AF_UNIX, _) => FdKind::Unix,
        (AF_NETLINK, _) => FdKind::Netlink,
        _ => FdKind::Other,
    }
}

fn tuple<'a>(socket: &SocketFacts<'a>) -> Value<'a> {
    match (socket.local, socket.peer, socket.unix_path) {
        (Some(source), Some(destination), _) => Value::Tuple(Tuple::Ip {
            source,
            destination,
        }),
        (_, _, Some(path)) => Value::Tuple(Tuple::Unix { path }),
        _ => Value::Absent,
    }
}
