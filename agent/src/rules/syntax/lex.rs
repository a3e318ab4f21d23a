//! Tokens of the condition language. Which token may come depends on the place, so the parser asks.

use super::ast::At;

/// A position in the text of a condition.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    /// Next byte to read.
    pub(super) at: usize,
    /// The token read last, for messages.
    pub(super) last: At,
}

/// Blanks of the language.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 8 | b'\r' | b'\n')
}

/// What POSIX calls `[:space:]`, at which bare strings end.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 11 | 12)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'t> Cursor<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            last: 0..0,
        }
    }

    /// What is left, as bytes.
    pub(super) fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Text of a range.
    pub(super) fn slice(&self, at: &At) -> &'t str {
        self.text.get(at.clone()).unwrap_or_default()
    }

    /// Whether everything is read.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Skips blanks; whether there were any.
    pub(super) fn blank(&mut self) -> bool {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| is_blank(**byte))
            .count();
        self.at += count;
        count > 0
    }

    /// Takes the next `len` bytes as a token.
    pub(super) fn take(&mut self, len: usize) -> At {
        self.last = self.at..self.at + len;
        self.at += len;
        self.last.clone()
    }

    /// Takes `token` if it is next.
    pub(super) fn literal(&mut self, token: &str) -> Option<At> {
        self.rest()
            .starts_with(token.as_bytes())
            .then(|| self.take(token.len()))
    }

    /// Takes `word` if it is next and a blank follows, which is taken too.
    pub(super) fn word_and_blank(&mut self, word: &str) -> Option<At> {
        let after = self.rest().strip_prefix(word.as_bytes())?.first()?;
        is_blank(*after).then(|| {
            let at = self.take(word.len());
            self.at += 1;
            at
        })
    }

    /// Takes `name` if it is next and a parenthesis opens right behind it; leaves the parenthesis.
    pub(super) fn call(&mut self, name: &str) -> Option<At> {
        let after = self.rest().strip_prefix(name.as_bytes())?.first()?;
        (*after == b'(').then(|| self.take(name.len()))
    }

    /// Length of an identifier at the beginning of `bytes`, 0 for none.
    fn identifier_len(bytes: &[u8]) -> usize {
        match bytes.first() {
            Some(first) if first.is_ascii_alphabetic() => {
                bytes.iter().take_while(|byte| is_word(**byte)).count()
            }
            _ => 0,
        }
    }

    /// Takes an identifier.
    pub(super) fn identifier(&mut self) -> Option<At> {
        let len = Self::identifier_len(self.rest());
        (len > 0).then(|| self.take(len))
    }

    /// The identifier that is next, without taking it.
    pub(super) fn peek_identifier(&self) -> &'t str {
        let len = Self::identifier_len(self.rest());
        self.slice(&(self.at..self.at + len))
    }

    /// Takes a field name: identifiers joined with dots, at least two.
    pub(super) fn field_name(&mut self) -> Option<At> {
        let rest = self.rest();
        let mut len = Self::identifier_len(rest);
        let first = len;
        while len > 0 && rest.get(len) == Some(&b'.') {
            let part = Self::identifier_len(rest.get(len + 1..).unwrap_or_default());
            if part == 0 {
                break;
            }
            len += 1 + part;
        }
        (len > first).then(|| self.take(len))
    }

    /// Takes a bare argument in brackets.
    pub(super) fn bare_argument(&mut self) -> Option<At> {
        let ends = |byte: &u8| is_space(*byte) || matches!(byte, b'[' | b']' | b'"' | b'\'');
        let len = self.rest().iter().take_while(|byte| !ends(byte)).count();
        (len > 0).then(|| self.take(len))
    }

    /// Takes a bare constant.
    pub(super) fn bare_string(&mut self) -> Option<At> {
        let ends =
            |byte: &u8| is_space(*byte) || matches!(byte, b'(' | b')' | b'"' | b'\'' | b'=' | b',');
        let len = self.rest().iter().take_while(|byte| !ends(byte)).count();
        (len > 0).then(|| self.take(len))
    }

    /// Takes a constant in quotes, the marks included. The closing mark is the first one whose
    /// previous byte is no backslash.
    pub(super) fn quoted(&mut self) -> Option<At> {
        let rest = self.rest();
        let quote = *rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let closes = |pair: &[u8]| pair.first() != Some(&b'\\') && pair.last() == Some(&quote);
        let end = rest.windows(2).position(closes)? + 2;
        Some(self.take(end))
    }

    /// Takes a number: decimal with fraction and exponent, or hexadecimal.
    pub(super) fn number(&mut self) -> Option<At> {
        let rest = self.rest();
        let len = hex_len(rest).max(decimal_len(rest));
        (len > 0).then(|| self.take(len))
    }
}

fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

fn hex_len(bytes: &[u8]) -> usize {
    let [b'0', b'x' | b'X', rest @ ..] = bytes else {
        return 0;
    };
    match rest
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count()
    {
        0 => 0,
        len => len + 2,
    }
}

fn decimal_len(bytes: &[u8]) -> usize {
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let tail = |from: usize| bytes.get(from..).unwrap_or_default();
    let whole = digits(tail(sign));
    if whole == 0 {
        return 0;
    }
    let mut len = sign + whole;
    if bytes.get(len) == Some(&b'.') {
        len += 1 + digits(tail(len + 1));
    }
    if let [b'e' | b'E', b'+' | b'-', exponent @ ..] = tail(len) {
        let exponent = digits(exponent);
        len += if exponent > 0 { 2 + exponent } else { 0 };
    }
    len
}
