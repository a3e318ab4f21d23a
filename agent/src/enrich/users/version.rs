//! What tells one content of a file from another without reading it.

use rustix::fs::{FileType, Stat};

/// Device, inode, change time and size. The change time: who may write may set the time of modification, and making a
/// file readable leaves that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    file: (u64, u64),
    changed: (i64, u64),
    size: i64,
}

impl Version {
    /// `None` for what is no regular file.
    pub(super) fn of(stat: &Stat) -> Option<Self> {
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        is_file.then_some(Self {
            file: (stat.st_dev, stat.st_ino),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
            size: stat.st_size,
        })
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }
}
