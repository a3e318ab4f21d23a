//! The files of a spool: one directory, one owner.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FlockOperation, Mode, OFlags, fchmod, flock, fstat, mkdirat, openat, unlinkat,
};

use super::segment;

/// Who else is there to read it but its owner.
const PRIVATE_DIRECTORY: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
/// Where the position stands.
const POSITION: &str = "position";
/// Bytes of it: segment, offset, line, checksum.
const POSITION_BYTES: usize = 28;

/// Segments of all runs together; no spool gets so far.
const MAX_SEGMENTS: u64 = 1 << 62;

/// Where reading goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Number of the segment.
    pub(super) segment: u64,
    /// Bytes from its beginning.
    pub(super) offset: u64,
    /// Number of the line there.
    pub(super) line: u64,
}

/// An open directory, which nobody else has open.
#[derive(Debug)]
pub(super) struct Directory {
    directory: OwnedFd,
    position: File,
}

impl Directory {
    /// Opens it, and makes it where there is none. `WouldBlock` where another agent uses it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let directory = match mkdirat(rustix::fs::CWD, path, PRIVATE_DIRECTORY) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => open_directory(path)?,
            Err(error) => return Err(error.into()),
        };
        // One of another user could be changed by that user while it is read.
        let owner = fstat(&directory)?.st_uid;
        if owner != rustix::process::geteuid().as_raw() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        fchmod(&directory, PRIVATE_DIRECTORY)?;
        flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let position = openat(&directory, POSITION, flags, PRIVATE_FILE)?.into();
        Ok(Self {
            directory,
            position,
        })
    }

    /// Numbers of the segments that are there, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_str().ok();
            numbers.extend(name.and_then(number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A new segment, to be written.
    pub(super) fn create(&self, segment: u64) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.directory, name(segment), flags, PRIVATE_FILE)?.into())
    }

    /// A segment, to be read. Nothing that is no regular file is opened for long.
    pub(super) fn read(&self, segment: u64) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file: File = openat(&self.directory, name(segment), flags, Mode::empty())?.into();
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file)
    }

    /// Removes a segment.
    pub(super) fn remove(&self, segment: u64) -> io::Result<()> {
        Ok(unlinkat(&self.directory, name(segment), AtFlags::empty())?)
    }

    /// Where the last run was; `None` where that cannot be told.
    pub(super) fn position(&self) -> Option<Position> {
        let mut bytes = [0; POSITION_BYTES];
        self.position.read_exact_at(&mut bytes, 0).ok()?;
        let (numbers, told) = bytes.split_first_chunk::<24>()?;
        let told = u32::from_le_bytes(*told.first_chunk()?);
        let (segment, rest) = numbers.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let position = Position {
            segment: u64::from_le_bytes(*segment),
            offset: u64::from_le_bytes(*offset),
            line: u64::from_le_bytes(*rest.first_chunk()?),
        };
        let is_right = told == segment::sum(&[numbers]) && position.segment < MAX_SEGMENTS;
        is_right.then_some(position)
    }

    /// Remembers it.
    pub(super) fn keep(&self, position: Position) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(POSITION_BYTES);
        for number in [position.segment, position.offset, position.line] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let sum = segment::sum(&[&bytes]);
        bytes.extend_from_slice(&sum.to_le_bytes());
        self.position.write_all_at(&bytes, 0)
    }
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn name(segment: u64) -> String {
    format!("{segment:016x}.seg")
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|d| d.len() == 16)?;
    let number = u64::from_str_radix(digits, 16).ok();
    number.filter(|number| *number < MAX_SEGMENTS)
}
