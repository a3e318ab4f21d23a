//! Tests of decoding network events: made records in, events out.

use komainu_common::{
    Class,
    accept::Accept,
    arch::{Numbers, THIS, native},
    header::HEADER_COMPAT,
    item::tag,
    listen::Listen,
    receive::Receive,
    send::Send,
    sock::{SOCK_ACCEPTED, SOCK_BOUND, SOCK_RESOLVED, Sock},
    socket::Socket,
};
use proptest::prelude::*;
use zerocopy::FromZeros as _;

use super::{
    sock,
    tests::{check_event, record, value},
};
use crate::event::{FdKind, Role, Tuple, Value};

/// `127.0.0.1:9000` and its peer `10.0.0.1:443`, over TCP.
fn tcp() -> Sock {
    let mut sock = Sock::new_zeroed();
    sock.family = 2;
    sock.kind = 1;
    sock.protocol = 6;
    sock.state = 1;
    sock.local[..4].copy_from_slice(&[127, 0, 0, 1]);
    sock.local_port = 9000;
    sock.peer[..4].copy_from_slice(&[10, 0, 0, 1]);
    sock.peer_port = 443;
    sock.facts = SOCK_RESOLVED;
    sock
}

fn udp() -> Sock {
    let mut sock = tcp();
    sock.kind = 2;
    sock.protocol = 17;
    sock.state = 7;
    sock.peer = [0; 16];
    sock.peer_port = 0;
    sock
}

/// `10.0.0.2:53` as `struct sockaddr_in`.
const ASKED: &[u8] = &[2, 0, 0, 53, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];

fn send(sock: Sock) -> Send {
    let mut send = Send::new_zeroed();
    send.sock = sock;
    send.fd = 4;
    send.size = 100;
    send
}

#[test]
fn parameters_of_sends_are_in_the_order_of_the_table() {
    let without_address = Numbers::of(THIS.compat, &["send", "SYS_SEND"])
        .first()
        .unwrap();
    for (number, flags, name) in [
        (native("sendto"), 0, "sendto"),
        (native("sendmsg"), 0, "sendmsg"),
        (native("sendmmsg"), 0, "sendmmsg"),
        (without_address, HEADER_COMPAT, "sendto"),
    ] {
        let items: [(u8, u8, &[u8]); 1] = [(tag::DATA, 0, b"data")];
        let mut bytes = record(Class::SEND, number, 100, &send(tcp()), &items);
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        check_event(&bytes, |event| {
            assert_eq!(event.ty.name, name);
            assert_eq!(value(event, "res"), Value::Int(100));
            assert_eq!(value(event, "fd"), Value::Int(4));
            assert_eq!(value(event, "size"), Value::Uint(100));
            assert_eq!(value(event, "data"), Value::Bytes(b"data"));
            let source = "127.0.0.1:9000".parse().unwrap();
            let destination = "10.0.0.1:443".parse().unwrap();
            let tuple = Tuple::Ip {
                source,
                destination,
            };
            assert_eq!(value(event, "tuple"), Value::Tuple(tuple));
        });
    }
}

#[test]
fn parameters_of_receives_are_in_the_order_of_the_table() {
    let mut receive = Receive::new_zeroed();
    receive.sock = tcp();
    receive.fd = 4;
    receive.size = 64;
    for (number, name) in [
        (native("recvfrom"), "recvfrom"),
        (native("recvmsg"), "recvmsg"),
        (native("recvmmsg"), "recvmmsg"),
    ] {
        let items: [(u8, u8, &[u8]); 2] = [(tag::DATA, 0, b"data"), (tag::CONTROL, 0, b"ctl")];
        let bytes = record(Class::RECEIVE, number, 4, &receive, &items);
        check_event(&bytes, |event| {
            assert_eq!(event.ty.name, name);
            assert_eq!(value(event, "res"), Value::Int(4));
            assert_eq!(value(event, "fd"), Value::Int(4));
            assert_eq!(value(event, "size"), Value::Uint(64));
            assert_eq!(value(event, "data"), Value::Bytes(b"data"));
            if name != "recvfrom" {
                assert_eq!(value(event, "msgcontrol"), Value::Bytes(b"ctl"));
            }
            let source = "10.0.0.1:443".parse().unwrap();
            let destination = "127.0.0.1:9000".parse().unwrap();
            let tuple = Tuple::Ip {
                source,
                destination,
            };
            assert_eq!(value(event, "tuple"), Value::Tuple(tuple));
        });
    }
}

