//! How lines stand in a file of the spool.
//!
//! A segment begins with `KOMAINU1`, the number of its first line (from the beginning of the spool, 64 bits) and a
//! checksum of both. Each line follows as length (32 bits), checksum of length and line, line. All little-endian; the
//! checksum is CRC-32. What does not fit this is damage: a torn write, or somebody else's bytes.

use crc32fast::Hasher;

const MAGIC: &[u8; 8] = b"KOMAINU1";
/// Bytes of the beginning of a segment.
pub(super) const HEADER: usize = 20;
/// Bytes before each line.
pub(super) const FRAME: usize = 8;
/// Bytes of a line at most.
pub(super) const MAX_LINE: usize = 256 * 1024;

/// The beginning of a segment.
pub(super) fn header(first: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let first = first.to_le_bytes();
    let sum = sum(&[MAGIC, &first]).to_le_bytes();
    let parts = MAGIC.iter().chain(&first).chain(&sum);
    for (to, from) in header.iter_mut().zip(parts) {
        *to = *from;
    }
    header
}

/// The number of its first line; `None` for what is no beginning of a segment.
pub(super) fn first(bytes: &[u8]) -> Option<u64> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let (magic, rest) = header.split_first_chunk::<8>()?;
    let (number, told) = rest.split_first_chunk::<8>()?;
    let told = u32::from_le_bytes(*told.first_chunk()?);
    let is_right = magic == MAGIC && told == sum(&[magic, number]);
    is_right.then(|| u64::from_le_bytes(*number))
}

/// Appends a line with its frame.
pub(super) fn append(out: &mut Vec<u8>, line: &[u8]) {
    let len = u32::try_from(line.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&len);
    out.extend_from_slice(&sum(&[&len, line]).to_le_bytes());
    out.extend_from_slice(line);
}

/// What stands somewhere in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'b> {
    /// A line.
    Line(&'b [u8]),
    /// The beginning of a line of so many bytes with its frame, as far as can be told.
    Short(usize),
    /// No line.
    Damage,
}

/// What these bytes begin with.
pub(super) fn next(bytes: &[u8]) -> Next<'_> {
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else {
        return Next::Short(FRAME);
    };
    let size = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
    if size > MAX_LINE {
        return Next::Damage;
    }
    let told = rest.split_first_chunk::<4>();
    let Some((told, line)) = told.and_then(|(told, rest)| Some((told, rest.get(..size)?))) else {
        return Next::Short(FRAME + size);
    };
    if sum(&[len, line]) != u32::from_le_bytes(*told) {
        return Next::Damage;
    }
    Next::Line(line)
}

/// How many whole lines these bytes begin with, and whether anything else follows.
pub(super) fn count(mut bytes: &[u8]) -> (u64, bool) {
    let mut lines = 0;
    while let Next::Line(line) = next(bytes) {
        lines += 1;
        bytes = bytes.get(FRAME + line.len()..).unwrap_or_default();
    }
    (lines, !bytes.is_empty())
}

pub(super) fn sum(parts: &[&[u8]]) -> u32 {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_known_again() {
        let header = header(0x0102_0304_0506_0708);
        assert_eq!(first(&header), Some(0x0102_0304_0506_0708));
        for at in 0..HEADER {
            let mut wrong = header;
            wrong[at] ^= 1;
            assert_eq!(first(&wrong), None, "byte {at}");
            assert_eq!(first(&header[..at]), None, "{at} bytes");
        }
    }

    proptest! {
        #[test]
        fn lines_come_back(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let mut bytes = Vec::new();
            for line in &lines {
                append(&mut bytes, line);
            }
            prop_assert_eq!(count(&bytes), (lines.len() as u64, false));
            let mut rest = &bytes[..];
            for line in &lines {
                prop_assert_eq!(next(rest), Next::Line(line));
                rest = &rest[FRAME + line.len()..];
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            first(&bytes);
            let (lines, rest) = count(&bytes);
            prop_assert!(lines * FRAME as u64 <= bytes.len() as u64);
            prop_assert!(rest || lines > 0 || bytes.is_empty());
        }

        #[test]
        fn one_wrong_byte_is_seen(line in prop::collection::vec(any::<u8>(), 1..50), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let mut bytes = Vec::new();
            append(&mut bytes, &line);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(!matches!(next(&bytes), Next::Line(_)));
        }
    }
}
