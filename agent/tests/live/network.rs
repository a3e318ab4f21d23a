//! What the tests of network events look at.

use std::net::SocketAddr;

use komainu::{
    decode::Decoded,
    event::{FdKind, Role, Value},
};

use crate::watch::{Seen, text};

/// A network event.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: &'static str,
    pub(crate) ret: i64,
    pub(crate) fd: i64,
    pub(crate) kind: Option<FdKind>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) path: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) connected: bool,
    /// Parameters: name and value as debug text.
    params: Vec<(&'static str, String)>,
    pub(crate) data: Option<String>,
}

impl Network {
    /// Debug text of a parameter.
    pub(crate) fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(param, _)| *param == name);
        &found.unwrap().1
    }
}

/// The network event of a record.
pub(crate) fn network(decoded: &Decoded<'_>) -> Option<Network> {
    let event = decoded.event.as_ref()?;
    let fd = event.fd.as_ref()?;
    let data = event.ty.param("data").map(|index| event.params[index]);
    let params = event.ty.params.iter().zip(&event.params);
    let socket = fd.socket.as_ref();
    Some(Network {
        name: event.ty.name,
        ret: event.ret?,
        fd: fd.number,
        kind: fd.kind,
        local: socket.and_then(|socket| socket.local),
        peer: socket.and_then(|socket| socket.peer),
        path: socket.and_then(|socket| socket.unix_path).map(text),
        role: socket.and_then(|socket| socket.role),
        connected: socket.is_some_and(|socket| socket.connected),
        params: params
            .map(|(param, value)| (param.name, format!("{value:?}")))
            .collect(),
        data: match data {
            Some(Value::Bytes(bytes)) => Some(text(bytes)),
            _ => None,
        },
    })
}

/// The events of process `tgid` with one of these names, in order.
pub(crate) fn events(seen: &Seen, tgid: u32, names: &[&str]) -> Vec<Network> {
    seen.of(tgid, |decoded| {
        network(decoded).filter(|event| names.contains(&event.name))
    })
}

/// The same, which must be `N`.
pub(crate) fn exactly<const N: usize>(seen: &Seen, tgid: u32, names: &[&str]) -> [Network; N] {
    events(seen, tgid, names)
        .try_into()
        .unwrap_or_else(|found: Vec<Network>| panic!("{N} events expected: {found:#?}"))
}

/// Addresses that an act printed.
pub(crate) fn addresses(output: &str) -> Vec<SocketAddr> {
    output
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

/// IPv4 inside IPv6 as rules see it.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Addresses to listen on, and the kind of their sockets.
pub(crate) const LOOPBACK: [(&str, FdKind); 3] = [
    ("127.0.0.1:0", FdKind::Ipv4),
    ("[::1]:0", FdKind::Ipv6),
    ("[::ffff:127.0.0.1]:0", FdKind::Ipv4),
];

/// Whether the machine has the address family.
pub(crate) fn is_there(address: &str) -> bool {
    let there = std::net::UdpSocket::bind(address).is_ok();
    if !there {
        println!("left out: no {address}");
    }
    there
}

/// An address with a free port in place of 0.
pub(crate) fn free_port(address: &str) -> String {
    let socket = std::net::UdpSocket::bind(address).unwrap();
    socket.local_addr().unwrap().to_string()
}
