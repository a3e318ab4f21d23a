//! Constants of typed fields.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

use crate::event::fields::FieldType;

/// A decimal number, wrapped to the width of the type as `sscanf(3)` would.
pub(in crate::rules) fn number_constant(text: &str, ty: FieldType) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = text.parse().ok()?;
    if ty == FieldType::Port && value < 0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "constants wrap to the width of the field"
    )]
    let wrapped = match ty {
        FieldType::Int16 => (value as i16).into(),
        FieldType::Int32 => (value as i32).into(),
        FieldType::Int64 | FieldType::Double => (value as i64).into(),
        FieldType::Uint32 => (value as u32).into(),
        FieldType::Port => (value as u16).into(),
        _ => (value as u64).into(),
    };
    Some(wrapped)
}

/// A port: its number or the name of a well-known service, `services(5)`.
pub(in crate::rules) fn port_constant(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse::<u16>() {
        return Some(number.into());
    }
    SERVICES
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, port)| (*port).into())
}

/// Names that rules use for ports.
#[rustfmt::skip]
const SERVICES: &[(&str, u16)] = &[
    ("ftp-data", 20), ("ftp", 21), ("ssh", 22), ("telnet", 23), ("smtp", 25), ("time", 37),
    ("whois", 43), ("tacacs", 49), ("domain", 53), ("bootps", 67), ("bootpc", 68), ("tftp", 69),
    ("gopher", 70), ("finger", 79), ("http", 80), ("kerberos", 88), ("pop2", 109), ("pop3", 110),
    ("sunrpc", 111), ("auth", 113), ("nntp", 119), ("ntp", 123), ("imap2", 143), ("imap", 143),
    ("snmp", 161), ("snmp-trap", 162), ("bgp", 179), ("irc", 194), ("ldap", 389), ("https", 443),
    ("microsoft-ds", 445), ("submission", 587), ("ldaps", 636), ("domain-s", 853), ("rsync", 873),
    ("ftps-data", 989), ("ftps", 990), ("telnets", 992), ("imaps", 993), ("pop3s", 995),
    ("socks", 1080), ("openvpn", 1194), ("ms-sql-s", 1433), ("ms-sql-m", 1434), ("radius", 1812),
    ("radius-acct", 1813), ("nfs", 2049), ("mysql", 3306), ("svn", 3690), ("epmd", 4369),
    ("sip", 5060), ("sip-tls", 5061), ("xmpp-client", 5222), ("xmpp-server", 5269),
    ("postgresql", 5432), ("amqps", 5671), ("amqp", 5672), ("x11", 6000), ("redis", 6379),
    ("http-alt", 8080), ("git", 9418), ("webmin", 10000),
];

/// A network `ADDRESS/BITS`; host bits may be set.
pub(in crate::rules) fn parse_net(text: &str) -> Option<IpNet> {
    let (address, bits) = text.split_once('/')?;
    let bits: u8 = bits.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) => Ipv4Net::new(address, bits)
            .ok()
            .map(|net| net.trunc().into()),
        IpAddr::V6(address) => Ipv6Net::new(address, bits)
            .ok()
            .map(|net| net.trunc().into()),
    }
}
