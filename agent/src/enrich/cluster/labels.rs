//! Labels and annotations within limits.

use super::object::Texts;
use crate::event::Labels;

/// Entries of one object at most.
const MAX_ENTRIES: usize = 128;
/// Bytes of one object's keys and values at most. A label has at most 317 + 63 of them; annotations of
/// one object may have 256 KiB.
const MAX_BYTES: usize = 8 << 10;
/// Bytes of one value at most. Longer ones are whole documents, made for machines.
const MAX_VALUE: usize = 1 << 10;
/// The manifest as it was applied: a copy of the object, with whatever secret its author wrote into it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is kept, sorted by key. An entry is kept whole or not at all: half a value would be a wrong one.
pub(super) fn bounded(texts: Option<Texts>) -> Labels {
    let mut left = MAX_BYTES;
    let fits = |(key, value): &(Box<str>, Box<str>)| {
        let bytes = key.len() + value.len();
        if &**key == LAST_APPLIED || value.len() > MAX_VALUE || bytes > left {
            return false;
        }
        left -= bytes;
        true
    };
    texts
        .unwrap_or_default()
        .into_iter()
        .filter(fits)
        .take(MAX_ENTRIES)
        .collect()
}

/// Bytes of all keys and values.
pub(super) fn bytes(labels: &Labels) -> usize {
    labels
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(entries: impl IntoIterator<Item = (String, String)>) -> Labels {
        let boxed = |(k, v): (String, String)| (k.into_boxed_str(), v.into_boxed_str());
        bounded(Some(entries.into_iter().map(boxed).collect()))
    }

    #[test]
    fn what_is_ordinary_is_kept_sorted() {
        let kept = keep([("b".into(), "2".into()), ("a".into(), String::new())]);
        assert_eq!(kept, [("a".into(), "".into()), ("b".into(), "2".into())]);
        assert_eq!((bytes(&kept), bounded(None).len()), (3, 0));
    }

    #[test]
    fn documents_are_left_out_and_cost_no_other() {
        let kept = keep([
            (LAST_APPLIED.into(), "{}".into()),
            ("a".into(), "x".repeat(MAX_VALUE + 1)),
            ("z".into(), "x".repeat(MAX_VALUE)),
        ]);
        assert_eq!(kept.len(), 1);
        assert_eq!(&*kept[0].0, "z");
    }

    #[test]
    fn entries_and_bytes_have_an_end() {
        let kept = keep((0..1000).map(|i| (format!("{i:04}"), String::new())));
        assert_eq!(kept.len(), MAX_ENTRIES);
        let kept = keep((0..100).map(|i| (format!("{i:04}"), "x".repeat(1000))));
        assert!(bytes(&kept) <= MAX_BYTES && kept.len() == 8);
    }
}
