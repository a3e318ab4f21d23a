//! Text taken out of YAML scalars that still knows where each byte came from.

use std::ops::Range;

use super::source::Span;

/// Text with its origin. Parts of it may come from different scalars and files, because appending
/// joins conditions.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    text: String,
    /// Ascending by `at`; each covers the text up to the next one.
    pieces: Vec<Piece>,
}

/// A run of text that stands in the file byte for byte.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// First byte in the text.
    at: usize,
    /// First byte in the file.
    raw: u32,
    file: u32,
}

impl Text {
    /// The scalar `value` that YAML decoded from `raw`, which stands at `span`.
    pub(super) fn decoded(value: &str, raw: &str, span: Span) -> Self {
        let mut text = Self {
            text: value.to_owned(),
            pieces: Vec::new(),
        };
        text.align(raw, span);
        text
    }

    /// Text that stands nowhere byte for byte; all of it maps to `span`.
    pub(super) fn synthetic(value: impl Into<String>, span: Span) -> Self {
        let piece = Piece {
            at: 0,
            raw: span.start,
            file: span.file,
        };
        Self {
            text: value.into(),
            pieces: vec![piece],
        }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends a space and another text.
    pub(super) fn append(&mut self, other: &Self) {
        self.text.push(' ');
        self.extend(other);
    }

    /// Appends another text.
    pub(super) fn extend(&mut self, other: &Self) {
        let base = self.text.len();
        self.text.push_str(&other.text);
        let moved = other.pieces.iter().map(|piece| Piece {
            at: piece.at + base,
            ..*piece
        });
        self.pieces.extend(moved);
    }

    /// Appends text that has no origin of its own.
    pub(super) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Removes blanks at both ends.
    pub(super) fn trimmed(&self) -> Self {
        let kept = self.text.trim();
        let offset = self.text.len() - self.text.trim_start().len();
        let mut pieces: Vec<Piece> = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let cut = offset.saturating_sub(piece.at);
            let moved = Piece {
                at: piece.at.saturating_sub(offset),
                raw: piece.raw + u32::try_from(cut).unwrap_or(0),
                file: piece.file,
            };
            if pieces.last().is_some_and(|last| last.at == moved.at) {
                pieces.pop();
            }
            pieces.push(moved);
        }
        Self {
            text: kept.to_owned(),
            pieces,
        }
    }

    /// What follows `prefix`; `None` where the text does not begin so.
    pub(super) fn after(&self, prefix: &str) -> Option<Self> {
        let text = self.text.strip_prefix(prefix)?.to_owned();
        let cut = prefix.len();
        let first = self.pieces.partition_point(|piece| piece.at <= cut).max(1) - 1;
        let kept = self.pieces.iter().skip(first).map(|piece| {
            let inside = u32::try_from(cut.saturating_sub(piece.at)).unwrap_or(0);
            Piece {
                at: piece.at.saturating_sub(cut),
                raw: piece.raw + inside,
                file: piece.file,
            }
        });
        let pieces = kept.collect();
        Some(Self { text, pieces })
    }

    /// Where a range of the text stands in the file it begins in.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let start = self.locate(range.start);
        let last = self.locate(range.end.saturating_sub(1).max(range.start));
        let wide = usize::from(range.end > range.start);
        let end = last.1 + u32::try_from(wide).unwrap_or(0);
        if last.0 == start.0 && end >= start.1 {
            return Span {
                file: start.0,
                start: start.1,
                end,
            };
        }
        Span {
            file: start.0,
            start: start.1,
            end: start.1 + 1,
        }
    }

    fn locate(&self, at: usize) -> (u32, u32) {
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        match self.pieces.get(after.saturating_sub(1)) {
            Some(piece) => {
                let inside = u32::try_from(at.saturating_sub(piece.at)).unwrap_or(0);
                (piece.file, piece.raw + inside)
            }
            None => (0, 0),
        }
    }

    /// Walks the decoded text and its source side by side. Folding, indentation and escapes make
    /// them differ; a new piece begins after each difference.
    fn align(&mut self, raw: &str, span: Span) {
        let (value, raw) = (self.text.as_bytes(), raw.as_bytes());
        let escapes = raw.first() == Some(&b'"');
        let doubled = raw.first() == Some(&b'\'');
        let block = matches!(raw.first(), Some(b'|' | b'>'));
        let mut from = if block {
            end_of_line(raw)
        } else {
            usize::from(escapes || doubled)
        };
        let mut expected = usize::MAX;
        let mut pieces = Vec::new();
        for (at, byte) in value.iter().enumerate() {
            let (found, width) = seek(raw, from, *byte, escapes, doubled);
            if found != expected {
                let offset = u32::try_from(found).unwrap_or(0);
                pieces.push(Piece {
                    at,
                    raw: span.start + offset,
                    file: span.file,
                });
            }
            from = found + width;
            expected = if width == 1 { from } else { usize::MAX };
        }
        if pieces.is_empty() {
            pieces.push(Piece {
                at: 0,
                raw: span.start,
                file: span.file,
            });
        }
        self.pieces = pieces;
    }
}

fn end_of_line(raw: &[u8]) -> usize {
    memchr::memchr(b'\n', raw).map_or(0, |newline| newline + 1)
}

/// Position in `raw`, at or after `from`, of the source of `byte`, and how many bytes it takes.
fn seek(raw: &[u8], from: usize, byte: u8, escapes: bool, doubled: bool) -> (usize, usize) {
    let mut at = from;
    while let Some(source) = raw.get(at) {
        if *source == b'\\' && escapes {
            match raw.get(at + 1) {
                Some(b'\n') => at += 2,
                Some(code) => return (at, 2 + hex_digits(*code)),
                None => return (at, 1),
            }
            continue;
        }
        if *source == byte {
            let pair = doubled && byte == b'\'';
            return (at, 1 + usize::from(pair));
        }
        if !source.is_ascii_whitespace() {
            // A blank made by folding a line break that is already behind.
            return (at.saturating_sub(1).max(from.min(at)), 0);
        }
        if byte == b' ' && *source == b'\n' {
            return (at, 1);
        }
        at += 1;
    }
    (raw.len(), 0)
}

/// Hexadecimal digits that follow an escape of YAML's double quotes.
const fn hex_digits(code: u8) -> usize {
    match code {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => 0,
    }
}
