//! Sets of paths that the kernel's tables can tell.

use std::collections::BTreeSet;

/// One way to tell a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// The whole path.
    Exact(Box<[u8]>),
    /// The last component.
    Base(Box<[u8]>),
    /// The beginning, not necessarily up to a slash.
    Prefix(Box<[u8]>),
}

impl Entry {
    /// About how many files of an ordinary host it lets pass; only compared with others.
    fn weight(&self) -> u64 {
        match self {
            Self::Exact(_) => 1,
            Self::Base(_) => 4,
            Self::Prefix(prefix) => {
                let depth = prefix
                    .split(|byte| *byte == b'/')
                    .filter(|part| !part.is_empty());
                match depth.count() {
                    0 => 1_000_000,
                    1 => 20_000,
                    2 => 500,
                    _ => 50,
                }
            }
        }
    }

    fn is_covered_by_prefix(&self, prefix: &[u8]) -> bool {
        match self {
            Self::Exact(path) => path.starts_with(prefix),
            Self::Prefix(longer) => longer.len() > prefix.len() && longer.starts_with(prefix),
            Self::Base(_) => false,
        }
    }
}

/// A set of paths; never that of all paths, which is no test.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Paths(BTreeSet<Entry>);

impl Paths {
    /// The set; `None` where it holds (nearly) every path.
    pub(super) fn new(entries: impl IntoIterator<Item = Entry>) -> Option<Self> {
        let entries: BTreeSet<Entry> = entries.into_iter().collect();
        let everything =
            |entry: &Entry| matches!(entry, Entry::Prefix(p) if matches!(&**p, b"" | b"/"));
        (!entries.iter().any(everything)).then(|| Self(entries).reduced())
    }

    /// The entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many files it lets pass.
    pub(super) fn weight(&self) -> u64 {
        self.0.iter().map(Entry::weight).sum()
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect()).reduced()
    }

    /// Whether every path of this set certainly is in `other`.
    pub(super) fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|entry| {
            other.0.contains(entry) || other.prefixes().any(|p| entry.is_covered_by_prefix(p))
        })
    }

    fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Prefix(prefix) => Some(&**prefix),
            _ => None,
        })
    }

    /// Without entries that a shorter prefix covers.
    fn reduced(mut self) -> Self {
        let prefixes: Vec<Box<[u8]>> = self.prefixes().map(Into::into).collect();
        self.0
            .retain(|entry| !prefixes.iter().any(|p| entry.is_covered_by_prefix(p)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(path: &str) -> Entry {
        Entry::Exact(path.as_bytes().into())
    }

    fn prefix(path: &str) -> Entry {
        Entry::Prefix(path.as_bytes().into())
    }

    #[test]
    fn what_a_prefix_covers_is_dropped() {
        let set = Paths::new([
            exact("/etc/a"),
            prefix("/etc/"),
            prefix("/etc/b/"),
            exact("/x"),
        ]);
        let set = set.unwrap();
        assert_eq!(
            set.entries().cloned().collect::<Vec<_>>(),
            [exact("/x"), prefix("/etc/")]
        );
        assert!(Paths::new([exact("/etc/c")]).unwrap().is_subset(&set));
        assert!(!Paths::new([prefix("/et")]).unwrap().is_subset(&set));
        assert!(Paths::new([exact("/a"), prefix("/")]).is_none());
    }
}
