//! Containers the runtime has, so that a list tells what is new and what is gone.

use std::collections::{HashMap, HashSet};

use super::Listed;

/// Containers at most. A node has some hundreds; what is beyond is answered when asked, but its end is not told.
const MAX_KNOWN: usize = 16_384;

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Lists begun before it was learned.
    since: u64,
    settled: bool,
}

/// The containers.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: HashMap<Box<str>, Entry>,
    lists: u64,
}

/// What a list says that was not known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// To be looked at: not known, or started since.
    pub(super) new: Vec<Box<str>>,
    /// Not there any more.
    pub(super) gone: Vec<Box<str>>,
}

impl Known {
    /// A list is asked for; its number.
    pub(super) fn list(&mut self) -> u64 {
        self.lists += 1;
        self.lists
    }

    /// The runtime described this one.
    pub(super) fn learn(&mut self, id: &str, settled: bool) {
        let since = self.lists;
        if let Some(entry) = self.entries.get_mut(id) {
            entry.settled |= settled;
        } else if self.entries.len() < MAX_KNOWN {
            self.entries.insert(id.into(), Entry { since, settled });
        }
    }

    /// This one is removed.
    pub(super) fn forget(&mut self, id: &str) {
        self.entries.remove(id);
    }

    /// Compares with a list. What was learned after the list was asked for may rightly be missing in it.
    pub(super) fn compare(&mut self, number: u64, listed: &[Listed]) -> Difference {
        let there: HashSet<&str> = listed.iter().map(|listed| &*listed.id).collect();
        let old = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.since < number);
        let gone: Vec<Box<str>> = old
            .filter(|(id, _)| !there.contains(&***id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &gone {
            self.entries.remove(id);
        }
        let is_new = |listed: &&Listed| match self.entries.get(&listed.id) {
            Some(entry) => listed.settled && !entry.settled,
            None => true,
        };
        let new = listed.iter().filter(is_new).take(MAX_KNOWN);
        Difference {
            new: new.map(|listed| listed.id.clone()).collect(),
            gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ids: &[(&str, bool)]) -> Vec<Listed> {
        let list = ids.iter().map(|(id, settled)| Listed {
            id: (*id).into(),
            settled: *settled,
        });
        list.collect()
    }

    fn difference(new: &[&str], gone: &[&str]) -> Difference {
        let owned = |ids: &[&str]| ids.iter().map(|id| Box::from(*id)).collect();
        Difference {
            new: owned(new),
            gone: owned(gone),
        }
    }

    #[test]
    fn lists_tell_what_is_new_started_and_gone() {
        let mut known = Known::default();
        let first = known.list();
        let list = listed(&[("a", true), ("b", false)]);
        assert_eq!(known.compare(first, &list), difference(&["a", "b"], &[]));
        known.learn("a", true);
        known.learn("b", false);
        let second = known.list();
        assert_eq!(known.compare(second, &list), difference(&[], &[]));
        let third = known.list();
        let list = listed(&[("b", true)]);
        assert_eq!(known.compare(third, &list), difference(&["b"], &["a"]));
        known.learn("b", true);
        let fourth = known.list();
        assert_eq!(known.compare(fourth, &[]), difference(&[], &["b"]));
    }

    #[test]
    fn a_list_does_not_remove_what_was_learned_after_it_was_asked_for() {
        let mut known = Known::default();
        let number = known.list();
        known.learn("a", true);
        assert_eq!(known.compare(number, &[]), difference(&[], &[]));
        let number = known.list();
        assert_eq!(known.compare(number, &[]), difference(&[], &["a"]));
    }

    #[test]
    fn it_is_bounded() {
        let mut known = Known::default();
        for number in 0..=MAX_KNOWN {
            known.learn(&number.to_string(), true);
        }
        assert_eq!(known.entries.len(), MAX_KNOWN);
    }
}
