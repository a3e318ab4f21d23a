//! Connections on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::net::{AddressFamily, SocketType, connect, socket};

use super::Load;

/// Gives a UDP socket its peer: nothing is sent, so this is the least that a connect can be.
#[derive(Debug)]
pub(super) struct Udp(SocketAddrV4);

impl Udp {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(closed_port()?))
    }
}

impl Load for Udp {
    fn run(&self, operations: u32) -> Result<Duration> {
        let udp = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        let start = Instant::now();
        for _ in 0..operations {
            connect(&udp, &self.0)?;
        }
        Ok(start.elapsed())
    }
}

/// Makes a TCP connection and closes it. The kernel completes it; nobody accepts.
#[derive(Debug)]
pub(super) struct Tcp;

impl Tcp {
    /// Connections to one listener, fewer than wait at one of the standard library.
    const BATCH: u32 = 100;
}

impl Load for Tcp {
    fn run(&self, operations: u32) -> Result<Duration> {
        let mut time = Duration::ZERO;
        let mut left = operations;
        while left > 0 {
            // Closing it resets what is left of its connections: none of them occupies a port.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            let batch = left.min(Self::BATCH);
            let start = Instant::now();
            for _ in 0..batch {
                let tcp = socket(AddressFamily::INET, SocketType::STREAM, None)?;
                connect(&tcp, &address)?;
            }
            time += start.elapsed();
            left -= batch;
        }
        Ok(time)
    }
}

/// Tries to make a TCP connection where nobody listens.
#[derive(Debug)]
pub(super) struct Refused(SocketAddrV4);

impl Refused {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(closed_port()?))
    }
}

impl Load for Refused {
    fn run(&self, operations: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..operations {
            let tcp = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            if connect(&tcp, &self.0).is_ok() {
                bail!("somebody listens on {}", self.0);
            }
        }
        Ok(start.elapsed())
    }
}

/// A loopback port that was free a moment ago.
fn closed_port() -> Result<SocketAddrV4> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    match listener.local_addr()? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(address) => bail!("{address} is no IPv4 address"),
    }
}
