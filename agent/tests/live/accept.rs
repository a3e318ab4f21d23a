//! Accepted connections.

use komainu::event::{FdKind, Role};

use crate::{
    Test,
    network::{LOOPBACK, addresses, exactly, is_there, plain},
    watch::{Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("accept_tcp_over_every_family", tcp),
    ("accept_unix_path_and_abstract", unix),
    ("accept_that_would_wait", would_wait),
];

fn tcp(watch: &mut Watch) {
    for (address, kind) in LOOPBACK {
        if !is_there(address) {
            continue;
        }
        let ((child, output), seen) = watch.during(|| perform("tcp-talk", &[address]));
        let [found] = exactly(&seen, child, &["accept", "accept4"]);
        let ends = addresses(&output);
        assert_eq!(found.local, Some(plain(ends[0])));
        assert_eq!(found.peer, Some(plain(ends[1])));
        assert_eq!((found.kind, found.role), (Some(kind), Some(Role::Server)));
        assert_eq!((found.name, found.fd), ("accept4", found.ret));
        assert!(found.connected && found.ret > 2);
        let source = format!("source: {:?}", plain(ends[1]));
        assert!(found.param("tuple").contains(&source), "{found:?}");
        assert_ne!(found.param("queuemax"), "Uint(0)");
        assert_eq!(found.param("flags"), "Int(524288)", "SOCK_CLOEXEC");
    }
}

fn unix(watch: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let path = path.to_str().unwrap();
    let unique = format!("komainu-{}", std::process::id());
    for (name, expected) in [
        (path.to_owned(), path.to_owned()),
        (format!("@{unique}"), format!("\0{unique}")),
    ] {
        let ((child, _), seen) = watch.during(|| perform("unix-talk", &[&name]));
        let [bind, accept, send] = exactly(&seen, child, &["bind", "accept4", "sendto"]);
        for event in [&bind, &accept, &send] {
            assert_eq!(event.path.as_ref(), Some(&expected), "{event:?}");
            assert_eq!(event.kind, Some(FdKind::Unix));
        }
        let [receive] = exactly(&seen, child, &["recvfrom"]);
        assert_eq!(receive.data.as_deref(), Some("hello"));
        assert_eq!(receive.path, Some(expected), "its own, the peer has none");
    }
}

fn would_wait(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| perform("refusals", &[]));
    let [found] = exactly(&seen, child, &["accept4"]);
    assert_eq!((found.ret, found.fd, found.kind), (-11, -1, None));
}
