//! Lines that a writer cannot take now, on disk until it can: in order, bounded, across restarts.
//!
//! ```text
//!  append ─► last segment … first segment ─► peek, then commit
//! ```
//!
//! Files are only appended to, and removed when they have been read: nothing is written twice. A run never appends to a
//! file of an earlier one, so a torn end stays at an end. Lines are numbered over all runs, so that what damage took is
//! counted where a later segment shows it; at the very end it counts as one line. What was read and not committed is read
//! again by the next run: a line may come twice.
//!
//! Nothing is flushed to the disk line by line. What the kernel had not written when the machine lost power is
//! missing, and a gap of `seq` shows it.

mod directory;
mod find;
mod segment;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::Lines;
use directory::{Directory, Position};
use segment::{FRAME, HEADER, MAX_LINE, Next};

/// Bytes of a segment, about, as a part of all.
const SEGMENTS: u64 = 16;
/// Bytes of a segment at most, about.
const MAX_SEGMENT: u64 = 8 << 20;

/// A spool on disk.
#[derive(Debug)]
pub struct Spool {
    directory: Directory,
    max_bytes: u64,
    /// Oldest first. The first is the one that is read.
    segments: VecDeque<Segment>,
    /// The last of them, while this run writes it.
    writing: Option<File>,
    /// The first of them, while it is read.
    reading: Option<File>,
    read: Position,
    /// Where what was read last ends.
    peeked: Option<Position>,
    /// Number of the next segment.
    next_segment: u64,
    /// Number of the next line.
    next_line: u64,
    /// Lines that damage took and nobody was told of.
    damaged: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    /// Number of its first line; `None` where its beginning cannot be read.
    first: Option<u64>,
    /// Bytes of it that count: all, or as many as this run has written.
    len: u64,
}

