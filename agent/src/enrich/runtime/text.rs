//! Bounds of what a runtime tells.

use std::error::Error;

use crate::event::Labels;

/// Bytes of a name or path at most; longer ones are cut.
pub(super) const MAX_TEXT: usize = 4096;
/// Mounts of one container at most.
pub(super) const MAX_MOUNTS: usize = 128;
/// Bytes of keys and values of one set of labels or annotations at most. What does not fit is left out whole, because half
/// a value is a wrong one: `kubectl.kubernetes.io/last-applied-configuration` is the usual case.
pub(super) const MAX_LABELS: usize = 8192;
/// Bytes of one value at most.
pub(super) const MAX_VALUE: usize = 1024;
/// Bytes of a container's id at most.
const MAX_ID: usize = 128;
/// Bytes of an error's text at most.
const MAX_REASON: usize = 300;

/// The text, cut between two characters.
pub(super) fn bounded(text: &str) -> Box<str> {
    cut(text, MAX_TEXT).into()
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// The labels that fit, sorted; by key, so that the same ones do each time.
pub(super) fn labels<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Labels
where
    K: Into<Box<str>>,
    V: Into<Box<str>>,
{
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()));
    let mut labels: Labels = pairs
        .filter(|(key, value): &(Box<str>, Box<str>)| {
            key.len() <= MAX_VALUE && value.len() <= MAX_VALUE
        })
        .collect();
    labels.sort_unstable();
    labels.dedup_by(|a, b| a.0 == b.0);
    let mut room = MAX_LABELS;
    labels.retain(|(key, value)| {
        let size = key.len() + value.len();
        let fits = size <= room;
        if fits {
            room -= size;
        }
        fits
    });
    labels.shrink_to_fit();
    labels
}

/// Whether it can be a container's id. Runtimes use 64 hexadecimal digits; others are let pass where they can do no harm
/// in a path.
pub(super) fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(plain)
}

/// An error with its causes, in one line.
pub(super) fn reason(error: &dyn Error) -> Box<str> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Layers of transports repeat each other.
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        if text.len() > MAX_REASON {
            break;
        }
        cause = error.source();
    }
    let line: String = cut(&text, MAX_REASON)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.into()
}

/// Nanoseconds since the epoch, of a number that may be anything.
pub(super) fn time(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(0)
}

/// A process id, of a number that may be anything; 0 where it is none.
pub(super) fn pid(number: i64) -> u32 {
    i32::try_from(number)
        .ok()
        .and_then(|pid| u32::try_from(pid).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let long = "v".repeat(MAX_VALUE + 1);
        let given = [("b", "2"), ("last-applied", &*long), ("a", "1")];
        let kept = labels(given);
        assert_eq!(kept, [("a".into(), "1".into()), ("b".into(), "2".into())]);
    }

    #[test]
    fn errors_are_one_short_line() {
        let text = format!("a\nb{}", "é".repeat(MAX_REASON));
        let reason = reason(&std::io::Error::other(text));
        assert!(reason.starts_with("a bé") && reason.len() <= MAX_REASON);
    }

    proptest! {
        #[test]
        fn labels_are_bounded_and_sorted(pairs in prop::collection::vec(("[a-z]{0,40}", ".{0,1500}"), 0..60)) {
            let kept = labels(pairs);
            let size: usize = kept.iter().map(|(key, value)| key.len() + value.len()).sum();
            prop_assert!(size <= MAX_LABELS);
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }

        #[test]
        fn cutting_keeps_characters(text in ".*", most in 0_usize..64) {
            let kept = cut(&text, most);
            prop_assert!(kept.len() <= most && text.starts_with(kept));
        }
    }
}
