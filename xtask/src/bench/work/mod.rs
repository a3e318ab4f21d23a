//! The workloads: what a tracer cares about, what it should not care about, and mixes of both as
//! programs make them.

mod calls;
mod compile;
mod connect;
mod redis;
mod requests;
mod tree;

use std::fmt::Debug;
use std::time::Duration;

use anyhow::Result;

use crate::project;

/// What a workload does.
trait Load: Debug {
    /// Does it so many times; gives the time that took, without what has to be prepared for it.
    fn run(&self, operations: u32) -> Result<Duration>;
}

/// One workload.
#[derive(Debug)]
pub(super) struct Work {
    /// What one operation is.
    pub(super) name: &'static str,
    /// Operations in one measurement: about a third of a second.
    pub(super) operations: u32,
    load: Box<dyn Load>,
}

impl Work {
    fn new(name: &'static str, operations: u32, load: impl Load + 'static) -> Self {
        Self {
            name,
            operations,
            load: Box::new(load),
        }
    }

    /// Does all operations; gives the nanoseconds of one.
    pub(super) fn run(&self) -> Result<f64> {
        let time = self.load.run(self.operations)?;
        Ok(time.as_secs_f64() * 1e9 / f64::from(self.operations))
    }
}

/// Names that other files ask for.
pub(super) const OPEN_CLOSE: &str = "open + close";
pub(super) const FORK_EXEC: &str = "fork + exec + wait";
pub(super) const CONNECT: &str = "socket + connect + close, TCP";
pub(super) const GETPPID: &str = "getppid";
pub(super) const READ_ZERO: &str = "read of /dev/zero";
pub(super) const COMPILE: &str = "compile of a C file";

/// Every workload that this machine has the programs for; what is left out is said.
pub(super) fn all() -> Result<Vec<Work>> {
    let dir = project::scratch()?.join("bench-work");
    std::fs::create_dir_all(&dir)?;
    let mut works = vec![
        Work::new(OPEN_CLOSE, 100_000, calls::OpenClose::new(&dir)?),
        Work::new("open + close over a tree", 100_000, tree::Tree::new()?),
        Work::new(FORK_EXEC, 300, calls::ForkExec),
        Work::new("connect, UDP", 200_000, connect::Udp::new()?),
        Work::new(CONNECT, 6_000, connect::Tcp),
        Work::new("the same, refused", 20_000, connect::Refused::new()?),
        Work::new(GETPPID, 1_000_000, calls::Getppid),
        Work::new(READ_ZERO, 1_000_000, calls::ReadZero::new()?),
    ];
    let requests = requests::Requests::new(&dir)?;
    works.push(Work::new("request, file server", 20_000, requests));
    let redis = redis::Redis::start(&dir)?;
    works.extend(redis.map(|redis| Work::new("request, redis", 20_000, redis)));
    let compile = compile::Compile::new(&dir)?;
    works.extend(compile.map(|compile| Work::new(COMPILE, 8, compile)));
    Ok(works)
}

/// Starts so many programs that do nothing, one after another.
pub(super) fn start_programs(number: u32) -> Result<()> {
    calls::ForkExec.run(number).map(drop)
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
