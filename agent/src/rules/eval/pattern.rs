//! Shell patterns and regular expressions, both in linear time.

use regex::bytes::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 1 << 20;
/// Depth of nesting of a pattern.
const MAX_NESTING: u32 = 100;

/// Why a pattern cannot be used.
pub(in crate::rules) type PatternError = String;

/// A regular expression for the whole text.
pub(in crate::rules) fn regex(pattern: &str) -> Result<Regex, PatternError> {
    build(&format!("^(?:{pattern})$"), false, true)
}

/// A shell pattern as `fnmatch(3)` without flags: `*` and `?` also match slashes.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Glob {
    pattern: Box<[u8]>,
    ignore_case: bool,
    regex: Regex,
}

/// Compiles a shell pattern.
pub(in crate::rules) fn glob(pattern: &[u8], ignore_case: bool) -> Result<Glob, PatternError> {
    Ok(Glob {
        pattern: pattern.into(),
        ignore_case,
        regex: build(&translate(pattern), ignore_case, false)?,
    })
}

impl Glob {
    /// Whether the whole text matches.
    pub(in crate::rules) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// What every text that matches begins with, as far as the pattern is plain text.
    pub(in crate::rules) fn literal_start(&self) -> &[u8] {
        let end = self.pattern.iter().position(is_special);
        self.plain(..end.unwrap_or(self.pattern.len()))
    }

    /// What every text that matches ends with, as far as the pattern is plain text.
    pub(in crate::rules) fn literal_end(&self) -> &[u8] {
        let start = self.pattern.iter().rposition(is_special);
        self.plain(start.map_or(0, |last| last + 1)..)
    }

    /// Whether every text that matches has `part`, as far as the pattern's plain text tells.
    pub(in crate::rules) fn has_literal(&self, part: &[u8]) -> bool {
        let found = |text: &[u8]| memchr::memmem::find(text, part).is_some();
        // What stands between brackets is no text, so then only the ends count.
        if self.pattern.contains(&b'[') {
            return found(self.literal_start()) || found(self.literal_end());
        }
        !self.ignore_case && self.pattern.split(is_special).any(found)
    }

    fn plain(&self, range: impl std::slice::SliceIndex<[u8], Output = [u8]>) -> &[u8] {
        if self.ignore_case {
            return b"";
        }
        self.pattern.get(range).unwrap_or_default()
    }
}

/// Whether a byte of a pattern is or may be more than itself.
const fn is_special(byte: &u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\')
}

fn build(pattern: &str, ignore_case: bool, unicode: bool) -> Result<Regex, PatternError> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .nest_limit(MAX_NESTING)
        .case_insensitive(ignore_case)
        .dot_matches_new_line(true)
        .unicode(unicode)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("pattern takes more than {limit} bytes when compiled")
            }
            other => other
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
                .to_owned(),
        })
}

/// The pattern as a regular expression over bytes.
fn translate(pattern: &[u8]) -> String {
    let mut out = String::from("^");
    let mut rest = pattern;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'*' => out.push_str(".*"),
            b'?' => out.push('.'),
            b'[' => match class(tail) {
                Some((text, len)) => {
                    out.push_str(&text);
                    rest = tail.get(len..).unwrap_or_default();
                }
                None => literal(b'[', &mut out),
            },
            b'\\' => match tail {
                [escaped, after @ ..] => {
                    literal(*escaped, &mut out);
                    rest = after;
                }
                [] => literal(b'\\', &mut out),
            },
            other => literal(*other, &mut out),
        }
    }
    out.push('$');
    out
}

fn literal(byte: u8, out: &mut String) {
    use std::fmt::Write as _;
    if byte.is_ascii_alphanumeric() || byte == b'/' {
        out.push(char::from(byte));
    } else {
        let written = write!(out, "\\x{byte:02x}");
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
}

/// A bracket expression behind its opening bracket: its translation and length.
fn class(text: &[u8]) -> Option<(String, usize)> {
    let mut out = String::from("[");
    let mut at = 0;
    if matches!(text.first(), Some(b'!' | b'^')) {
        out.push('^');
        at = 1;
    }
    let first = at;
    loop {
        let byte = *text.get(at)?;
        if byte == b']' && at > first {
            out.push(']');
            return Some((out, at + 1));
        }
        let named = text.get(at..).and_then(|rest| rest.strip_prefix(b"[:"));
        if let Some(rest) = named
            && let Some(len) = rest.windows(2).position(|pair| pair == b":]")
        {
            let name = std::str::from_utf8(rest.get(..len)?).ok()?;
            out.push_str("[:");
            out.push_str(name);
            out.push_str(":]");
            at += len + 4;
            continue;
        }
        let (low, width) = class_byte(text, at)?;
        literal(low, &mut out);
        at += width;
        if text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|byte| *byte != b']') {
            let (high, width) = class_byte(text, at + 1)?;
            // A range backwards matches nothing; the lower bound alone is kept.
            if high >= low {
                out.push('-');
                literal(high, &mut out);
            }
            at += 1 + width;
        }
    }
}

/// A byte of a bracket expression and how long it is written.
fn class_byte(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match *text.get(at)? {
        b'\\' => Some((*text.get(at + 1)?, 2)),
        byte => Some((byte, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_like_fnmatch() {
        let cases: &[(&str, &str, bool)] = &[
            ("/*init", "/sbin/init", true),
            ("*../*../*", "/a/../b/../c", true),
            ("a?c", "a/c", true),
            ("a[!b]c", "abc", false),
            ("a[^b]c", "axc", true),
            ("a[]x]c", "a]c", true),
            ("a[b-d]e", "ace", true),
            ("[[:digit:]]*", "7x", true),
            ("a[b", "a[b", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("{a,b}", "a", false),
            ("", "", true),
        ];
        for (pattern, text, expected) in cases {
            let matched = glob(pattern.as_bytes(), false)
                .unwrap()
                .is_match(text.as_bytes());
            assert_eq!(matched, *expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn the_plain_text_of_a_glob() {
        let parts = |pattern: &str| {
            let glob = glob(pattern.as_bytes(), false).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(glob.literal_start()), text(glob.literal_end()))
        };
        let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        assert_eq!(parts("/proc/*/exe"), pair("/proc/", "/exe"));
        assert_eq!(parts("/dev/sd[a-z]"), pair("/dev/sd", ""));
        assert_eq!(parts("/plain"), pair("/plain", "/plain"));
        assert_eq!(parts("a\\*b"), pair("a", "b"));
        let has = |pattern: &str, case: bool, part: &[u8]| {
            glob(pattern.as_bytes(), case).unwrap().has_literal(part)
        };
        assert!(has("*../*../*", false, b".."));
        assert!(!has("[../]*", false, b"..") && !has("x", true, b"x"));
    }

    #[test]
    fn large_patterns_are_refused() {
        assert!(regex("(a{1000}){1000}").is_err());
        assert!(regex(&"(".repeat(200)).is_err());
    }
}
