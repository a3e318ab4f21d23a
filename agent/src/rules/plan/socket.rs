//! What comparisons of a connecting socket demand: family and peer.

use komainu_common::filter::source;

use super::conjunction::{Conjunction, Number};
use super::literal::{Demand, Literal, numbers};
use super::ranges::Ranges;
use crate::event::FdKind;
use crate::event::fields::Field;
use crate::rules::eval::Test;
use ipnet::IpNet;
use std::net::IpAddr;

/// `AF_UNIX`, `AF_INET`, `AF_INET6`, `AF_NETLINK` of `address_families(7)`.
const AF_UNIX: i64 = 1;
const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;
const AF_NETLINK: i64 = 16;

/// Kinds that `connect` events have, and the families they may come from: an IPv4 address may travel
/// in an IPv6 socket. [`FdKind::Other`] stands for every other family.
const KINDS: &[(FdKind, &[i64])] = &[
    (FdKind::Ipv4, &[AF_INET, AF_INET6]),
    (FdKind::Ipv6, &[AF_INET6]),
    (FdKind::Unix, &[AF_UNIX]),
    (FdKind::Netlink, &[AF_NETLINK]),
];

/// What a comparison of a socket's field demands; `None` where the event has no socket that is known to
/// the kernel's tables.
pub(super) fn demand(field: &Field, literal: Literal<'_>) -> Option<Demand> {
    let Literal {
        test, negated, ty, ..
    } = literal;
    if ty.name != "connect" {
        return None;
    }
    let texts: fn(FdKind) -> &'static str = match field.name {
        "fd.sip" | "fd.rip" | "fd.snet" | "fd.rnet" => return Some(address(literal)),
        "fd.sport" | "fd.rport" => return Some(port(literal)),
        "fd.type" => FdKind::name,
        "fd.typechar" => FdKind::letter,
        "fd.sockfamily" => |kind| match kind {
            FdKind::Unix => "unix",
            kind if kind.is_internet() => "ip",
            _ => "",
        },
        "fd.l4proto" if !negated => return Some(protocol(test)),
        "fd.name" if !negated => return Some(name(test)),
        _ => return None,
    };
    if negated {
        return Some(Demand::nothing("absent where the socket is not known"));
    }
    // A socket that is not known has no kind, which a comparison does not hold for; other kinds may
    // come from any family.
    if test.holds_known(texts(FdKind::Other)) != Some(false) {
        return Some(Demand::nothing("holds for sockets of any other family"));
    }
    let kinds = KINDS
        .iter()
        .filter(|(kind, _)| test.holds_known(texts(*kind)) != Some(false));
    Some(family(
        kinds.flat_map(|(_, families)| families.iter().copied()),
    ))
}

fn family(families: impl Iterator<Item = i64>) -> Demand {
    let families = Ranges::new(families.map(|family| (family, family)).collect());
    Demand::of(Conjunction::number(Number::whole(source::FAMILY), families))
}

/// `fd.l4proto`: every name but `<NA>` is of an internet socket.
fn protocol(test: &Test) -> Demand {
    if test.holds_known("<NA>") == Some(false) {
        return family([AF_INET, AF_INET6].into_iter());
    }
    Demand::nothing("holds for sockets of any family")
}

/// `fd.name`: only that of a unix socket has a slash.
fn name(test: &Test) -> Demand {
    if super::file::demands_text(test, b"/") {
        return family([AF_UNIX].into_iter());
    }
    Demand::nothing("addresses as text are compared in user space")
}

/// Port of the peer. Where the kernel has none it passes.
fn port(literal: Literal<'_>) -> Demand {
    of_peer(source::PEER_PORT, numbers(literal.test), literal.negated)
}

/// Address of the peer. Where it is no IPv4 address to the kernel (it may still be one inside IPv6), or
/// the one that stands for none, it passes.
fn address(literal: Literal<'_>) -> Demand {
    of_peer(source::PEER_IPV4, addresses(literal.test), literal.negated)
}

/// A number of the peer, and what stands for none.
fn of_peer(source: u32, holds: Option<Ranges>, negated: bool) -> Demand {
    let Some(holds) = holds else {
        return Demand::nothing("compares with another field");
    };
    let known = if negated { holds.complement() } else { holds };
    let values = known.union(&Ranges::between(i64::MIN, 0));
    Demand::of(Conjunction::number(Number::whole(source), values))
}

/// The IPv4 addresses that a test holds for.
fn addresses(test: &Test) -> Option<Ranges> {
    Some(match test {
        Test::Exists => Ranges::all(),
        Test::Ip(IpAddr::V4(address)) => Ranges::one(u32::from(*address).into()),
        Test::Net(IpNet::V4(net)) => Ranges::between(
            u32::from(net.network()).into(),
            u32::from(net.broadcast()).into(),
        ),
        Test::Ip(IpAddr::V6(_)) | Test::Net(IpNet::V6(_)) => Ranges::none(),
        Test::Not(inner) => addresses(inner)?.complement(),
        Test::Any(tests) => {
            let sets = tests.iter().map(addresses).collect::<Option<Vec<_>>>()?;
            sets.iter().fold(Ranges::none(), |all, set| all.union(set))
        }
        _ => return None,
    })
}
