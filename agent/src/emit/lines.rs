//! Finished lines, numbered and formatted, on their way to a writer.

/// Lines in order. What is in one is the writer's own: text with a line break, or a whole message of a protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Lines {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// Where the line of this number ends, counted from the beginning of all.
    pub fn end_of(&self, line: usize) -> usize {
        self.ends.get(line).copied().unwrap_or(self.bytes.len())
    }

    /// Appends one.
    pub fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// Appends what `write` appends, as one line; nothing where it fails.
    pub fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        match written {
            Ok(()) => self.ends.push(self.bytes.len()),
            Err(_) => self.bytes.truncate(start),
        }
        written
    }

    /// Leaves those from this number on.
    #[must_use]
    pub fn from(&self, line: usize) -> Self {
        let mut rest = Self::default();
        for line in self.iter().skip(line) {
            rest.push(line);
        }
        rest
    }

    /// None, and the memory kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let mut lines = Lines::default();
        lines.push(b"one\n");
        lines.push(b"");
        let written: Result<(), ()> = lines.push_with(|out| {
            out.extend_from_slice(b"three\n");
            Ok(())
        });
        assert!(written.is_ok());
        assert!(
            lines
                .push_with(|out| {
                    out.extend_from_slice(b"half");
                    Err(())
                })
                .is_err()
        );
        let all: Vec<&[u8]> = lines.iter().collect();
        assert_eq!(all, [&b"one\n"[..], b"", b"three\n"]);
        assert_eq!((lines.len(), lines.bytes()), (3, &b"one\nthree\n"[..]));
        assert_eq!(lines.from(2).bytes(), b"three\n");
        assert_eq!((lines.end_of(0), lines.end_of(2)), (4, 10));
    }
}
