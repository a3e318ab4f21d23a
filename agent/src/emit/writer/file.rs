//! A file, rotated by its size or by whoever moves it away.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::super::Lines;
use super::super::sink::{State, Writer};
use super::Backoff;

/// Waits until what failed is tried again.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// Writes to a file, which nobody but its owner may read. Whatever fails is tried again: disks are made room on,
/// directories come back. Before each write it looks whether the file is still there under its name, so it can be moved away
/// without a word.
#[derive(Debug)]
pub struct Rotated {
    /// Not there only while it is used.
    log: Option<Log>,
    backoff: Backoff,
}

impl Rotated {
    /// Writes there. A file that would become longer than `max_bytes` is renamed to `PATH.1`, and so on; `keep` of these
    /// stay.
    pub fn new(path: PathBuf, max_bytes: u64, keep: u64) -> Self {
        Self {
            log: Some(Log {
                path,
                max_bytes,
                keep,
                open: None,
            }),
            backoff: Backoff::new(FIRST, LONGEST),
        }
    }
}

impl Writer for Rotated {
    async fn write(&mut self, lines: &Arc<Lines>, state: &State) -> io::Result<()> {
        let mut done = 0;
        while let Some(mut log) = self.log.take() {
            let lines = Arc::clone(lines);
            let writing = spawn_blocking(move || {
                let result = log.write(&lines, &mut done);
                (log, done, result)
            });
            let (log, now_done, result) = writing.await?;
            self.log = Some(log);
            done = now_done;
            match result {
                Ok(()) => {
                    self.backoff.reset();
                    state.works();
                    return Ok(());
                }
                Err(error) => {
                    state.fails(error);
                    sleep(self.backoff.wait()).await;
                }
            }
        }
        Err(io::Error::other("a write before failed for good"))
    }
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    max_bytes: u64,
    keep: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
}

impl Log {
    /// Writes the lines from the number `done` on, which it counts up.
    fn write(&mut self, lines: &Lines, done: &mut usize) -> io::Result<()> {
        while *done < lines.len() {
            let start = done.checked_sub(1).map_or(0, |last| lines.end_of(last));
            let size = |line: usize| (lines.end_of(line) - start) as u64;
            let mut len = self.open()?.len()?;
            if len > 0 && len + size(*done) > self.max_bytes {
                self.rotate()?;
                len = self.open()?.len()?;
            }
            let fits = |line: &usize| len + size(*line) <= self.max_bytes;
            // A line that is longer than a file may be has one to itself.
            let last = (*done..lines.len()).take_while(fits).last();
            let last = last.unwrap_or(*done);
            let bytes = lines.bytes().get(start..lines.end_of(last));
            self.open()?.append(bytes.unwrap_or_default(), len)?;
            *done = last + 1;
        }
        Ok(())
    }

    /// The file under the name.
    fn open(&mut self) -> io::Result<&mut Open> {
        let now = match fs::symlink_metadata(&self.path) {
            Ok(meta) => Some((meta.dev(), meta.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let is_there = |open: &Open| Some(open.identity) == now;
        if !self.open.as_ref().is_some_and(is_there) {
            self.open = None;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            none => Ok(none.insert(Open::at(&self.path)?)),
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.open = None;
        let name = |number: u64| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            name
        };
        for number in (1..self.keep).rev() {
            fs::rename(name(number), name(number + 1)).or_else(missing)?;
        }
        match self.keep {
            0 => fs::remove_file(&self.path),
            _ => fs::rename(&self.path, name(1)),
        }
        .or_else(missing)
    }
}

fn missing(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

impl Open {
    /// Opens it, and makes it where there is none. Nothing else than a regular file is written to.
    fn at(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let mut file: File = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?.into();
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("this is no regular file"));
        }
        // A run that was killed may have left half a line.
        if meta.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self {
            identity: (meta.dev(), meta.ino()),
            file,
        })
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Appends whole lines, or none.
    fn append(&mut self, bytes: &[u8], len: u64) -> io::Result<()> {
        let written = self.file.write_all(bytes);
        if written.is_err() {
            // Where this fails too, a part of a line stays, which the next one begins behind.
            if self.file.set_len(len).is_err() {
                drop(self.file.write_all(b"\n"));
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn lines(range: std::ops::Range<u64>) -> Arc<Lines> {
        let mut lines = Lines::default();
        range.for_each(|n| lines.push(format!("line {n:04}\n").as_bytes()));
        Arc::new(lines)
    }

    /// Lines of files, the oldest first.
    fn read(path: &Path, keep: u64) -> String {
        let older = (1..=keep).rev().map(|n| format!("{}.{n}", path.display()));
        let all = older.chain([path.display().to_string()]);
        all.filter_map(|path| fs::read_to_string(path).ok())
            .collect()
    }

    fn text(range: std::ops::Range<u64>) -> String {
        String::from_utf8(lines(range).bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn files_are_bounded_and_so_many_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts.json");
        let mut writer = Rotated::new(path.clone(), 105, 3);
        let state = State::default();
        for n in 0..10 {
            writer
                .write(&lines(n * 7..n * 7 + 7), &state)
                .await
                .unwrap();
        }
        // Ten lines of ten bytes fit.
        assert_eq!(read(&path, 9), text(30..70));
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 4);
        for entry in fs::read_dir(directory.path()).unwrap() {
            let meta = entry.unwrap().metadata().unwrap();
            assert!(meta.len() <= 105);
            assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_line_longer_than_a_file_has_one_to_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts");
        let mut writer = Rotated::new(path.clone(), 5, 2);
        writer.write(&lines(0..3), &State::default()).await.unwrap();
        assert_eq!(read(&path, 2), text(0..3));
        let mut writer = Rotated::new(path.clone(), 5, 0);
        writer.write(&lines(3..6), &State::default()).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(5..6));
    }

    #[tokio::test]
    async fn a_file_that_is_moved_away_or_removed_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts");
        let moved = directory.path().join("alerts-20260101");
        let mut writer = Rotated::new(path.clone(), 1 << 20, 3);
        let state = State::default();
        writer.write(&lines(0..3), &state).await.unwrap();
        fs::rename(&path, &moved).unwrap();
        writer.write(&lines(3..6), &state).await.unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), text(0..3));
        assert_eq!(fs::read_to_string(&path).unwrap(), text(3..6));
        fs::remove_file(&path).unwrap();
        writer.write(&lines(6..9), &state).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(6..9));
    }

    #[tokio::test]
    async fn half_a_line_of_an_earlier_run_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts");
        fs::write(&path, "line 00").unwrap();
        let mut writer = Rotated::new(path.clone(), 1 << 20, 3);
        writer.write(&lines(1..2), &State::default()).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 00\nline 0001\n");
    }

    #[tokio::test]
    async fn what_fails_is_tried_again_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("alerts"), directory.path().join("o"));
        fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        let state = Arc::new(State::default());
        let (of_writer, to) = (Arc::clone(&state), path.clone());
        let writing = tokio::spawn(async move {
            let mut writer = Rotated::new(to, 1 << 20, 3);
            writer.write(&lines(0..2), &of_writer).await
        });
        while state.fault().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
        fs::remove_file(&path).unwrap();
        writing.await.unwrap().unwrap();
        assert_eq!(state.fault(), None);
        assert_eq!(fs::read_to_string(&path).unwrap(), text(0..2));
        assert_eq!(fs::read_to_string(&other).unwrap(), "");
    }
}
