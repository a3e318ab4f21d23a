//! Control characters must not reach a terminal or a line-based reader.
//!
//! Command lines and file names are chosen by whoever is being watched: an escape sequence in one
//! could rewrite what an operator sees, a line break forge a line.

use std::io;

use serde_json::ser::Formatter;

/// Not printable, or able to reorder what is: C0, DEL, C1, line and paragraph separators,
/// bidirectional controls (Unicode TR36, "Trojan Source").
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends text with unsafe characters and backslashes escaped, as `\n`, `\t`, `\u{1b}`.
pub(super) fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}

/// Compact JSON that escapes what `serde_json` would pass through raw.
#[derive(Clone, Copy, Debug)]
pub(super) struct SafeJson;

impl Formatter for SafeJson {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut clean = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_unsafe(*c)) {
            writer.write_all(fragment.get(clean..at).unwrap_or_default().as_bytes())?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            clean = at + c.len_utf8();
        }
        writer.write_all(fragment.get(clean..).unwrap_or_default().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, SafeJson);
        text.serialize(&mut serializer).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn terminal_sequences() {
        assert_eq!(
            json("a\x1b[2J\x7f\u{9b}é\u{202e}\u{61c}\"\\\n"),
            r#""a\u001b[2J\u007f\u009bé\u202e\u061c\"\\\n""#
        );
        let mut out = String::new();
        escape_into(&mut out, "a\x1b[2J\n\\\u{202e}é");
        assert_eq!(out, r"a\u{1b}[2J\n\\\u{202e}é");
    }

    proptest! {
        #[test]
        fn reads_back(text in any::<String>()) {
            let line = json(&text);
            prop_assert!(!line.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text.clone());
            let mut out = String::new();
            escape_into(&mut out, &text);
            prop_assert!(!out.chars().any(is_unsafe));
        }
    }
}
