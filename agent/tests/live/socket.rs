//! New sockets.

use komainu::event::FdKind;

use crate::{
    Test,
    network::exactly,
    watch::{Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[("socket_of_many_kinds", kinds)];

fn kinds(watch: &mut Watch) {
    let ((child, output), seen) = watch.during(|| perform("make-sockets", &[]));
    let found = exactly(&seen, child, &["socket", "socketpair"]);
    let [tcp, netlink, packet, pair, unknown] = &found;
    let expected = [
        (tcp, Some(FdKind::Ipv4), 2, 1, 0),
        (netlink, Some(FdKind::Netlink), 16, 3, 9),
        (packet, Some(FdKind::Other), 17, 3, 0),
        (pair, Some(FdKind::Unix), 1, 1, 0),
        (unknown, None, 99, 1, 0),
    ];
    for (event, kind, domain, ty, protocol) in expected {
        assert_eq!(event.kind, kind, "{event:?}");
        assert_eq!(event.param("domain"), format!("Uint({domain})"));
        assert_eq!(event.param("type"), format!("Uint({ty})"));
        assert_eq!(event.param("proto"), format!("Uint({protocol})"));
        assert_eq!(
            (event.local, event.role, event.connected && domain != 1),
            (None, None, false)
        );
    }
    // O_NONBLOCK | O_CLOEXEC as rules number them.
    assert_eq!(tcp.param("flags"), format!("Uint({})", 0x1000 | 0x40));
    let numbers: Vec<&str> = output.split_whitespace().collect();
    assert_eq!(pair.param("fd1"), format!("Int({})", numbers[0]));
    assert_eq!(pair.param("fd2"), format!("Int({})", numbers[1]));
    assert_eq!((unknown.ret, unknown.fd), (-97, -1), "EAFNOSUPPORT");
}
