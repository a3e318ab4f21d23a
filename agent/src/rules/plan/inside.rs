//! What the kernel can tell of the inside and of the end of a path: its signature and its last bytes.

use komainu_common::filter::{signature, source};

use super::conjunction::{Conjunction, Disjunction, Number, all_of};
use super::ranges::Ranges;
use crate::rules::eval::Test;

/// Bytes of a path's end that the kernel compares.
const TAIL: usize = 4;

/// What every path that passes the test has in it and at its end; an empty conjunction where the kernel
/// tells nothing of it.
pub(super) fn demand(check: &Test, budget: usize) -> Disjunction {
    let (parts, end): (Vec<&[u8]>, &[u8]) = match check {
        Test::Contains(finder) => (vec![finder.needle()], b""),
        Test::Suffix(end) => (vec![end], end),
        Test::Glob(glob) => (glob.literals(), glob.literal_end()),
        _ => (Vec::new(), b""),
    };
    let bits = parts.iter().fold(0, |bits, part| bits | signature(part));
    all_of(vec![has(bits), ends_with(end)], budget)
}

/// The signature has these bits.
fn has(bits: u64) -> Disjunction {
    let number = Number {
        source: source::SIGNATURE,
        mask: bits,
    };
    match i64::try_from(bits) {
        Ok(value @ 1..) => Conjunction::number(number, Ranges::one(value)),
        _ => vec![Conjunction::default()],
    }
}

/// The path ends with this text, which may be longer than what is compared. Of a path shorter than
/// [`TAIL`] the kernel has 0, so the test is only made where the text is that long.
fn ends_with(text: &[u8]) -> Disjunction {
    let Some(last) = text.last_chunk::<TAIL>() else {
        return short_end(text);
    };
    let number = Number {
        source: source::TAIL,
        mask: u32::MAX.into(),
    };
    Conjunction::number(number, Ranges::one(u32::from_le_bytes(*last).into()))
}

/// The same for a text of two or three bytes: a path of at most three bytes (0 in the kernel) may end so
/// too.
fn short_end(text: &[u8]) -> Disjunction {
    let missing = TAIL.saturating_sub(text.len());
    if missing > 2 {
        return vec![Conjunction::default()];
    }
    let mut bytes = [0; TAIL];
    let mut mask = [0; TAIL];
    for ((byte, bits), from) in bytes.iter_mut().zip(&mut mask).skip(missing).zip(text) {
        (*byte, *bits) = (*from, u8::MAX);
    }
    let number = Number {
        source: source::TAIL,
        mask: u32::from_le_bytes(mask).into(),
    };
    let value = i64::from(u32::from_le_bytes(bytes));
    Conjunction::number(number, Ranges::new(vec![(0, 0), (value, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_compared_from_the_back() {
        let tail = |text: &[u8]| {
            let [one] = &ends_with(text)[..] else {
                panic!("one conjunction");
            };
            let (number, values) = one.numbers.first_key_value()?;
            Some((number.mask, values.ranges().last()?.0))
        };
        let of_path = |path: &[u8]| i64::from(u32::from_le_bytes(*path.last_chunk().unwrap()));
        for text in [&b".pem"[..], b"tls.key", b".so", b"py"] {
            let (mask, value) = tail(text).unwrap();
            let path = [b"/some/where/", text].concat();
            assert_eq!(of_path(&path) & i64::try_from(mask).unwrap(), value);
            assert_ne!(
                of_path(b"/some/where/else") & i64::try_from(mask).unwrap(),
                value
            );
        }
        assert_eq!(tail(b"a"), None);
    }

    #[test]
    fn no_bit_of_a_signature_makes_it_negative() {
        for byte in 0..=u8::MAX {
            let text = [b"/a", &[byte, byte][..]].concat();
            assert!(i64::try_from(signature(&text)).is_ok());
        }
    }
}
