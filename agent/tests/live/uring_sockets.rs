//! Sockets, used through an `io_uring`.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::{AsRawFd as _, FromRawFd as _},
};

use komainu::event::Role;
use komainu_common::header::{HEADER_IO_URING, HEADER_UNFINISHED};

use crate::{
    Test,
    network::{Network, addresses, network},
    ring::{ACCEPT, BIND, LISTEN, Operation, RECV, RECVMSG, Ring, SEND, SENDMSG, SHUTDOWN, SOCKET},
    uring::{available, sockaddr},
    watch::{Seen, Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("uring_server_is_a_server", server_is_a_server),
    ("uring_datagram_has_an_address", datagram_has_an_address),
    ("uring_accept_of_many_is_told_at_once", accept_of_many),
];

/// `SOCK_CLOEXEC` of `accept4(2)`, `IORING_ACCEPT_MULTISHOT`.
const CLOEXEC: u32 = 0o2_000_000;
const MULTISHOT: u16 = 1;

/// `struct iovec` and `struct msghdr`.
#[repr(C)]
struct Part(*mut u8, usize);
#[repr(C)]
struct MessageHeader {
    name: u64,
    name_len: u64,
    parts: *const Part,
    count: usize,
    control: [u64; 3],
}

fn header(part: &Part) -> MessageHeader {
    MessageHeader {
        name: 0,
        name_len: 0,
        parts: part,
        count: 1,
        control: [0; 3],
    }
}

fn operation(opcode: u8, fd: i32, address: u64, len: usize) -> Operation {
    Operation {
        opcode,
        fd,
        address,
        len: u32::try_from(len).unwrap(),
        ..Operation::default()
    }
}

fn one(ring: &mut Ring, operation: Operation) -> i32 {
    ring.run(&[operation])[0]
}

/// A listener made by operations only; `None` where the kernel has not all of them (6.11).
fn listen(ring: &mut Ring) -> Option<TcpListener> {
    let made = one(
        ring,
        Operation {
            opcode: SOCKET,
            fd: 2,
            offset: 1,
            ..Operation::default()
        },
    );
    assert!(made >= 0, "socket: {made}");
    // SAFETY: just made, owned here.
    let listener = unsafe { TcpListener::from_raw_fd(made) };
    let address = sockaddr("127.0.0.1:0".parse().unwrap());
    let bind = Operation {
        offset: address.len() as u64,
        ..operation(BIND, made, address.as_ptr() as u64, 0)
    };
    if one(ring, bind) != 0 {
        return None;
    }
    assert_eq!(one(ring, operation(LISTEN, made, 0, 5)), 0);
    Some(listener)
}

/// `uring-talk`: a server that only uses a ring; prints its address and the client's, or nothing.
pub(crate) fn act_talk() {
    let mut ring = Ring::new().unwrap();
    let Some(listener) = listen(&mut ring) else {
        return;
    };
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accept = Operation {
        op_flags: CLOEXEC,
        ..operation(ACCEPT, listener.as_raw_fd(), 0, 0)
    };
    let server = one(&mut ring, accept);
    let (to, from) = (client.as_raw_fd(), server);
    let mut buffer = [0_u8; 64];
    let (mut hello, mut reply) = (*b"hello", *b"reply");
    assert_eq!(
        one(&mut ring, operation(SEND, to, hello.as_ptr() as u64, 5)),
        5
    );
    let receive = operation(RECV, from, buffer.as_mut_ptr() as u64, buffer.len());
    assert_eq!(one(&mut ring, receive), 5);
    let part = Part(reply.as_mut_ptr(), 5);
    let message = header(&part);
    let send = operation(SENDMSG, from, (&raw const message) as u64, 1);
    assert_eq!(one(&mut ring, send), 5);
    let part = Part(hello.as_mut_ptr(), 5);
    let message = header(&part);
    let receive = operation(RECVMSG, to, (&raw const message) as u64, 1);
    assert_eq!(one(&mut ring, receive), 5);
    assert_eq!(one(&mut ring, operation(SHUTDOWN, from, 0, 1)), 0);
    println!(
        "{} {}",
        listener.local_addr().unwrap(),
        client.local_addr().unwrap()
    );
}

/// `uring-datagram`: prints the address sent to.
pub(crate) fn act_datagram() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap();
    let address = sockaddr(to);
    let send = Operation {
        offset: address.as_ptr() as u64,
        // `addr_len`.
        file_index: u32::try_from(address.len()).unwrap(),
        ..operation(SEND, sender.as_raw_fd(), b"hello".as_ptr() as u64, 5)
    };
    assert_eq!(one(&mut Ring::new().unwrap(), send), 5);
    println!("{to}");
}

