//! Single system calls.

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{Mode, OFlags, open};

use super::Load;

/// Opens one file and closes it.
#[derive(Debug)]
pub(super) struct OpenClose(PathBuf);

impl OpenClose {
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let file = dir.join("bench.dat");
        std::fs::write(&file, "x")?;
        Ok(Self(file))
    }
}

impl Load for OpenClose {
    fn run(&self, operations: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..operations {
            drop(open(
                &self.0,
                OFlags::RDONLY | OFlags::CLOEXEC,
                Mode::empty(),
            )?);
        }
        Ok(start.elapsed())
    }
}

/// Starts a program that does nothing, and waits for it.
#[derive(Debug)]
pub(super) struct ForkExec;

impl ForkExec {
    /// By its path: a search along `PATH` would be several execs that fail.
    pub(super) const PROGRAM: &str = "/bin/true";
}

impl Load for ForkExec {
    fn run(&self, operations: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..operations {
            let status = Command::new(Self::PROGRAM)
                .status()
                .with_context(|| format!("cannot run {}", Self::PROGRAM))?;
            if !status.success() {
                bail!("{} failed", Self::PROGRAM);
            }
        }
        Ok(start.elapsed())
    }
}

/// A call that no rule is about.
#[derive(Debug)]
pub(super) struct Getppid;

impl Load for Getppid {
    fn run(&self, operations: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..operations {
            black_box(rustix::process::getppid());
        }
        Ok(start.elapsed())
    }
}

/// Another one, which does a little work.
#[derive(Debug)]
pub(super) struct ReadZero(File);

impl ReadZero {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(File::open("/dev/zero")?))
    }
}

impl Load for ReadZero {
    fn run(&self, operations: u32) -> Result<Duration> {
        let mut bytes = [0; 64];
        let start = Instant::now();
        for _ in 0..operations {
            black_box(rustix::io::read(&self.0, &mut bytes)?);
        }
        Ok(start.elapsed())
    }
}
