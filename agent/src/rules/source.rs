//! Rule files as they were given, and places in them.

/// One rule file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name shown in messages, usually the path.
    pub name: String,
    /// Content, which need not be valid UTF-8.
    pub text: Vec<u8>,
    /// Why there is no content, where the file could not be read.
    pub problem: Option<String>,
}

impl Source {
    /// A file with this name and content.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            problem: None,
        }
    }

    /// A file that could not be read, and why; loading it gives the error `E0001`.
    pub fn unreadable(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: Vec::new(),
            problem: Some(problem.into()),
        }
    }
}

/// A range of bytes in one of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Number of the file, in the order the files were given.
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Whether `other` lies within it.
    pub const fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A line and column for people, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// The files of one load, for turning spans into text.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<(String, String)>,
}

impl Files {
    /// Adds a file; the number it gets is that of its spans.
    pub(super) fn add(&mut self, name: &str, text: String) {
        self.files.push((name.to_owned(), text));
    }

    /// Name of a file.
    pub fn name(&self, file: u32) -> &str {
        self.file(file).map_or("", |file| &file.0)
    }

    /// Text of a file; what was not UTF-8 is replaced.
    pub fn text(&self, file: u32) -> &str {
        self.file(file).map_or("", |file| &file.1)
    }

    fn file(&self, file: u32) -> Option<&(String, String)> {
        self.files.get(usize::try_from(file).ok()?)
    }

    /// Text that a span covers.
    pub fn slice(&self, span: Span) -> &str {
        let text = self.text(span.file);
        let start = text.floor_char_boundary(span.start as usize);
        let end = text.ceil_char_boundary(span.end as usize);
        text.get(start..end).unwrap_or_default()
    }

    /// Where a span begins.
    pub fn position(&self, span: Span) -> Position {
        let text = self.text(span.file);
        let start = text.floor_char_boundary(span.start as usize);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        Position {
            line: memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1,
            column: in_line.chars().count() + 1,
        }
    }
}
