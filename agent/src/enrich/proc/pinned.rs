//! One process's directory in `/proc`, held by a descriptor: what is read through it is never of a later owner of the pid.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};

use super::{MAX_TEXT, parse};

/// The directory of a process.
#[derive(Debug)]
pub(in crate::enrich) struct Pinned(OwnedFd);

impl Pinned {
    /// `root` is where `/proc` is mounted. An error where there is no such process.
    pub(in crate::enrich) fn open(root: &Path, pid: u32) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = root.join(pid.to_string());
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// When the process started, in clock ticks since boot; `None` for a `stat` that cannot be read.
    pub(in crate::enrich) fn start_ticks(&self) -> io::Result<Option<u64>> {
        let stat = parse::stat(&read(self, "stat", MAX_TEXT)?);
        Ok(stat.map(|stat| stat.start_ticks))
    }

    /// The first `max` bytes of a file.
    pub(in crate::enrich) fn read(&self, name: &str, max: usize) -> io::Result<Vec<u8>> {
        read(self, name, max)
    }

    /// What one of its links stands for (`root`, `cwd`, `exe`).
    pub(in crate::enrich) fn open_at(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(
            self,
            name,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }
}

impl AsFd for Pinned {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The first `max` bytes of a file below a process's directory.
pub(super) fn read(dir: &impl AsFd, name: &str, max: usize) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    bytes(file, max)
}

/// The first `max` bytes of what an `O_PATH` descriptor holds. By way of our own `/proc/self/fd`, so that it is that file
/// and no other.
pub(in crate::enrich) fn reopen(place: &OwnedFd, max: usize) -> io::Result<Vec<u8>> {
    bytes(
        File::open(format!("/proc/self/fd/{}", place.as_raw_fd()))?,
        max,
    )
}

fn bytes(file: File, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where a symbolic link below a process's directory points.
pub(super) fn link(dir: &impl AsFd, name: &str) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes())
}
