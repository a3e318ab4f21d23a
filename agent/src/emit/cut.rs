//! Cutting of long values.

use std::fmt;

/// The text, or its beginning with a marker that says how many bytes are missing:
/// `abc…[cut 1234 bytes]`. Cuts between characters; `max` counts bytes without the marker.
pub fn cut(text: &str, max: usize) -> Cut<'_> {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, rest) = text.split_at(end);
    Cut {
        kept,
        missing: rest.len(),
    }
}

/// A text that may have been cut. Prints and serialises with the marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    kept: &'a str,
    missing: usize,
}

impl Cut<'_> {
    /// With further bytes missing, which were cut off before.
    pub fn and(mut self, missing: usize) -> Self {
        self.missing += missing;
        self
    }
}

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kept)?;
        if self.missing > 0 {
            write!(f, "…[cut {} bytes]", self.missing)?;
        }
        Ok(())
    }
}

impl serde::Serialize for Cut<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.missing == 0 {
            return serializer.serialize_str(self.kept);
        }
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cut;

    #[test]
    fn between_characters() {
        assert_eq!(cut("abc", 3).to_string(), "abc");
        assert_eq!(cut("abcd", 3).to_string(), "abc…[cut 1 bytes]");
        assert_eq!(cut("aé", 2).to_string(), "a…[cut 2 bytes]");
        assert_eq!(cut("abc", 3).and(5).to_string(), "abc…[cut 5 bytes]");
        assert_eq!(cut("é", 0).to_string(), "…[cut 2 bytes]");
    }

    proptest! {
        #[test]
        fn keeps_a_prefix(text in any::<String>(), max in 0usize..50) {
            let short = cut(&text, max);
            prop_assert!(text.starts_with(short.kept) && short.kept.len() <= max);
            prop_assert_eq!(short.kept.len() + short.missing, text.len());
            prop_assert!(short.kept.len() + 4 > max.min(text.len()));
        }
    }
}
