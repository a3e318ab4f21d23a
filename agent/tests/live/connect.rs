//! Connected sockets.

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::net::UnixListener,
};

use komainu::{decode::Decoded, event::FdKind};

use crate::{
    Test,
    watch::{Watch, perform, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("connect_tcp_over_ipv4_and_ipv6", tcp),
    ("connect_udp", udp),
    ("connect_that_is_refused_keeps_the_address", refused),
    ("connect_without_waiting", without_waiting),
    ("connect_unix", unix),
];

#[expect(clippy::struct_field_names, reason = "the field of the socket facts")]
#[derive(Debug, PartialEq)]
struct Connected {
    ret: i64,
    kind: Option<FdKind>,
    protocol: u16,
    peer: Option<SocketAddr>,
    local_port: Option<u16>,
    connected: bool,
    path: Option<String>,
}

fn connected(decoded: &Decoded<'_>) -> Option<Connected> {
    let event = decoded.event.as_ref()?;
    let fd = event.fd.as_ref().filter(|_| event.ty.name == "connect")?;
    let socket = fd.socket.as_ref()?;
    Some(Connected {
        ret: event.ret?,
        kind: fd.kind,
        protocol: socket.protocol,
        peer: socket.peer,
        local_port: socket.local.map(|local| local.port()),
        connected: socket.connected,
        path: socket.unix_path.map(text),
    })
}

/// A listening socket, or `None` where the machine has no such address family.
fn listen(address: &str) -> Option<(TcpListener, String)> {
    match TcpListener::bind(address) {
        Ok(listener) => {
            let bound = listener.local_addr().unwrap().to_string();
            Some((listener, bound))
        }
        Err(error) => {
            println!("left out: cannot listen on {address}: {error}");
            None
        }
    }
}

fn tcp(watch: &mut Watch) {
    for (address, kind) in [("127.0.0.1:0", FdKind::Ipv4), ("[::1]:0", FdKind::Ipv6)] {
        let Some((listener, address)) = listen(address) else {
            continue;
        };
        let ((child, _), seen) = watch.during(|| perform("connect-tcp", &[&address]));
        let found = seen.one(child, connected);
        let (_, client) = listener.accept().unwrap();
        assert_eq!(found.peer, Some(address.parse().unwrap()));
        assert_eq!(found.local_port, Some(client.port()));
        assert_eq!((found.ret, found.kind, found.protocol), (0, Some(kind), 6));
        assert!(found.connected);
    }
}

fn udp(watch: &mut Watch) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let ((child, _), seen) = watch.during(|| perform("connect-udp", &[&address.to_string()]));
    let found = seen.one(child, connected);
    assert_eq!(
        (found.ret, found.protocol, found.peer),
        (0, 17, Some(address))
    );
}

fn refused(watch: &mut Watch) {
    let Some((listener, address)) = listen("127.0.0.1:0") else {
        return;
    };
    drop(listener);
    let ((child, _), seen) = watch.during(|| perform("connect-tcp", &[&address]));
    let found = seen.one(child, connected);
    assert_eq!(found.ret, -111, "ECONNREFUSED");
    assert_eq!(found.peer, Some(address.parse().unwrap()));
    assert!(!found.connected);
}

fn without_waiting(watch: &mut Watch) {
    let Some((listener, address)) = listen("127.0.0.1:0") else {
        return;
    };
    let ((child, output), seen) = watch.during(|| perform("connect-nonblocking", &[&address]));
    drop(listener);
    assert_eq!(output.trim(), "115", "EINPROGRESS");
    let found = seen.one(child, connected);
    assert_eq!((found.ret, found.connected), (-115, true));
    assert_eq!(found.peer, Some(address.parse().unwrap()));
}

fn unix(watch: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let path = path.to_str().unwrap();
    let ((child, _), seen) = watch.during(|| perform("connect-unix", &[path]));
    let found = seen.one(child, connected);
    assert_eq!((found.ret, found.kind), (0, Some(FdKind::Unix)));
    assert_eq!(found.path.as_deref(), Some(path));
}
