//! Decoding that transformers do.

/// Decodes standard Base64 with optional padding into `out`; false where it is none.
pub(super) fn base64(text: &[u8], out: &mut impl FnMut(u8)) -> bool {
    let unpadded = text
        .strip_suffix(b"==")
        .or_else(|| text.strip_suffix(b"="))
        .unwrap_or(text);
    if unpadded.len() % 4 == 1 || (unpadded.len() != text.len() && !text.len().is_multiple_of(4)) {
        return false;
    }
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in unpadded {
        let Some(value) = sextet(*byte) else {
            return false;
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out((bits >> count & 0xff) as u8);
        }
    }
    true
}

const fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Reads `args` as `getopt(3)` with the option letters `spec` does, and hands over every option with its
/// value: an unknown option is `?`, a missing value is an empty text under an empty name.
///
/// Reading stops at the first argument that is no option.
pub(super) fn options<'a>(
    args: impl Iterator<Item = &'a [u8]>,
    spec: &[u8],
    each: &mut dyn FnMut(&'a [u8], Option<&'a [u8]>),
) {
    let mut args = args;
    while let Some(arg) = args.next() {
        let Some(letters) = arg
            .strip_prefix(b"-")
            .filter(|rest| !rest.is_empty() && !rest.starts_with(b"-"))
        else {
            return;
        };
        let mut rest = letters;
        while let Some((letter, after)) = rest.split_at_checked(1) {
            if letter.is_empty() {
                break;
            }
            rest = after;
            match takes_value(spec, letter) {
                None => each(b"?", None),
                Some(false) => each(letter, None),
                Some(true) => {
                    let value = if after.is_empty() {
                        args.next()
                    } else {
                        Some(after)
                    };
                    match value {
                        Some(value) => each(letter, Some(value)),
                        None => each(b"", Some(letter)),
                    }
                    break;
                }
            }
        }
    }
}

/// Whether the letters know an option, and whether it takes a value.
fn takes_value(spec: &[u8], letter: &[u8]) -> Option<bool> {
    let letter = letter.first().filter(|byte| **byte != b':')?;
    let at = spec.iter().position(|byte| byte == letter)?;
    Some(spec.get(at + 1) == Some(&b':'))
}
