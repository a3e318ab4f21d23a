//! Records of system calls, and what the kernel's filter knows of each: made from the same facts, but not
//! from each other.

use std::net::SocketAddr;

use komainu::event::path;
use komainu::rules::plan::model::{Facts, Name};
use komainu_common::connect::Connect;
use komainu_common::filter::{WORDS, cgroup_kind, role, source};
use komainu_common::header::HEADER_COMPAT;
use komainu_common::item::{ItemHeader, tag};
use komainu_common::open::{OPEN_RESOLVED, Open};
use komainu_common::sock::Sock;
use komainu_common::syscalls::TABLE;
use komainu_common::{Class, Header};
use zerocopy::IntoBytes;

use crate::events::task;

/// What a program asked a file to be opened with, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct OpenCall {
    pub(crate) call: &'static str,
    /// As passed; `None` where it could not be read.
    pub(crate) asked: Option<String>,
    /// Where a relative path starts; `None` where unknown.
    pub(crate) base: Option<String>,
    /// The kernel's path, where something was opened.
    pub(crate) resolved: Option<String>,
    pub(crate) flags: u32,
    pub(crate) mode: u32,
    pub(crate) facts: u32,
    pub(crate) ret: i64,
}

/// What a program asked a socket to be connected to, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct ConnectCall {
    pub(crate) family: u16,
    pub(crate) kind: u16,
    pub(crate) protocol: u16,
    pub(crate) facts: u32,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) asked: Option<SocketAddr>,
    pub(crate) unix_path: Option<String>,
    pub(crate) ret: i64,
}

/// A call, with the place it came from.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) what: What,
    /// One of [`cgroup_kind`].
    pub(crate) kind: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Open(OpenCall),
    Connect(ConnectCall),
}

type Items = Vec<(u8, Vec<u8>)>;

impl Call {
    /// The record that user space gets.
    pub(crate) fn record(&self) -> Vec<u8> {
        let (name, class, ret, fixed, items) = match &self.what {
            What::Open(open) => {
                let (fixed, items) = open.parts();
                (open.call, Class::OPEN, open.ret, fixed, items)
            }
            What::Connect(connect) => {
                let (fixed, items) = connect.parts();
                ("connect", Class::CONNECT, connect.ret, fixed, items)
            }
        };
        let mut tail = fixed;
        for (tag, value) in items {
            let len = u16::try_from(value.len()).unwrap();
            let head = ItemHeader { tag, flags: 0, len };
            tail.extend(head.as_bytes());
            tail.extend(value);
        }
        let row = TABLE.iter().find(|row| row.name == name).unwrap();
        let header = Header {
            size: u32::try_from(size_of::<Header>() + tail.len()).unwrap(),
            class: class.0,
            flags: if row.native.first().is_some() {
                0
            } else {
                HEADER_COMPAT
            },
            time: 1,
            ret,
            cgroup: self.kind.into(),
            syscall: row.native.first().or(row.compat.first()).unwrap(),
            cpu: 0,
            conjunctions: [0; WORDS],
            plan: 0,
            reserved: 0,
            task: task(),
        };
        [header.as_bytes(), &tail].concat()
    }

    /// Calls `look` with what the kernel's filter knows.
    pub(crate) fn facts<T>(&self, look: impl FnOnce(&Facts<'_>) -> T) -> T {
        let mut facts = Facts {
            numbers: [None; source::COUNT as usize],
            paths: [[Name::Absent; 2]; role::COUNT],
        };
        facts.numbers[source::CGROUP_KIND as usize] = Some(self.kind.into());
        facts.numbers[source::UID as usize] = Some(task().uid.into());
        match &self.what {
            What::Open(open) => open.facts(facts, look),
            What::Connect(connect) => look(&connect.facts(facts)),
        }
    }
}

fn row(name: &str) -> Option<i64> {
    let row = TABLE.iter().position(|row| row.name == name);
    row.map(|row| i64::try_from(row).unwrap())
}

impl OpenCall {
    fn parts(&self) -> (Vec<u8>, Items) {
        let fixed = Open {
            inode: 7,
            resolve: 0,
            flags: self.flags,
            mode: self.mode,
            dirfd: -100,
            dev: 1,
            inode_mode: 0,
            facts: self.facts | if self.ret >= 0 { OPEN_RESOLVED } else { 0 },
        };
        let texts = [
            (tag::USER_PATH, &self.asked),
            (tag::BASE_PATH, &self.base),
            (tag::KERNEL_PATH, &self.resolved),
        ];
        let items = texts
            .into_iter()
            .filter_map(|(tag, text)| Some((tag, text.clone()?.into_bytes())));
        (fixed.as_bytes().to_vec(), items.collect())
    }

