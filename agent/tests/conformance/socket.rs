//! Descriptors and addresses of snapshots.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use komainu::event::{FdKind, Role, SocketFacts, Tuple, Value};
use serde_json::Value as Json;

use crate::data::unhex;

pub(crate) fn kind(info: &Json) -> FdKind {
    match info["typechar"].as_str().unwrap_or("o") {
        "f" => FdKind::File,
        "d" => FdKind::Directory,
        "4" => FdKind::Ipv4,
        "6" => FdKind::Ipv6,
        "u" if info["type"] == "userfaultfd" => FdKind::Userfault,
        "u" => FdKind::Unix,
        "n" => FdKind::Netlink,
        "p" => FdKind::Pipe,
        "e" => FdKind::Event,
        "s" => FdKind::Signal,
        "l" => FdKind::Epoll,
        "i" => FdKind::Inotify,
        "t" => FdKind::Timer,
        "b" => FdKind::Bpf,
        "r" => FdKind::IoUring,
        "m" => FdKind::Memfd,
        "P" => FdKind::Pidfd,
        _ => FdKind::Other,
    }
}

fn address(bytes: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(bytes) {
        Ok(v4) => Ipv4Addr::from(v4).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).expect("an address")).into(),
    }
}

fn end(info: &Json, ip: &str, port: &str) -> Option<SocketAddr> {
    let ip = info[ip].as_str()?;
    let port = u16::try_from(info[port].as_u64()?).ok()?;
    let address = address(&unhex(ip));
    (port != 0 || !address.is_unspecified()).then_some(SocketAddr::new(address, port))
}

pub(crate) fn socket(info: &Json) -> Option<SocketFacts<'static>> {
    let family = match kind(info) {
        FdKind::Ipv4 => 2,
        FdKind::Ipv6 => 10,
        _ => return None,
    };
    let role = match (info["role_client"] == true, info["role_server"] == true) {
        (true, _) => Some(Role::Client),
        (_, true) => Some(Role::Server),
        _ => None,
    };
    let (source, target) = (end(info, "sip", "sport"), end(info, "dip", "dport"));
    let (local, peer) = match role {
        Some(Role::Server) if target.is_some() => (target, source),
        _ => (source, target),
    };
    let (kind, protocol) = match info["l4proto"].as_u64() {
        Some(2) => (1, 6),
        Some(3) => (2, 17),
        Some(4) => (0, 1),
        Some(5) => (3, 0),
        _ => (0, 255),
    };
    Some(SocketFacts {
        family,
        kind,
        protocol,
        local: local.or_else(|| end(info, "ip", "port")),
        peer,
        unix_path: None,
        role,
        connected: info["connected"] == true,
    })
}

fn port(bytes: &[u8]) -> u16 {
    u16::from_le_bytes(bytes.try_into().expect("two bytes"))
}

pub(crate) fn tuple(bytes: &[u8]) -> Value<'_> {
    let width = match bytes.first() {
        Some(2) => 4,
        Some(10) => 16,
        _ => {
            let path = bytes.get(17..).unwrap_or_default();
            let path = path.strip_suffix(b"\0").unwrap_or(path);
            return Value::Tuple(Tuple::Unix { path });
        }
    };
    let at = |from: usize| {
        let ip = address(&bytes[from..from + width]);
        SocketAddr::new(ip, port(&bytes[from + width..from + width + 2]))
    };
    Value::Tuple(Tuple::Ip {
        source: at(1),
        destination: at(1 + width + 2),
    })
}

pub(crate) fn sockaddr(bytes: &[u8]) -> Value<'_> {
    let width = match bytes.first() {
        Some(2) => 4,
        Some(10) => 16,
        _ => {
            let path = bytes.get(1..).unwrap_or_default();
            return Value::Tuple(Tuple::Unix {
                path: path.strip_suffix(b"\0").unwrap_or(path),
            });
        }
    };
    let ip = address(&bytes[1..=width]);
    Value::Addr(SocketAddr::new(ip, port(&bytes[1 + width..3 + width])))
}
