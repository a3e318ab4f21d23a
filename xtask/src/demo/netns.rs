//! A network namespace whose loopback carries one address.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, bail};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};
use rustix::thread::UnshareFlags;

/// `RTM_NEWLINK`, `RTM_NEWADDR` (`rtnetlink(7)`).
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_ACK` (`netlink(7)`), and `NLM_F_CREATE`.
const REQUEST_ACK: u16 = 1 | 4;
const CREATE: u16 = 0x400;
const NLMSG_ERROR: u16 = 2;
const HEADER: usize = 16;
/// `IFF_UP` (`netdevice(7)`).
const IFF_UP: u32 = 1;
/// `IFA_ADDRESS`, `IFA_LOCAL` (`rtnetlink(7)`).
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// The loopback is the first interface of every namespace.
const LOOPBACK: u32 = 1;
const AF_INET: u8 = 2;

/// Puts this process, which has one thread, into namespaces of its own.
#[expect(
    deprecated,
    reason = "the replacement is an unsafe function, because some flags are; those used here are not"
)]
pub(super) fn unshare(flags: UnshareFlags) -> Result<()> {
    rustix::thread::unshare(flags).context("cannot make a namespace")
}

/// Enters a new network namespace and gives its loopback the address `address`.
pub(super) fn enter_with_address(address: Ipv4Addr) -> Result<()> {
    unshare(UnshareFlags::NEWNET)?;
    request(NEW_LINK, 0, &link_up())?;
    request(NEW_ADDRESS, CREATE, &new_address(address))
}

/// `struct ifinfomsg`: family, padding, type, index, flags, change mask.
fn link_up() -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(LOOPBACK.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body
}

/// `struct ifaddrmsg` (family, prefix length, flags, scope, index) and two attributes.
fn new_address(address: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![AF_INET, 32, 0, 0];
    body.extend(LOOPBACK.to_ne_bytes());
    for attribute in [IFA_LOCAL, IFA_ADDRESS] {
        body.extend(8_u16.to_ne_bytes());
        body.extend(attribute.to_ne_bytes());
        body.extend(address.octets());
    }
    body
}

/// Sends one rtnetlink request and waits for its acknowledgement.
fn request(kind: u16, flags: u16, body: &[u8]) -> Result<()> {
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let length = u32::try_from(HEADER + body.len())?;
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((REQUEST_ACK | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    sendto(
        &socket,
        &message,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 1024];
    let (filled, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match error_in(answer.get(..filled).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(error) => bail!("rtnetlink refused request {kind} with error {}", -error),
        None => bail!("rtnetlink gave no answer to request {kind}"),
    }
}

/// The error number in an acknowledgement: 0, or `-errno`.
fn error_in(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let error = i32::from_ne_bytes(answer.get(HEADER..HEADER + 4)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(error)
}
