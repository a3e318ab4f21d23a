//! Sent data.

use komainu::event::{FdKind, Role};
use komainu_common::Class;

use crate::{
    Test,
    network::{LOOPBACK, addresses, events, exactly, free_port, is_there, plain},
    watch::{Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("send_over_tcp_knows_the_ends", tcp),
    ("send_over_udp_without_connection", udp),
    ("send_messages_in_parts", messages),
    ("send_more_messages_than_are_reported", too_many),
    #[cfg(target_arch = "x86_64")]
    ("send_through_socketcall", socketcalls),
];

fn tcp(watch: &mut Watch) {
    for (address, kind) in LOOPBACK {
        if !is_there(address) {
            continue;
        }
        let ((child, output), seen) = watch.during(|| perform("tcp-talk", &[address]));
        let ends = addresses(&output);
        let (server, client) = (Some(plain(ends[0])), Some(plain(ends[1])));
        let [hello, reply] = exactly(&seen, child, &["sendto"]);
        assert_eq!((hello.local, hello.peer), (client, server));
        assert_eq!((reply.local, reply.peer), (server, client));
        assert_eq!(hello.role, Some(Role::Client));
        assert_eq!(reply.role, Some(Role::Server));
        for (event, data) in [(&hello, "hello"), (&reply, "reply")] {
            assert_eq!((event.ret, event.kind), (5, Some(kind)));
            assert_eq!(event.data.as_deref(), Some(data));
            assert_eq!(event.param("size"), "Uint(5)");
            assert!(event.connected);
        }
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
        let [hello, reply] = exactly(&seen, child, &["sendto"]);
        assert_eq!((hello.local, hello.peer), (client, server));
        assert_eq!((reply.local, reply.peer), (server, client));
        assert_eq!(hello.role, Some(Role::Client));
        assert_eq!(reply.role, Some(Role::Server), "its port was chosen");
        assert!(hello.connected && reply.connected, "a successful send");
    }
}

fn messages(watch: &mut Watch) {
    let ((child, output), seen) = watch.during(|| perform("messages", &["3"]));
    let [to, from] = addresses(&output)[..] else {
        panic!("{output}");
    };
    let sent: [_; 4] = exactly(&seen, child, &["sendmsg", "sendmmsg"]);
    for (event, name) in sent
        .iter()
        .zip(["sendmsg", "sendmmsg", "sendmmsg", "sendmmsg"])
    {
        assert_eq!((event.name, event.ret), (name, 106));
        assert_eq!((event.local, event.peer), (Some(from), Some(to)));
        assert_eq!(event.kind, Some(FdKind::Ipv4));
        assert_eq!(event.param("size"), "Uint(106)");
        let expected = format!("first,{}", "x".repeat(74));
        assert_eq!(event.data, Some(expected), "80 bytes");
    }
}

fn too_many(watch: &mut Watch) {
    let lost = |watch: &Watch| -> u64 {
        let counters = watch.kernel.counters().unwrap();
        let row = counters.iter().find(|row| row.class == Class::SEND);
        row.unwrap().counters.lost_internal
    };
    let before = lost(watch);
    let ((child, _), seen) = watch.during(|| perform("messages", &["11"]));
    assert_eq!(events(&seen, child, &["sendmmsg"]).len(), 8);
    assert_eq!(events(&seen, child, &["recvmmsg"]).len(), 8);
    assert_eq!(lost(watch) - before, 3);
}

#[cfg(target_arch = "x86_64")]
fn socketcalls(watch: &mut Watch) {
    let ((child, output), seen) = watch.during(|| perform("socketcalls", &[]));
    let port: u16 = output.trim().parse().unwrap();
    let receiver = Some(([127, 0, 0, 1], port).into());
    let found: [_; 11] = exactly(
        &seen,
        child,
        &["socket", "bind", "sendto", "sendmsg", "connect", "recvfrom"],
    );
    let names = found.each_ref().map(|event| event.name);
    // The second socket is a native one that finds a free port.
    let expected = [
        "socket", "socket", "bind", "bind", "socket", "sendto", "sendmsg", "sendmsg", "connect",
        "sendto", "recvfrom",
    ];
    assert_eq!(names, expected);
    assert_eq!((found[3].ret, found[3].local), (0, receiver));
    for event in &found[5..10] {
        assert_eq!(event.peer, receiver, "{event:?}");
        assert_eq!(event.role, Some(Role::Client));
        assert!(event.name == "connect" || event.data.as_deref() == Some("data"));
    }
    let received = &found[10];
    assert_eq!((received.ret, received.local), (4, receiver));
    assert_eq!(received.data.as_deref(), Some("data"));
}
