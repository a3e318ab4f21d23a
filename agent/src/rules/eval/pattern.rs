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
pub(in crate::rules) fn glob(pattern: &[u8], ignore_case: bool) -> Result<Regex, PatternError> {
    build(&translate(pattern), ignore_case, false)
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
    fn large_patterns_are_refused() {
        assert!(regex("(a{1000}){1000}").is_err());
        assert!(regex(&"(".repeat(200)).is_err());
    }
}
