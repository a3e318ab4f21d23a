//! Acts with sockets, on the loopback interface. Each does both ends of a conversation.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_ptr_alignment,
    reason = "registers and memory of a 32-bit program are written as it sees them"
)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream},
    },
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, netlink, recv, send,
    socket, socketpair,
};

use crate::raw::{number_of, syscall_native};

/// A conversation over TCP: `hello` there, `reply` back. Prints the client's address.
pub(super) fn tcp_talk(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    let mut buffer = [0; 64];
    client.write_all(b"hello").unwrap();
    assert_eq!(server.read(&mut buffer).unwrap(), 5);
    server.write_all(b"reply").unwrap();
    assert_eq!(client.read(&mut buffer).unwrap(), 5);
    println!("{} {peer}", listener.local_addr().unwrap());
}

/// The same over UDP without connections; the server's port is the one given.
pub(super) fn udp_talk(address: &str) {
    let server = UdpSocket::bind(address).unwrap();
    let any: SocketAddr = address.parse().unwrap();
    let client = UdpSocket::bind((any.ip(), 0)).unwrap();
    let mut buffer = [0; 64];
    client.send_to(b"hello", address).unwrap();
    let (_, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(b"reply", from).unwrap();
    client.recv_from(&mut buffer).unwrap();
    println!("{from}");
}

/// A conversation over a unix socket; a name with `@` in front is abstract.
pub(super) fn unix_talk(name: &str) {
    let address = match name.strip_prefix('@') {
        Some(name) => UnixAddr::from_abstract_name(name).unwrap(),
        None => UnixAddr::from_pathname(name).unwrap(),
    };
    let listener = UnixListener::bind_addr(&address).unwrap();
    let client = UnixStream::connect_addr(&address).unwrap();
    let server = accept_with(&listener, SocketFlags::CLOEXEC).unwrap();
    let mut buffer = [0; 64];
    send(&client, b"hello", SendFlags::empty()).unwrap();
    recv(&server, &mut buffer, RecvFlags::empty()).unwrap();
}

/// Sockets of many kinds; then what cannot be made.
pub(super) fn make_sockets() {
    let raw = SocketType::RAW;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let stream = SocketType::STREAM;
    drop(rustix::net::socket_with(AddressFamily::INET, stream, flags, None).unwrap());
    drop(socket(AddressFamily::NETLINK, raw, Some(netlink::AUDIT)).unwrap());
    drop(socket(AddressFamily::PACKET, raw, None).unwrap());
    let none = SocketFlags::empty();
    let (one, two) = socketpair(AddressFamily::UNIX, stream, none, None).unwrap();
    println!("{} {}", one.as_raw_fd(), two.as_raw_fd());
    socket(AddressFamily::from_raw(99), stream, None).unwrap_err();
}

/// Nobody is there to accept, the port is taken, nobody receives.
pub(super) fn refusals() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener.accept().unwrap_err();
    TcpListener::bind(listener.local_addr().unwrap()).unwrap_err();
    let mut buffer = [0; 8];
    recv(&listener, &mut buffer, RecvFlags::empty()).unwrap_err();
    // SAFETY: no memory is involved; -1 is no descriptor.
    let ret = unsafe { syscall_native(number_of("listen"), [u64::MAX, 5, 0, 0, 0, 0]) };
    assert_eq!(ret, -9, "EBADF");
    println!("{}", listener.local_addr().unwrap());
}

/// `struct msghdr` with one address, parts and control messages, as words.
fn header(name: u64, name_len: u64, parts: &[[u64; 2]], control: &mut [u64]) -> [u64; 7] {
    let control_len = u64::try_from(size_of_val(control)).unwrap();
    let count = parts.len() as u64;
    let control = control.as_mut_ptr() as u64;
    [
        name,
        name_len,
        parts.as_ptr() as u64,
        count,
        control,
        control_len,
        0,
    ]
}

/// IPv4 address as `struct sockaddr_in`.
fn sockaddr(address: SocketAddr) -> [u8; 16] {
    let SocketAddr::V4(address) = address else {
        panic!("IPv4 only");
    };
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&2_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[4..8].copy_from_slice(&address.ip().octets());
    bytes
}

fn part(bytes: &[u8]) -> [u64; 2] {
    [bytes.as_ptr() as u64, bytes.len() as u64]
}

/// Datagrams by `sendmsg`, `recvmsg`, `sendmmsg` and `recvmmsg`, in two parts each; `messages` of
/// them in one call. Prints the addresses of receiver and sender.
pub(super) fn messages(messages: usize) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (to, from) = (receiver.local_addr().unwrap(), sender.local_addr().unwrap());
    let name = sockaddr(to);
    let long = [b'x'; 100];
    let sent = [part(b"first,"), part(&long)];
    let mut came = [0; 16];
    let buffers = [[0_u8; 4], [0; 4]];
    let received = [part(&buffers[0]), part(&buffers[1])];
    let fds = [sender.as_raw_fd() as u64, receiver.as_raw_fd() as u64];
    let came_name = (&raw mut came) as u64;
    let mut out = header(name.as_ptr() as u64, 16, &sent, &mut []);
    let mut back = header(came_name, 16, &received, &mut []);
    let mut many_out = vec![[0; 8]; messages];
    let mut many_back = many_out.clone();
    for (message, header) in [(&mut many_out, out), (&mut many_back, back)] {
        for slot in message.iter_mut() {
            slot[..7].copy_from_slice(&header);
        }
    }
    let count = messages as u64;
    // SAFETY: headers, names and parts live until the calls return, and have the lengths they say.
    unsafe {
        assert_eq!(
            syscall_native(
                number_of("sendmsg"),
                [fds[0], (&raw mut out) as u64, 0, 0, 0, 0]
            ),
            106
        );
        assert_eq!(
            syscall_native(
                number_of("recvmsg"),
                [fds[1], (&raw mut back) as u64, 0, 0, 0, 0]
            ),
            8
        );
        let sent = syscall_native(
            number_of("sendmmsg"),
            [fds[0], many_out.as_mut_ptr() as u64, count, 0, 0, 0],
        );
        assert_eq!(sent, count.cast_signed());
        let received = syscall_native(
            number_of("recvmmsg"),
            [fds[1], many_back.as_mut_ptr() as u64, count, 0, 0, 0],
        );
        assert_eq!(received, count.cast_signed());
    }
    println!("{to} {from}");
}