    fn facts<T>(&self, mut facts: Facts<'_>, look: impl FnOnce(&Facts<'_>) -> T) -> T {
        let asked = self.asked.as_deref().unwrap_or_default();
        facts.numbers[source::RESULT as usize] = Some(self.ret);
        facts.numbers[source::CALL as usize] = row(self.call);
        facts.numbers[source::OPEN_FLAGS as usize] = Some(self.flags.into());
        let dotdot = self
            .asked
            .as_deref()
            .is_none_or(|asked| asked.contains(".."));
        facts.numbers[source::DOTDOT as usize] = Some(dotdot.into());
        let mut absolute = Vec::new();
        let known = self.asked.is_some() && (asked.starts_with('/') || self.base.is_some());
        if known {
            let base = self.base.as_deref().unwrap_or_default();
            path::join(
                format!("{base}/").as_bytes(),
                asked.as_bytes(),
                &mut absolute,
            );
        }
        // A base of `/` would double the slash; the kernel half does not write one either.
        let absolute = String::from_utf8(absolute).unwrap().replacen("//", "/", 1);
        let asked = if known {
            Name::Known(absolute.as_bytes())
        } else {
            Name::Unknown
        };
        let resolved = match &self.resolved {
            Some(path) => Name::Known(path.as_bytes()),
            None => Name::Absent,
        };
        let mut facts = Facts {
            numbers: facts.numbers,
            paths: [[Name::Absent; 2]; role::COUNT],
        };
        facts.paths[usize::from(role::FIRST)] = [asked, resolved];
        look(&facts)
    }
}

impl ConnectCall {
    fn parts(&self) -> (Vec<u8>, Items) {
        let fixed = Connect {
            sock: Sock {
                local: bytes(self.local, self.family),
                peer: bytes(self.peer, self.family),
                inode: 9,
                local_port: self.local.map_or(0, |address| address.port()),
                peer_port: self.peer.map_or(0, |address| address.port()),
                family: self.family,
                kind: self.kind,
                protocol: self.protocol,
                state: 0,
                facts: self.facts,
            },
            fd: 4,
            reserved: 0,
        };
        let mut items = Vec::new();
        if let Some(path) = &self.unix_path {
            items.push((tag::UNIX_PATH, path.clone().into_bytes()));
        }
        if let Some(asked) = self.asked {
            items.push((tag::USER_ADDR, sockaddr(asked)));
        }
        (fixed.as_bytes().to_vec(), items)
    }

    fn facts<'a>(&self, mut facts: Facts<'a>) -> Facts<'a> {
        let of_socket = self.peer.filter(|peer| peer.port() != 0);
        let family = i64::from(self.family);
        let of_socket = of_socket.filter(|_| matches!(family, 2 | 10));
        let peer = of_socket.or(self.asked);
        // The kernel half does not look for IPv4 inside IPv6.
        let ipv4 = peer.and_then(|peer| match peer {
            SocketAddr::V4(peer) => Some(i64::from(u32::from(*peer.ip()))),
            SocketAddr::V6(_) => None,
        });
        facts.numbers[source::RESULT as usize] = Some(self.ret);
        facts.numbers[source::CALL as usize] = row("connect");
        facts.numbers[source::FAMILY as usize] = Some(if family == 0 { -1 } else { family });
        facts.numbers[source::PEER_PORT as usize] =
            Some(peer.map_or(-1, |peer| peer.port().into()));
        facts.numbers[source::PEER_IPV4 as usize] = Some(ipv4.unwrap_or(-1));
        facts
    }
}

/// An address as a socket of the family holds it.
fn bytes(address: Option<SocketAddr>, family: u16) -> [u8; 16] {
    let mut out = [0; 16];
    match address {
        Some(SocketAddr::V4(address)) if family == 10 => {
            out = address.ip().to_ipv6_mapped().octets();
        }
        Some(SocketAddr::V4(address)) => out[..4].copy_from_slice(&address.ip().octets()),
        Some(SocketAddr::V6(address)) if family == 10 => out = address.ip().octets(),
        _ => {}
    }
    out
}

/// A `struct sockaddr_in` or `sockaddr_in6`.
fn sockaddr(address: SocketAddr) -> Vec<u8> {
    match address {
        SocketAddr::V4(address) => [
            &2_u16.to_ne_bytes()[..],
            &address.port().to_be_bytes(),
            &address.ip().octets(),
            &[0; 8],
        ]
        .concat(),
        SocketAddr::V6(address) => [
            &10_u16.to_ne_bytes()[..],
            &address.port().to_be_bytes(),
            &[0; 4],
            &address.ip().octets(),
            &[0; 4],
        ]
        .concat(),
    }
}

/// Names of the kinds of cgroups by number, for worlds.
pub(crate) const KINDS: [u32; 3] = [
    cgroup_kind::UNKNOWN,
    cgroup_kind::HOST,
    cgroup_kind::CONTAINER,
];
