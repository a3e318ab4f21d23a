//! What an earlier run left in a spool.

use std::io;
use std::os::unix::fs::FileExt as _;

use super::directory::Position;
use super::segment::{self, HEADER};
use super::{MAX_SEGMENT, Segment, Spool};

impl Spool {
    /// Takes over what is there.
    pub(super) fn find(&mut self) -> io::Result<()> {
        let position = self.directory.position();
        let begin = position.map_or(0, |position| position.segment);
        for number in self.directory.segments()? {
            if number < begin {
                // It was read to its end.
                self.directory.remove(number)?;
                continue;
            }
            let mut header = [0; HEADER];
            let file = self.directory.read(number);
            let (len, first) = match file {
                Ok(file) => {
                    let read = file.read_exact_at(&mut header, 0);
                    (
                        file.metadata()?.len(),
                        read.ok().and_then(|()| segment::first(&header)),
                    )
                }
                Err(_) => (0, None),
            };
            self.segments.push_back(Segment { number, first, len });
        }
        self.next_segment = self.segments.back().map_or(begin, |last| last.number) + 1;
        self.next_line = self.count();
        self.read = match (position, self.segments.front()) {
            (Some(position), Some(first))
                if position.segment == first.number && position.offset > HEADER as u64 =>
            {
                position
            }
            (_, Some(first)) => first.beginning(position.map_or(0, |position| position.line)),
            (Some(position), None) => position,
            (None, None) => Position::default(),
        };
        self.next_line = self.next_line.max(self.read.line);
        Ok(())
    }

    /// The number behind that of the last line that is there.
    fn count(&self) -> u64 {
        let mut next = 0_u64;
        let mut segments = self.segments.iter().peekable();
        while let Some(segment) = segments.next() {
            let Some(first) = segment.first else {
                // How many there were cannot be told; one at least.
                next = next.saturating_add(1);
                continue;
            };
            next = next.max(first);
            if segments.peek().is_none_or(|after| after.first.is_none()) {
                let (lines, is_torn) = self.lines_of(segment.number);
                next = next
                    .saturating_add(lines)
                    .saturating_add(u64::from(is_torn));
            }
        }
        next
    }

    /// Lines of a segment, and whether something else follows.
    fn lines_of(&self, number: u64) -> (u64, bool) {
        let read = || {
            let file = self.directory.read(number)?;
            // One of ours is hardly longer than a segment may be.
            let len = file.metadata()?.len().min(2 * MAX_SEGMENT);
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            file.read_exact_at(&mut bytes, 0)?;
            Ok::<_, io::Error>(segment::count(bytes.get(HEADER..).unwrap_or_default()))
        };
        read().unwrap_or((0, true))
    }
}
