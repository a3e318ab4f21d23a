//! Values of event parameters.

use std::net::SocketAddr;

/// One parameter value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The event has no value here.
    Absent,
    /// Signed number.
    Int(i64),
    /// Unsigned number, flags, mode, id.
    Uint(u64),
    /// Text or bytes, not necessarily UTF-8.
    Bytes(&'a [u8]),
    /// A path with what it is relative to.
    Path(PathArg<'a>),
    /// A socket address.
    Addr(SocketAddr),
    /// Both ends of a connection.
    Tuple(Tuple<'a>),
}

/// A path parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathArg<'a> {
    /// As the program passed it.
    pub raw: &'a [u8],
    /// Directory that a relative path starts from; `None` where unknown.
    pub base: Option<&'a [u8]>,
    /// The kernel's path of the object.
    pub resolved: Option<&'a [u8]>,
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tuple<'a> {
    /// IPv4 or IPv6: source and destination.
    Ip {
        /// Client end.
        source: SocketAddr,
        /// Server end.
        destination: SocketAddr,
    },
    /// Unix socket with the peer's name.
    Unix {
        /// Path or abstract name.
        path: &'a [u8],
    },
}
