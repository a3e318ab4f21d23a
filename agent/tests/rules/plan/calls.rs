//! Random calls, near to what random conditions name.

use std::net::SocketAddr;

use komainu::event::flags::{O_DIRECTORY, O_TMPFILE};
use komainu_common::open::{OPEN_CREATED, OPEN_LOWER_LAYER, OPEN_UPPER_LAYER};
use komainu_common::sock::SOCK_RESOLVED;
use proptest::prelude::*;
use proptest::sample::select;

use super::kernel::{Call, ConnectCall, KINDS, OpenCall, What};
use super::random::{ODD_PATHS, PATHS};

fn file_path() -> BoxedStrategy<Option<String>> {
    let long = Just(format!("/etc/{}", "x".repeat(200)));
    prop_oneof![
        6 => select(PATHS).prop_map(|path| Some(path.to_owned())),
        4 => select(ODD_PATHS).prop_map(|path| Some(path.to_owned())),
        1 => long.prop_map(Some),
        1 => Just(None),
    ]
    .boxed()
}

fn open() -> BoxedStrategy<What> {
    let resolved = prop_oneof![
        8 => select(PATHS).prop_map(str::to_owned),
        1 => select(vec!["memfd:x", "pipe:[1]", "/tmp/a..b"]).prop_map(str::to_owned),
        1 => Just(format!("/etc/{}", "y".repeat(200))),
    ];
    let base = prop::option::of(select(vec!["/etc", "/", "/root", "/etc/sudoers.d"]));
    let flags = prop_oneof![
        select(vec![
            0,
            1,
            2,
            3,
            0o1101,
            O_DIRECTORY,
            O_TMPFILE | 2,
            0o2_000_000
        ]),
        any::<u32>(),
    ];
    let facts = prop::sample::subsequence(
        vec![OPEN_CREATED, OPEN_UPPER_LAYER, OPEN_LOWER_LAYER],
        0..=3,
    );
    let call = select(vec!["open", "openat", "openat2", "creat"]);
    let ret = select(vec![3, 3, 3, 0, 443, -2, -13, -1, -4095]);
    let parts = (
        call,
        file_path(),
        base,
        resolved,
        flags,
        select(vec![0, 0o644, 0o755]),
        facts,
        ret,
    );
    parts
        .prop_map(|(call, asked, base, resolved, flags, mode, facts, ret)| {
            What::Open(OpenCall {
                call,
                base: base
                    .filter(|_| {
                        asked
                            .as_deref()
                            .is_some_and(|asked| !asked.starts_with('/'))
                    })
                    .map(str::to_owned),
                asked,
                resolved: (ret >= 0).then_some(resolved),
                flags: if call == "creat" { 0o1101 } else { flags },
                mode,
                facts: facts.iter().fold(0, |all, fact| all | fact),
                ret,
            })
        })
        .boxed()
}

fn address() -> BoxedStrategy<Option<SocketAddr>> {
    let ip = select(vec![
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
    ]);
    let port = select(vec![0_u16, 443, 6443, 65535]);
    let address = (ip, port).prop_map(|(ip, port)| format!("{ip}:{port}").parse().unwrap());
    prop::option::of(address).boxed()
}

fn connect() -> BoxedStrategy<What> {
    let family = select(vec![2_u16, 2, 10, 10, 1, 1, 16, 0]);
    let path = prop::option::of(select(vec![
        "/run/docker.sock",
        "\0abstract/x",
        "relative",
        "/etc/shadow",
    ]));
    let facts = select(vec![SOCK_RESOLVED, SOCK_RESOLVED, 0]);
    let ret = select(vec![0, -115, -2, -13]);
    let kind = (select(vec![1_u16, 2, 3]), select(vec![0_u16, 6, 17]));
    let parts = (
        family,
        kind,
        facts,
        address(),
        address(),
        address(),
        path,
        ret,
    );
    parts
        .prop_map(
            |(family, (kind, protocol), facts, local, peer, asked, path, ret)| {
                What::Connect(ConnectCall {
                    family,
                    kind,
                    protocol,
                    facts,
                    local,
                    peer,
                    asked,
                    unix_path: path.filter(|_| family == 1).map(str::to_owned),
                    ret,
                })
            },
        )
        .boxed()
}

/// A call.
pub(crate) fn call() -> impl Strategy<Value = Call> {
    let what = prop_oneof![2 => open(), 1 => connect()];
    (what, select(KINDS.to_vec())).prop_map(|(what, kind)| Call { what, kind })
}
