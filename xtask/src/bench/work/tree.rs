//! Opens of many files: names that differ, directories of several depths.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::fs::{Mode, OFlags, open};

use super::Load;

/// Where every system has many files.
const ROOT: &str = "/usr";
/// Files that are opened in turn.
const FILES: usize = 20_000;

/// Opens each file of a tree and closes it.
#[derive(Debug)]
pub(super) struct Tree(Vec<PathBuf>);

impl Tree {
    pub(super) fn new() -> Result<Self> {
        let files = files(Path::new(ROOT), FILES)?;
        if files.is_empty() {
            bail!("no files below {ROOT}");
        }
        Ok(Self(files))
    }
}

impl Load for Tree {
    fn run(&self, operations: u32) -> Result<Duration> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let files = self.0.iter().cycle();
        let start = Instant::now();
        for file in files.take(operations as usize) {
            // Fails for a file that was removed since, which is an open too.
            drop(open(file, flags, Mode::empty()));
        }
        Ok(start.elapsed())
    }
}

/// Regular files below `root`, directory by directory, at most so many.
fn files(root: &Path, most: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
            if found.len() >= most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}
