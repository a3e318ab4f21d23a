//! Sockets that others can reach.

use komainu::event::{FdKind, Role};

use crate::{
    Test,
    network::{LOOPBACK, addresses, exactly, is_there, plain},
    watch::{Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("listen_bind_over_every_family", tcp),
    ("listen_that_fails", fails),
];

fn tcp(watch: &mut Watch) {
    for (address, _) in LOOPBACK {
        if !is_there(address) {
            continue;
        }
        let ((child, output), seen) = watch.during(|| perform("tcp-talk", &[address]));
        let [bind, listen] = exactly(&seen, child, &["bind", "listen"]);
        let own = plain(addresses(&output)[0]);
        for event in [&bind, &listen] {
            assert_eq!((event.ret, event.local, event.peer), (0, Some(own), None));
            assert_eq!(event.role, Some(Role::Server));
            assert!(!event.connected);
        }
        assert!(bind.param("addr").contains(":0"), "as passed: {bind:?}");
        assert_ne!(listen.param("backlog"), "Int(0)");
    }
}

fn fails(watch: &mut Watch) {
    let ((child, output), seen) = watch.during(|| perform("refusals", &[]));
    let [_, _, taken, stray] = exactly(&seen, child, &["bind", "listen"]);
    assert_eq!((taken.name, taken.ret), ("bind", -98), "EADDRINUSE");
    let address = format!("Addr({})", output.trim());
    assert_eq!(taken.param("addr"), address);
    assert_eq!((taken.kind, taken.role), (Some(FdKind::Ipv4), None));
    assert_eq!((stray.name, stray.ret, stray.fd), ("listen", -9, -1));
    assert_eq!((stray.kind, stray.param("backlog")), (None, "Int(5)"));
}