impl Spool {
    /// Opens the spool there, of `max_bytes` at most, with what an earlier run left in it. `WouldBlock` where another
    /// agent uses it.
    pub fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let directory = Directory::open(path)?;
        let mut spool = Self {
            directory,
            max_bytes,
            segments: VecDeque::new(),
            writing: None,
            reading: None,
            read: Position::default(),
            peeked: None,
            next_segment: 0,
            next_line: 0,
            damaged: 0,
        };
        spool.find()?;
        Ok(spool)
    }

    /// Whether everything has been read and committed.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    /// Whether there is room for so many bytes of lines.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.bytes().saturating_add(bytes) <= self.max_bytes
    }

    /// Appends lines, in order; how many, and why not all. A line is appended whole or not at all.
    pub fn append(&mut self, lines: &Lines) -> (usize, io::Result<()>) {
        let mut done = 0;
        let mut waiting = lines.iter().peekable();
        while waiting.peek().is_some() {
            let (mut bytes, mut count) = (Vec::new(), 0);
            while let Some(line) = waiting.next_if(|_| (bytes.len() as u64) < self.segment_bytes())
            {
                if line.len() > MAX_LINE {
                    return (done, Err(io::ErrorKind::InvalidInput.into()));
                }
                segment::append(&mut bytes, line);
                count += 1;
            }
            if let Err(error) = self.write(&bytes, count) {
                return (done, Err(error));
            }
            done += usize::try_from(count).unwrap_or(usize::MAX);
        }
        (done, Ok(()))
    }

    fn segment_bytes(&self) -> u64 {
        (self.max_bytes / SEGMENTS).min(MAX_SEGMENT)
    }

    /// Writes so many framed lines at the end.
    fn write(&mut self, bytes: &[u8], count: u64) -> io::Result<()> {
        let is_full = |last: &Segment| last.len >= self.segment_bytes();
        if self.writing.is_none() || self.segments.back().is_none_or(is_full) {
            self.roll()?;
        }
        let (Some(file), Some(last)) = (&self.writing, self.segments.back_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Err(error) = file.write_all_at(bytes, last.len) {
            // What was written of it must not stay before what comes next. Where it does, another file goes on.
            if file.set_len(last.len).is_err() {
                self.writing = None;
            }
            return Err(error);
        }
        last.len += bytes.len() as u64;
        self.next_line = self.next_line.saturating_add(count);
        Ok(())
    }

    /// Begins another segment.
    fn roll(&mut self) -> io::Result<()> {
        if let Some(full) = self.writing.take() {
            // Where it fails the kernel writes it when it likes.
            full.sync_data().ok();
        }
        let number = self.next_segment;
        self.next_segment += 1;
        let file = self.directory.create(number)?;
        if let Err(error) = file.write_all_at(&segment::header(self.next_line), 0) {
            self.directory.remove(number).ok();
            return Err(error);
        }
        let segment = Segment {
            number,
            first: Some(self.next_line),
            len: HEADER as u64,
        };
        if self.segments.is_empty() {
            self.read = segment.beginning(self.next_line);
        }
        self.segments.push_back(segment);
        self.writing = Some(file);
        Ok(())
    }

    /// Counts everything that is there as read: it is being written already.
    pub fn claim_all(&mut self) {
        if let Some(last) = self.segments.back() {
            self.peeked = Some(Position {
                segment: last.number,
                offset: last.len,
                line: self.next_line,
            });
        }
    }

    /// The oldest lines, at least one and so many at most, and no more bytes than that with the second; none where there
    /// are none. They stay until [`Self::commit`].
    pub fn peek(&mut self, lines: usize, bytes: usize) -> io::Result<Lines> {
        let mut found = Lines::default();
        while let Some(segment) = self.segments.front().copied() {
            if segment.first.is_none() {
                self.skip_segment();
                continue;
            }
            let left = segment.len.saturating_sub(self.read.offset);
            if left == 0 {
                self.next_segment()?;
                continue;
            }
            let chunk = match self.read_chunk(segment.number, left, bytes) {
                Err(error) if !is_lost(&error) => return Err(error),
                // Nothing is a line.
                chunk => chunk.unwrap_or_default(),
            };
            let taken = take(&chunk, lines, bytes, &mut found);
            if found.is_empty() {
                self.skip_segment();
                continue;
            }
            self.peeked = Some(Position {
                segment: segment.number,
                offset: self.read.offset + taken as u64,
                line: self.read.line.saturating_add(found.len() as u64),
            });
            break;
        }
        Ok(found)
    }

    fn read_chunk(&mut self, number: u64, left: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let want = (bytes.saturating_add(FRAME)).max(MAX_LINE + FRAME) as u64;
        let size = usize::try_from(left.min(want)).unwrap_or(usize::MAX);
        let file = match &mut self.reading {
            Some(file) => file,
            none => none.insert(self.directory.read(number)?),
        };
        let mut chunk = vec![0; size];
        file.read_exact_at(&mut chunk, self.read.offset)?;
        Ok(chunk)
    }

    /// What was read last is written: it is forgotten.
    pub fn commit(&mut self) -> io::Result<()> {
        let Some(to) = self.peeked.take() else {
            return Ok(());
        };
        while self
            .segments
            .front()
            .is_some_and(|first| first.number < to.segment)
        {
            self.drop_segment()?;
        }
        self.read = to;
        let is_read = |first: &Segment| first.number == to.segment && to.offset >= first.len;
        if self.segments.front().is_some_and(is_read) {
            self.next_segment()?;
        }
        self.directory.keep(self.read)
    }

    /// The rest of the first segment cannot be read.
    fn skip_segment(&mut self) {
        let after = self.segments.iter().skip(1).find_map(|next| next.first);
        let unknown = self.segments.iter().skip(1);
        let unknown = unknown.take_while(|next| next.first.is_none()).count() as u64;
        let end = after.unwrap_or(self.next_line);
        // Lines of further segments of which nothing is known are told with those.
        let lost = end
            .saturating_sub(self.read.line)
            .saturating_sub(unknown)
            .max(1);
        self.damaged = self.damaged.saturating_add(lost);
        self.read.line = self.read.line.saturating_add(lost);
        // The file stays where it cannot be removed, and is left out from now on.
        drop(self.next_segment());
    }

    /// Goes on with the next segment, from its beginning.
    fn next_segment(&mut self) -> io::Result<()> {
        let removed = self.drop_segment();
        self.read = match self.segments.front() {
            Some(first) => {
                let begin = first.beginning(self.read.line);
                // The one before was cut off between two lines.
                let cut = begin.line.saturating_sub(self.read.line);
                self.damaged = self.damaged.saturating_add(cut);
                begin
            }
            None => Position {
                segment: self.next_segment,
                offset: 0,
                line: self.read.line,
            },
        };
        removed
    }

    fn drop_segment(&mut self) -> io::Result<()> {
        self.reading = None;
        if self.segments.len() == 1 {
            self.writing = None;
        }
        match self.segments.pop_front() {
            Some(first) => self.directory.remove(first.number).or_else(gone),
            None => Ok(()),
        }
    }

    /// Lines that damage took since the last call.
    pub fn take_damaged(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }

    /// Has the kernel write everything to the disk.
    pub fn finish(&mut self) -> io::Result<()> {
        self.writing.take().map_or(Ok(()), |file| file.sync_data())
    }
}

impl Segment {
    /// Its first line, which is `line` where that is not known.
    fn beginning(&self, line: u64) -> Position {
        Position {
            segment: self.number,
            offset: HEADER as u64,
            line: self.first.unwrap_or(line),
        }
    }
}

/// Takes whole lines from the beginning of these bytes; returns how many bytes that was.
fn take(chunk: &[u8], lines: usize, bytes: usize, found: &mut Lines) -> usize {
    let mut taken = 0;
    while found.len() < lines.max(1) {
        let Next::Line(line) = segment::next(chunk.get(taken..).unwrap_or_default()) else {
            break;
        };
        if !found.is_empty() && found.bytes().len() + line.len() > bytes {
            break;
        }
        found.push(line);
        taken += FRAME + line.len();
    }
    taken
}

/// What cannot be read will not be read the next time either.
fn is_lost(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    ) || matches!(
        errno,
        Some(rustix::io::Errno::IO | rustix::io::Errno::LOOP | rustix::io::Errno::STALE)
    )
}

fn gone(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests;
