//! What the canary names, so that nobody else does.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4};

/// What tells one run's acts from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(u64);

impl Nonce {
    /// A new one.
    pub fn new() -> Self {
        // Randomly keyed by the standard library.
        Self(RandomState::new().hash_one(0_u8))
    }

    /// As [`Self::text`] gives it.
    pub fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }

    /// For the command line of the child.
    pub fn text(self) -> String {
        format!("{:016x}", self.0)
    }

    /// A path that does not exist, nor does its directory.
    pub fn path(self) -> String {
        format!("/komainu-canary-{:016x}/act", self.0)
    }

    /// An address of the loopback interface. Nothing is sent there.
    pub fn address(self) -> SocketAddrV4 {
        let [a, b, c, low, high, ..] = self.0.to_le_bytes();
        let port = u16::from_le_bytes([low, high]).max(1);
        SocketAddrV4::new(Ipv4Addr::new(127, a, b, c), port)
    }
}

impl Default for Nonce {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_the_command_line() {
        let nonce = Nonce::new();
        assert_eq!(Nonce::parse(&nonce.text()), Some(nonce));
        assert_ne!(nonce, Nonce::new());
        assert_eq!(Nonce::parse("x"), None);
        let nonce = Nonce(0x0123_4567_89ab_cdef);
        assert_eq!(nonce.path(), "/komainu-canary-0123456789abcdef/act");
        assert_eq!(nonce.address().to_string(), "127.239.205.171:26505");
    }
}
