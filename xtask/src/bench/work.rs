//! The workloads: system calls a tracer sees, and one that it should not care about.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketType, connect, socket};

use crate::project;

/// One workload.
#[derive(Debug)]
pub(super) struct Work {
    /// What one operation is.
    pub(super) name: &'static str,
    /// Operations in one measurement: about a third of a second.
    pub(super) operations: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    OpenClose(PathBuf),
    ForkExec,
    ConnectUdp(SocketAddrV4),
    ConnectTcp(SocketAddrV4),
    Getppid,
}

/// Every workload.
pub(super) fn all() -> Result<Vec<Work>> {
    let file = project::scratch()?.join("bench.dat");
    std::fs::write(&file, "x")?;
    let closed = closed_port()?;
    let work = |name, operations, kind| Work {
        name,
        operations,
        kind,
    };
    Ok(vec![
        work("open + close", 100_000, Kind::OpenClose(file)),
        work("fork + exec + wait", 300, Kind::ForkExec),
        work("connect, UDP", 200_000, Kind::ConnectUdp(closed)),
        work(
            "socket + connect + close, TCP, refused",
            20_000,
            Kind::ConnectTcp(closed),
        ),
        work("getppid", 1_000_000, Kind::Getppid),
    ])
}

impl Work {
    /// Does all operations; gives the nanoseconds of one.
    pub(super) fn run(&self) -> Result<f64> {
        let start = Instant::now();
        match &self.kind {
            Kind::OpenClose(file) => {
                for _ in 0..self.operations {
                    drop(open(file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
                }
            }
            Kind::ForkExec => {
                for _ in 0..self.operations {
                    let status = Command::new("true").status().context("cannot run true")?;
                    if !status.success() {
                        bail!("true failed");
                    }
                }
            }
            Kind::ConnectUdp(address) => {
                let udp = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
                for _ in 0..self.operations {
                    connect(&udp, address)?;
                }
            }
            Kind::ConnectTcp(address) => {
                for _ in 0..self.operations {
                    let tcp = socket(AddressFamily::INET, SocketType::STREAM, None)?;
                    if connect(&tcp, address).is_ok() {
                        bail!("somebody listens on {address}");
                    }
                }
            }
            Kind::Getppid => {
                for _ in 0..self.operations {
                    black_box(rustix::process::getppid());
                }
            }
        }
        Ok(start.elapsed().as_secs_f64() * 1e9 / f64::from(self.operations))
    }
}

/// A loopback port that was free a moment ago.
fn closed_port() -> Result<SocketAddrV4> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(SocketAddrV4::new(
        Ipv4Addr::LOCALHOST,
        listener.local_addr()?.port(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_does_what_it_says() {
        for mut work in all().unwrap() {
            work.operations = 3;
            assert!(work.run().unwrap() > 0.0, "{}", work.name);
        }
    }
}
