//! Names that many containers share: most of them run few images.

use std::hash::RandomState;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use super::names::Names;

/// Contents in use, bounded in bytes.
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

    /// The same content, as everybody has it; `None` where there is no room for it.
    pub(super) fn share(&mut self, names: Arc<Names>) -> Option<Arc<Names>> {
        let hash = names.hash(&self.state);
        let same = self.contents.get(&hash).and_then(Weak::upgrade);
        if let Some(same) = same.filter(|same| *same == names) {
            return Some(same);
        }
        self.contents
            .retain(|_, content| content.strong_count() > 0);
        let held = self.contents.values().filter_map(Weak::upgrade);
        let bytes: usize = held.map(|names| names.size()).sum();
        if bytes + names.size() > self.max {
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

    #[test]
    fn one_content_is_held_once_and_all_are_bounded() {
        let size = names("a").size();
        let mut pool = Pool::new(size * 2);
        let first = pool.share(names("a")).unwrap();
        assert!(Arc::ptr_eq(&first, &pool.share(names("a")).unwrap()));
        let second = pool.share(names("b")).unwrap();
        assert!(pool.share(names("c")).is_none(), "full");
        assert!(pool.share(names("a")).is_some(), "held already");
        drop(second);
        assert!(
            pool.share(names("c")).is_some(),
            "what nobody uses takes no room"
        );
    }
}
