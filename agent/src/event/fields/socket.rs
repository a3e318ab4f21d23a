//! Fields of a socket's addresses: `fd.*ip`, `fd.*port`, `fd.*net`, `fd.*proto`.

use std::net::{IpAddr, SocketAddr};

use super::FieldType::{Bool, Ip, Net, Port, Text};
use super::{Field, FieldValue, Getter, Many, Scope};
use crate::event::{Role, SocketFacts};

const NAMES: &str = "a resolver: names are not looked up, and what the reference implementation could not look up is \
     absent there too";

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::with("fd.ip", Ip, Getter::Many(Many::Ends, each_ip),
        "Either address of the connection. `!=` holds if neither is the constant.").filter_only(),
    Field::with("fd.port", Port, Getter::Many(Many::Ends, each_port),
        "Either port of the connection. `!=` holds if neither is the constant.").filter_only(),
    Field::with("fd.net", Net, Getter::Many(Many::Ends, each_ip),
        "Network of either address. `!=` holds if neither is inside.").filter_only(),
    Field::with("fd.proto", Text, Getter::Many(Many::Ends, each_service),
        "Either port as text: names of services are not looked up, as in the reference implementation by default.").filter_only(),
    Field::one("fd.cip", Ip, |s, _| ip(client(s)?), "Address of the client. Absent while the roles are unknown."),
    Field::one("fd.sip", Ip, |s, _| ip(server(s)?), "Address of the server. Absent while the roles are unknown."),
    Field::one("fd.lip", Ip, |s, _| ip(pair(s)?.0?), "Local address, from the socket."),
    Field::one("fd.rip", Ip, |s, _| ip(pair(s)?.1?), "Remote address, from the socket."),
    Field::one("fd.cport", Port, |s, _| port(client(s)?), "Port of the client."),
    Field::one("fd.sport", Port, |s, _| port(server(s)?), "Port of the server."),
    Field::one("fd.lport", Port, |s, _| port(pair(s)?.0?), "Local port."),
    Field::one("fd.rport", Port, |s, _| port(pair(s)?.1?), "Remote port."),
    Field::one("fd.cproto", Text, |s, _| service(s, client(s)?), "The client's port as text, see `fd.proto`."),
    Field::one("fd.sproto", Text, |s, _| service(s, server(s)?), "The server's port as text, see `fd.proto`."),
    Field::one("fd.lproto", Text, |s, _| service(s, pair(s)?.0?), "The local port as text, see `fd.proto`."),
    Field::one("fd.rproto", Text, |s, _| service(s, pair(s)?.1?), "The remote port as text, see `fd.proto`."),
    Field::one("fd.cnet", Net, |s, _| ip(client(s)?), "Network of the client.").filter_only(),
    Field::one("fd.snet", Net, |s, _| ip(server(s)?), "Network of the server.").filter_only(),
    Field::one("fd.lnet", Net, |s, _| ip(pair(s)?.0?), "Network of the local address.").filter_only(),
    Field::one("fd.rnet", Net, |s, _| ip(pair(s)?.1?), "Network of the remote address.").filter_only(),
    Field::one("fd.cip.name", Text, |s, _| host(s, client(s)?), "Domain name of the client.")
        .no_transformer().later(NAMES),
    Field::one("fd.sip.name", Text, |s, _| host(s, server(s)?), "Domain name of the server.")
        .no_transformer().later(NAMES),
    Field::one("fd.lip.name", Text, |s, _| host(s, pair(s)?.0?), "Domain name of the local address.")
        .no_transformer().later(NAMES),
    Field::one("fd.rip.name", Text, |s, _| host(s, pair(s)?.1?), "Domain name of the remote address.")
        .no_transformer().later(NAMES),
    Field::one("fd.l4proto", Text, |s, _| protocol(s).map(FieldValue::text),
        "tcp, udp, icmp, raw; the text `<NA>` for other descriptors."),
    Field::one("fd.sockfamily", Text, |s, _| family(s).map(FieldValue::text), "ip or unix; absent otherwise."),
    Field::one("fd.is_server", Bool, |s, _| super::fd::entry(s).map(|_| is_server(s)),
        "Whether the process is the server of the connection."),
];

/// `AF_UNIX`, `AF_INET`, `AF_INET6` of `address_families(7)`.
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

fn socket<'a>(scope: &Scope<'a>) -> Option<&'a SocketFacts<'a>> {
    scope.event.fd.as_ref()?.socket.as_ref()
}