#[test]
fn the_role_of_a_sender_comes_from_its_socket() {
    let mut accepted = tcp();
    accepted.facts |= SOCK_ACCEPTED;
    let mut bound = udp();
    bound.facts |= SOCK_BOUND;
    let mut connected = bound;
    connected.state = 1;
    for (sock, role) in [
        (tcp(), Role::Client),
        (accepted, Role::Server),
        (udp(), Role::Client),
        (bound, Role::Server),
        (connected, Role::Client),
    ] {
        let bytes = record(Class::SEND, native("sendto"), 1, &send(sock), &[]);
        check_event(&bytes, |event| {
            let socket = event.fd.as_ref().unwrap().socket.unwrap();
            assert_eq!(socket.role, Some(role), "{sock:?}");
        });
    }
}

#[test]
fn an_address_passed_is_the_peer_of_datagrams_only() {
    for (sock, peer) in [(udp(), "10.0.0.2:53"), (tcp(), "10.0.0.1:443")] {
        let items = [(tag::USER_ADDR, 0, ASKED)];
        let bytes = record(Class::SEND, native("sendto"), -1, &send(sock), &items);
        check_event(&bytes, |event| {
            let socket = event.fd.as_ref().unwrap().socket.unwrap();
            assert_eq!(socket.peer, Some(peer.parse().unwrap()));
            assert_eq!(socket.connected, sock.state == 1);
        });
    }
}

#[test]
fn a_failed_accept_makes_no_descriptor() {
    let mut accept = Accept::new_zeroed();
    accept.sock = tcp();
    accept.queue_len = 3;
    accept.queue_max = 4;
    for (ret, number) in [(-11, native("accept")), (7, native("accept4"))] {
        let bytes = record(Class::ACCEPT, number, ret, &accept, &[]);
        check_event(&bytes, |event| {
            let fd = event.fd.as_ref().unwrap();
            assert_eq!(value(event, "fd"), Value::Int(ret));
            assert_eq!(value(event, "queuepct"), Value::Uint(75));
            assert_eq!(fd.number, ret.max(-1));
            assert_eq!(fd.kind, (ret > 0).then_some(FdKind::Ipv4));
            assert_eq!(value(event, "tuple") == Value::Absent, ret < 0);
        });
    }
}

#[test]
fn an_unbound_socket_has_no_name_and_no_role() {
    let mut listen = Listen::new_zeroed();
    listen.sock = tcp();
    listen.sock.peer = [0; 16];
    listen.sock.peer_port = 0;
    for (port, is_bound) in [(9000, true), (0, false)] {
        listen.sock.local_port = port;
        let items = [(tag::USER_ADDR, 0, ASKED)];
        let bytes = record(Class::LISTEN, native("bind"), 0, &listen, &items);
        check_event(&bytes, |event| {
            let socket = event.fd.as_ref().unwrap().socket.unwrap();
            assert_eq!(socket.local.is_some(), is_bound);
            assert_eq!(socket.role, is_bound.then_some(Role::Server));
            let asked = "10.0.0.2:53".parse().unwrap();
            assert_eq!(value(event, "addr"), Value::Addr(asked));
        });
    }
}

#[test]
fn the_type_of_a_socket_is_split_from_its_flags() {
    let mut made = Socket::new_zeroed();
    made.kind = 2 | 0o2_000_000;
    made.fd = 5;
    let bytes = record(Class::SOCKET, native("socket"), 5, &made, &[]);
    check_event(&bytes, |event| {
        assert_eq!(value(event, "type"), Value::Uint(2));
        assert_eq!(value(event, "flags"), Value::Uint(0x1000), "O_CLOEXEC");
    });
}

proptest! {
    /// Whatever the kernel says of a socket, both directions name the same two ends.
    #[test]
    fn a_tuple_reversed_is_the_other_direction(local: [u8; 4], peer: [u8; 4], port in 1_u16..) {
        let mut facts = tcp();
        facts.local[..4].copy_from_slice(&local);
        facts.peer[..4].copy_from_slice(&peer);
        facts.peer_port = port;
        let socket = sock::facts(&facts, &super::Items::default());
        let ends = |direction| match sock::tuple(&socket, direction) {
            Value::Tuple(Tuple::Ip { source, destination }) => Some((source, destination)),
            _ => None,
        };
        let (from, to) = ends(sock::Direction::In).unwrap();
        prop_assert_eq!(ends(sock::Direction::Out), Some((to, from)));
        prop_assert_eq!(to.ip().to_string(), std::net::Ipv4Addr::from(local).to_string());
    }
}
