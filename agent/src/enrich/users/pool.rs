//! Names that many containers share: most of them run few images.

use std::hash::RandomState;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use super::names::Names;

/// Contents in use, bounded in bytes.
///
/// A container may bring in as much as is then still free (dynamic thresholds, Choudhury & Hahne 1998): however large one
/// makes its files, half of the room is left to the others. Content that is there already has room in any case.
#[derive(Debug)]
pub(super) struct Pool {
    contents: HashMap<u64, Weak<Names>>,
    state: RandomState,
    max: usize,
}

impl Pool {
    pub(super) fn new(max: usize) -> Self {
        Self {
            contents: HashMap::new(),
            state: RandomState::new(),
            max,
        }
    }

    /// The same content, as everybody has it; `None` where there is no room for it. `old` is what the container has so far,
    /// which gives its room back.
    pub(super) fn share(
        &mut self,
        names: Arc<Names>,
        old: Option<&Arc<Names>>,
    ) -> Option<Arc<Names>> {
        let hash = names.hash(&self.state);
        let same = self.contents.get(&hash).and_then(Weak::upgrade);
        if let Some(same) = same.filter(|same| *same == names) {
            return Some(same);
        }
        self.contents
            .retain(|_, content| content.strong_count() > 0);
        let held = self.contents.values().filter_map(Weak::upgrade);
        let held: usize = held.map(|names| names.size()).sum();
        let own = old.filter(|old| Arc::strong_count(old) == 1);
        let others = held - own.map_or(0, |own| own.size()).min(held);
        let size = names.size();
        let free = self.max.saturating_sub(others).saturating_sub(size);
        if size > free {
            return None;
        }
        self.contents.insert(hash, Arc::downgrade(&names));
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(user: &str) -> Arc<Names> {
        Arc::new(Names::parse(
            format!("{user}:x:7:7::/:/bin/sh").as_bytes(),
            b"g:x:7:",
        ))
    }

    /// As large as `len` users make it.
    fn large(of: &str, len: usize) -> Arc<Names> {
        let lines = (0..len).map(|id| format!("{of}{id}:x:{id}:7::/:/bin/sh\n"));
        Arc::new(Names::parse(lines.collect::<String>().as_bytes(), b""))
    }

    #[test]
    fn one_content_is_held_once_and_all_are_bounded() {
        let size = names("a").size();
        let mut pool = Pool::new(size * 3);
        let first = pool.share(names("a"), None).unwrap();
        assert!(Arc::ptr_eq(&first, &pool.share(names("a"), None).unwrap()));
        let second = pool.share(names("b"), None).unwrap();
        assert!(
            pool.share(names("c"), None).is_none(),
            "as much would not be left"
        );
        assert!(pool.share(names("a"), None).is_some(), "held already");
        drop(second);
        assert!(
            pool.share(names("c"), None).is_some(),
            "what nobody uses takes no room"
        );
    }

    /// However often and however much a hostile container writes, ordinary ones have their names.
    #[test]
    fn no_container_takes_the_room_of_others() {
        let mut pool = Pool::new(64 * names("user-00").size());
        let mut hostile: Option<Arc<Names>> = None;
        let mut largest = 0;
        for version in 0..200 {
            let new = large(&format!("v{version}-"), version);
            hostile = pool.share(new, hostile.as_ref()).or(hostile);
            largest = largest.max(hostile.as_ref().map_or(0, |names| names.size()));
        }
        assert!(
            largest <= pool.max / 2 && largest > pool.max / 3,
            "{largest}"
        );
        let ordinary: Vec<_> = (10..30)
            .map(|n| pool.share(names(&format!("user-{n}")), None))
            .collect();
        assert!(ordinary.iter().all(Option::is_some));
        let held = hostile.into_iter().chain(ordinary.into_iter().flatten());
        assert!(held.map(|names| names.size()).sum::<usize>() <= pool.max);
    }

    /// What others have too stays when one of them changes it.
    #[test]
    fn only_what_nobody_else_has_is_given_back() {
        let size = names("a").size();
        let mut pool = Pool::new(size * 2);
        let first = pool.share(names("a"), None).unwrap();
        let second = pool.share(names("a"), None).unwrap();
        assert!(pool.share(names("b"), Some(&first)).is_none());
        drop(second);
        assert!(pool.share(names("b"), Some(&first)).is_some());
    }
}
