//! Paths as rules see them: absolute, with `.`, `..` and repeated slashes removed as text.
//!
//! Symbolic links are not followed here; the kernel's own path of an object is a separate fact.

/// Takes `path` from the directory `base` and writes the result to `out` (which is cleared first).
///
/// `base` is kept as it is and should end in a slash. An absolute `path` ignores it. `.`, `..` and
/// empty components of `path` are resolved as text; `..` never climbs above the root; a trailing
/// slash is removed.
pub fn join(base: &[u8], path: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.resize(joined_capacity(base, path), 0);
    let len = join_in(base, path, out);
    out.truncate(len);
}

/// Bytes that [`join_in`] needs at most.
pub const fn joined_capacity(base: &[u8], path: &[u8]) -> usize {
    base.len() + path.len() + 2
}

/// [`join`] into memory of [`joined_capacity`]; returns the length of the result.
pub fn join_in(base: &[u8], path: &[u8], out: &mut [u8]) -> usize {
    let mut out = Cursor { bytes: out, len: 0 };
    out.push(if path.first() == Some(&b'/') {
        b"/"
    } else {
        base
    });
    for part in path.split(|byte| *byte == b'/') {
        let starts = out.last().is_none_or(|last| last == b'/');
        match part {
            b"" => {}
            b"." if starts => {}
            b".." if starts => out.leave_directory(),
            _ => {
                out.push(part);
                out.push(b"/");
            }
        }
    }
    if out.len > 1 && out.last() == Some(b'/') {
        out.len -= 1;
    }
    out.len
}

/// A slice that fills up.
struct Cursor<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Cursor<'_> {
    fn text(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn last(&self) -> Option<u8> {
        self.text().last().copied()
    }

    fn push(&mut self, part: &[u8]) {
        let end = self.len + part.len();
        if let Some(space) = self.bytes.get_mut(self.len..end) {
            space.copy_from_slice(part);
            self.len = end;
        }
    }

    /// Removes the last component of a path that ends in a slash.
    fn leave_directory(&mut self) {
        if self.text() == b"/" {
            return;
        }
        let inside = self.text().split_last().map_or(&[][..], |(_, rest)| rest);
        self.len = memchr::memrchr(b'/', inside).map_or(0, |slash| slash + 1);
    }
}

/// Text before the last slash; `/` where that is empty or there is none.
pub fn directory(path: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', path) {
        None | Some(0) => b"/",
        Some(end) => path.get(..end).unwrap_or(b"/"),
    }
}

/// Text after the last slash; `/` where there is none.
pub fn file_name(path: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', path) {
        None => b"/",
        Some(slash) => path.get(slash + 1..).unwrap_or_default(),
    }
}
