//! What the kernel can tell of the inside and of the end of a path: its signature.

use komainu_common::filter::{GRAM, Gram, source};

use super::conjunction::{Conjunction, Disjunction, Number};
use super::literal::Noted;
use super::ranges::Ranges;
use crate::rules::eval::Test;

/// Grams of one text that are looked for: as many more would tell little more, and every one of them is in
/// more paths' signatures.
const MAX_GRAMS: usize = 8;

/// What every path that passes the test has in it and at its end; an empty conjunction where the kernel
/// tells nothing of it. The grams that this is about are noted.
pub(super) fn demand(check: &Test, grams: &Noted) -> Disjunction {
    let (parts, end): (Vec<&[u8]>, &[u8]) = match check {
        Test::Contains(finder) => (vec![finder.needle()], b""),
        Test::Suffix(end) => (vec![end], end),
        Test::Glob(glob) => (glob.literals(), glob.literal_end()),
        _ => (Vec::new(), b""),
    };
    let inside = parts.iter().flat_map(|part| some_grams(part));
    let bits = inside.chain(ending(end)).fold(0, |bits, gram| {
        grams.add(gram);
        bits | gram.bits()
    });
    has(bits)
}

/// Grams of a text, spread over it.
fn some_grams(text: &[u8]) -> impl Iterator<Item = Gram> {
    let all = text.windows(GRAM);
    let step = all.len().div_ceil(MAX_GRAMS).max(1);
    let some = all.step_by(step);
    some.filter_map(|gram| Some(Gram::inside(u32::from_le_bytes(gram.try_into().ok()?))))
}

/// What a path ends with that ends with this text. A path that is too short to have a gram has every bit.
fn ending(text: &[u8]) -> Option<Gram> {
    let count = text.len().min(GRAM);
    let mut tail = [0; GRAM];
    let last = text.get(text.len() - count..)?;
    tail.get_mut(GRAM - count..)?.copy_from_slice(last);
    let count = u32::try_from(count).ok().filter(|count| *count > 1)?;
    Some(Gram::ending(u32::from_le_bytes(tail), count))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn suffix(text: &[u8], grams: &Noted) -> u64 {
        let demanded = demand(&Test::Suffix(text.into()), grams);
        let [one] = &demanded[..] else {
            panic!("one conjunction");
        };
        one.numbers
            .first_key_value()
            .map_or(0, |(number, _)| number.mask)
    }

    #[test]
    fn a_path_has_the_bits_of_what_it_ends_with() {
        for text in [
            &b".pem"[..],
            b"tls.key",
            b".so",
            b"py",
            b"/.docker/config.json",
        ] {
            let grams = Noted::default();
            let bits = suffix(text, &grams);
            assert_ne!(bits, 0);
            let signature = |path: &[u8]| grams.grams().signature(path);
            let path = [b"/some/where/", text].concat();
            assert_eq!(signature(&path) & bits, bits);
            assert_eq!(signature(text) & bits, bits, "as the whole path");
            assert_ne!(signature(b"/some/where/else") & bits, bits);
        }
        assert_eq!(suffix(b"a", &Noted::default()), 0);
    }

    #[test]
    fn what_no_rule_asks_for_is_in_no_signature() {
        let grams = Noted::default();
        suffix(b"/.ssh/id_rsa", &grams);
        assert_eq!(
            grams
                .grams()
                .signature(b"/usr/lib/x86_64-linux-gnu/libc.so.6"),
            0
        );
    }

    #[test]
    fn no_bit_of_a_signature_makes_it_negative() {
        for bytes in 0..=u16::MAX {
            let bits = Gram::inside(bytes.into()).bits();
            assert!(i64::try_from(bits).is_ok());
        }
    }
}
