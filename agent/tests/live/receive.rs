//! Received data.

use komainu::event::{FdKind, Role};

use crate::{
    Test,
    network::{LOOPBACK, addresses, exactly, free_port, is_there, plain},
    watch::{Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("receive_over_tcp_knows_the_ends", tcp),
    ("receive_over_udp_without_connection", udp),
    ("receive_messages_in_parts", messages),
    ("receive_that_fails_has_no_data", fails),
];

fn tcp(watch: &mut Watch) {
    for (address, kind) in LOOPBACK {
        if !is_there(address) {
            continue;
        }
        let ((child, output), seen) = watch.during(|| perform("tcp-talk", &[address]));
        let ends = addresses(&output);
        let (server, client) = (Some(plain(ends[0])), Some(plain(ends[1])));
        let [hello, reply] = exactly(&seen, child, &["recvfrom"]);
        assert_eq!((hello.local, hello.peer), (server, client));
        assert_eq!((reply.local, reply.peer), (client, server));
        assert_eq!(hello.role, Some(Role::Server));
        assert_eq!(reply.role, Some(Role::Client));
        for (event, data) in [(&hello, "hello"), (&reply, "reply")] {
            assert_eq!((event.ret, event.kind), (5, Some(kind)));
            assert_eq!(event.data.as_deref(), Some(data));
            assert_eq!(event.param("size"), "Uint(64)");
        }
        let source = format!("source: {:?}", plain(ends[1]));
        assert!(hello.param("tuple").contains(&source), "{hello:?}");
    }
}

fn udp(watch: &mut Watch) {
    for (address, _) in LOOPBACK {
        if !is_there(address) {
            continue;
        }
        let address = free_port(address);
        let ((child, output), seen) = watch.during(|| perform("udp-talk", &[&address]));
        let server = Some(plain(address.parse().unwrap()));
        let client = Some(plain(addresses(&output)[0]));
        let [hello, reply] = exactly(&seen, child, &["recvfrom"]);
        assert_eq!((hello.local, hello.peer), (server, client));
        assert_eq!((reply.local, reply.peer), (client, server));
        assert_eq!(hello.role, Some(Role::Server), "its port was chosen");
        assert_eq!(reply.role, Some(Role::Client));
    }
}

fn messages(watch: &mut Watch) {
    let ((child, output), seen) = watch.during(|| perform("messages", &["3"]));
    let [to, from] = addresses(&output)[..] else {
        panic!("{output}");
    };
    let received: [_; 4] = exactly(&seen, child, &["recvmsg", "recvmmsg"]);
    for (event, name) in received
        .iter()
        .zip(["recvmsg", "recvmmsg", "recvmmsg", "recvmmsg"])
    {
        assert_eq!((event.name, event.ret), (name, 8));
        assert_eq!((event.local, event.peer), (Some(to), Some(from)));
        assert_eq!(event.kind, Some(FdKind::Ipv4));
        assert_eq!(event.data.as_deref(), Some("first,xx"), "both parts");
        assert_eq!(event.param("size"), "Uint(8)");
    }
}

fn fails(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("refusals", &[]));
    let [found] = exactly(&seen, child, &["recvfrom"]);
    assert_eq!(found.ret, -107, "ENOTCONN");
    assert_eq!(found.data.as_deref(), Some(""));
    assert!(!found.connected);
}