/// Local and remote address of a connected internet socket.
fn pair(scope: &Scope<'_>) -> Option<(Option<SocketAddr>, Option<SocketAddr>)> {
    let socket = socket(scope)?;
    socket.peer.is_some().then_some((socket.local, socket.peer))
}

fn client(scope: &Scope<'_>) -> Option<SocketAddr> {
    let socket = socket(scope)?;
    socket.peer?;
    match socket.role? {
        Role::Client => socket.local,
        Role::Server => socket.peer,
    }
}

/// The server's end; a socket without peer is its own server.
fn server(scope: &Scope<'_>) -> Option<SocketAddr> {
    let socket = socket(scope)?;
    match (socket.peer, socket.role?) {
        (Some(peer), Role::Client) => Some(peer),
        _ => socket.local,
    }
}

/// An address as rules see it: IPv4 inside IPv6 is IPv4.
fn plain(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn ip<'a>(address: SocketAddr) -> Option<FieldValue<'a>> {
    Some(FieldValue::Ip(plain(address)))
}

#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn port<'a>(address: SocketAddr) -> Option<FieldValue<'a>> {
    Some(FieldValue::Uint(address.port().into()))
}

fn host<'a>(scope: &Scope<'a>, address: SocketAddr) -> Option<FieldValue<'a>> {
    scope
        .world
        .address_name(plain(address))
        .map(FieldValue::text)
}

/// Addresses of both ends, as far as known.
fn ends(scope: &Scope<'_>) -> impl Iterator<Item = SocketAddr> {
    let socket = socket(scope);
    let ends = socket
        .map(|socket| [socket.local, socket.peer])
        .into_iter()
        .flatten();
    ends.flatten()
}

fn each_ip<'a>(scope: &Scope<'a>, _: &super::FieldArg, each: &mut dyn FnMut(FieldValue<'a>)) {
    ends(scope).for_each(|end| each(FieldValue::Ip(plain(end))));
}

fn each_port<'a>(scope: &Scope<'a>, _: &super::FieldArg, each: &mut dyn FnMut(FieldValue<'a>)) {
    ends(scope).for_each(|end| each(FieldValue::Uint(end.port().into())));
}

fn each_service<'a>(scope: &Scope<'a>, _: &super::FieldArg, each: &mut dyn FnMut(FieldValue<'a>)) {
    ends(scope)
        .filter_map(|end| service(scope, end))
        .for_each(each);
}

#[expect(clippy::unnecessary_wraps, reason = "every getter returns an option")]
fn service<'a>(scope: &Scope<'a>, address: SocketAddr) -> Option<FieldValue<'a>> {
    Some(FieldValue::Bytes(
        scope.format(format_args!("{}", address.port())),
    ))
}

fn protocol(scope: &Scope<'_>) -> Option<&'static str> {
    super::fd::entry(scope)?;
    let Some(socket) = socket(scope) else {
        return Some("<NA>");
    };
    let unknown_role = socket.role.is_none();
    Some(match (socket.protocol, socket.kind) {
        _ if !matches!(socket.family, AF_INET | AF_INET6) => "<NA>",
        (_, 3) => "raw",
        _ if unknown_role => "<NA>",
        (6, _) | (0, 1) => "tcp",
        (17, _) | (0, 2) => "udp",
        (1 | 58, _) => "icmp",
        _ => "<NA>",
    })
}

fn family(scope: &Scope<'_>) -> Option<&'static str> {
    match super::fd::entry(scope)?.kind? {
        kind if kind.is_internet() => Some("ip"),
        crate::event::FdKind::Unix => Some("unix"),
        _ => None,
    }
}

fn is_server<'a>(scope: &Scope<'_>) -> FieldValue<'a> {
    FieldValue::Bool(socket(scope).is_some_and(|socket| socket.role == Some(Role::Server)))
}

/// `fd.name` of a socket: client and server end, a bound address, or a unix path.
pub(super) fn name<'a>(scope: &Scope<'a>, socket: &SocketFacts<'a>) -> &'a [u8] {
    if socket.family == AF_UNIX {
        return socket
            .unix_path
            .map_or(b"", |path| scope.concat(&[b"0->0 ", path]));
    }
    let (from, to) = match socket.role {
        Some(Role::Server) => (socket.peer, socket.local),
        _ => (socket.local, socket.peer),
    };
    match (from, to) {
        (Some(from), Some(to)) => scope.format(format_args!(
            "{}:{}->{}:{}",
            plain(from),
            from.port(),
            plain(to),
            to.port()
        )),
        (Some(one), None) | (None, Some(one)) => {
            scope.format(format_args!("{}:{}", plain(one), one.port()))
        }
        (None, None) => b"",
    }
}
