//! Quotes and escapes of constants.

/// Resolves the escapes of a constant in `quote` marks; `inside` is the text between them.
///
/// Known escapes are `\b \f \n \r \t \\ \/`, the quote itself, `\xHH`, and backslash-space, which
/// is a single backslash.
pub fn unquote(inside: &[u8], quote: u8) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b' ') => out.push(b'\\'),
            Some(plain @ (b'\\' | b'/')) => out.push(plain),
            Some(mark) if mark == quote => out.push(mark),
            Some(b'x') => out.push(hex_escape(bytes.next(), bytes.next())?),
            Some(mark @ (b'"' | b'\'')) => {
                let (mark, quote) = (char::from(mark), char::from(quote));
                return Err(format!("invalid \\{mark} escape in {quote}-quoted string"));
            }
            Some(other) => {
                let name = char::from(other).escape_default();
                return Err(format!("unknown escape `\\{name}`"));
            }
            None => return Err("incomplete escape at the end of the string".to_owned()),
        }
    }
    Ok(out)
}

fn hex_escape(high: Option<u8>, low: Option<u8>) -> Result<u8, String> {
    let (Some(high), Some(low)) = (high, low) else {
        return Err("truncated hex char escape sequence".to_owned());
    };
    if let (Some(high), Some(low)) = (hex(high), hex(low)) {
        Ok(high << 4 | low)
    } else {
        let digits = String::from_utf8_lossy(&[high, low]).into_owned();
        Err(format!("invalid hex char escape sequence: {digits}"))
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// The constant as conditions are printed: in double quotes if it holds a blank, a quote, a backslash
/// or a control character, or is empty.
pub fn quote(value: &[u8]) -> Vec<u8> {
    let special =
        |byte: &u8| byte.is_ascii_control() || matches!(byte, b' ' | b'"' | b'\'' | b'\\');
    if !value.is_empty() && !value.iter().any(special) {
        return value.to_vec();
    }
    let mut out = vec![b'"'];
    for (at, byte) in value.iter().enumerate() {
        match *byte {
            // A quote behind a backslash does not close, so the last one is written by its number.
            b'\\' if at + 1 == value.len() => out.extend_from_slice(b"\\x5c"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.push(other),
        }
    }
    out.push(b'"');
    out
}