/// `uring-accept-many`: submits an accept that never ends.
pub(crate) fn act_accept_many() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accept = Operation {
        ioprio: MULTISHOT,
        ..operation(ACCEPT, listener.as_raw_fd(), 0, 0)
    };
    Ring::new().unwrap().submit(&[accept]);
}

/// Events through a ring, with the flags of their records.
fn through_ring(seen: &Seen, child: u32) -> Vec<(u16, Network)> {
    seen.of(child, |decoded| {
        let flags = decoded.header.flags & (HEADER_IO_URING | HEADER_UNFINISHED);
        let event = network(decoded).filter(|_| flags != 0)?;
        Some((flags, event))
    })
}

fn server_is_a_server(watch: &mut Watch) {
    if !available() {
        return;
    }
    let ((child, output), seen) = watch.during(|| perform("uring-talk", &[]));
    let [server, client] = addresses(&output)[..] else {
        println!("left out: this kernel's rings cannot bind");
        return;
    };
    let found = through_ring(&seen, child);
    let names: Vec<&str> = found.iter().map(|(_, event)| event.name).collect();
    let expected = [
        "socket", "bind", "listen", "accept4", "sendto", "recvfrom", "sendmsg", "recvmsg",
        "shutdown",
    ];
    assert_eq!(names, expected);
    assert!(found.iter().all(|(flags, _)| *flags == HEADER_IO_URING));
    let events: Vec<&Network> = found.iter().map(|(_, event)| event).collect();
    let [
        socket,
        bind,
        listen,
        accept,
        send,
        receive,
        reply,
        answer,
        shutdown,
    ] = events[..]
    else {
        panic!("{events:#?}");
    };
    assert_eq!((socket.ret, socket.param("domain")), (socket.fd, "Uint(2)"));
    assert_eq!((bind.fd, bind.local), (socket.fd, Some(server)));
    assert_eq!(
        (listen.local, listen.param("backlog")),
        (Some(server), "Int(5)")
    );
    let ends = (Some(server), Some(client), Some(Role::Server));
    assert_eq!((accept.local, accept.peer, accept.role), ends);
    assert_eq!(
        (accept.ret, accept.param("flags")),
        (accept.fd, "Int(524288)")
    );
    assert_eq!((send.local, send.peer), (Some(client), Some(server)));
    assert_eq!((send.ret, send.data.as_deref()), (5, Some("hello")));
    assert_eq!((receive.local, receive.peer, receive.role), ends);
    assert_eq!((receive.ret, receive.data.as_deref()), (5, Some("hello")));
    assert_eq!(receive.param("size"), "Uint(64)");
    assert_eq!((reply.local, reply.peer, reply.role), ends);
    assert_eq!((reply.ret, reply.data.as_deref()), (5, Some("reply")));
    assert_eq!((answer.ret, answer.data.as_deref()), (5, Some("reply")));
    assert_eq!((shutdown.fd, shutdown.param("how")), (accept.fd, "Uint(1)"));
    assert_eq!(
        (shutdown.local, shutdown.peer),
        (Some(server), Some(client))
    );
}

fn datagram_has_an_address(watch: &mut Watch) {
    if !available() {
        return;
    }
    let ((child, output), seen) = watch.during(|| perform("uring-datagram", &[]));
    let found = through_ring(&seen, child);
    let [(_, send)] = &found[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (send.name, send.peer),
        ("sendto", Some(addresses(&output)[0]))
    );
}

fn accept_of_many(watch: &mut Watch) {
    if !available() {
        return;
    }
    let ((child, _), seen) = watch.during(|| perform("uring-accept-many", &[]));
    let found = through_ring(&seen, child);
    let [(flags, accept)] = &found[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(accept.name, "accept4");
    assert_eq!(*flags, HEADER_IO_URING | HEADER_UNFINISHED);
}
