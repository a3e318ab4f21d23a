//! Decoding that transformers do.

/// Decodes standard Base64 with optional padding into `out`; false where it is none.
pub(super) fn base64(text: &[u8], out: &mut impl FnMut(u8)) -> bool {
    let unpadded = text
        .strip_suffix(b"==")
        .or_else(|| text.strip_suffix(b"="))
        .unwrap_or(text);
    if unpadded.len() % 4 == 1 || (unpadded.len() != text.len() && text.len() % 4 != 0) {
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

/// Value of option `name` in `args`, as `getopt(3)` with `spec` reads them.
///
/// `Some(None)` is an option without value.
pub(super) fn option<'a>(
    args: impl Iterator<Item = &'a [u8]>,
    spec: &[u8],
    name: u8,
) -> Option<Option<&'a [u8]>> {
    let takes_value = |option: u8| {
        let at = spec
            .iter()
            .position(|byte| *byte == option && option != b':');
        at.map(|at| spec.get(at + 1) == Some(&b':'))
    };
    let mut args = args;
    while let Some(arg) = args.next() {
        let Some(mut letters) = arg.strip_prefix(b"-").filter(|rest| !rest.is_empty()) else {
            continue;
        };
        if letters == b"-" {
            return None;
        }
        while let [letter, rest @ ..] = letters {
            match takes_value(*letter) {
                Some(true) => {
                    let value = if rest.is_empty() {
                        args.next()
                    } else {
                        Some(rest)
                    };
                    if *letter == name {
                        return value.map(Some);
                    }
                    break;
                }
                Some(false) if *letter == name => return Some(None),
                _ => letters = rest,
            }
        }
    }
    None
}
