//! A map with a limit: second-chance eviction, constant time per operation on average.

use std::cell::Cell;
use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

/// Map of at most `max` entries. A full map forgets the oldest entry that was not read since the
/// eviction hand passed it last (the CLOCK algorithm, Corbató 1968): near LRU, but a read costs
/// one flag and needs no `&mut`.
#[derive(Debug)]
pub struct BoundedMap<K, V> {
    map: HashMap<K, Slot<V>>,
    /// Keys in order of insertion. May hold keys removed since; they are skipped.
    hand: VecDeque<K>,
    max: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    read: Cell<bool>,
}

impl<K: Copy + Eq + Hash, V> BoundedMap<K, V> {
    /// Room for `max` entries, at least one.
    pub fn new(max: usize) -> Self {
        Self {
            map: HashMap::new(),
            hand: VecDeque::new(),
            max: max.max(1),
            evicted: 0,
        }
    }

    /// The value, marked as used.
    pub fn get(&self, key: &K) -> Option<&V> {
        let slot = self.map.get(key)?;
        slot.read.set(true);
        Some(&slot.value)
    }

    /// The value to change, marked as used.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let slot = self.map.get_mut(key)?;
        slot.read.set(true);
        Some(&mut slot.value)
    }

    /// Adds or replaces; what had to go for it is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        if let Some(slot) = self.map.get_mut(&key) {
            slot.value = value;
            return None;
        }
        let gone = if self.map.len() >= self.max {
            self.evict()
        } else {
            None
        };
        self.map.insert(
            key,
            Slot {
                value,
                read: Cell::new(false),
            },
        );
        self.hand.push_back(key);
        self.compact();
        gone
    }

    /// The value to change, made where there is none; marked as used.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.map.contains_key(&key) {
            if self.map.len() >= self.max {
                self.evict();
            }
            self.compact();
            self.hand.push_back(key);
        }
        let slot = self.map.entry(key).or_insert_with(|| Slot {
            value: make(),
            read: Cell::new(false),
        });
        slot.read.set(true);
        &mut slot.value
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.map.remove(key).map(|slot| slot.value)
    }

    /// Takes the entry out that was unused the longest, roughly.
    pub fn evict(&mut self) -> Option<(K, V)> {
        // Every entry gets one second chance, so two rounds always find one.
        for _ in 0..self.hand.len().saturating_mul(2) {
            let key = self.hand.pop_front()?;
            let Some(slot) = self.map.get(&key) else {
                continue;
            };
            if slot.read.replace(false) {
                self.hand.push_back(key);
                continue;
            }
            self.evicted += 1;
            return self.map.remove(&key).map(|slot| (key, slot.value));
        }
        None
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All entries, in no order, without marking them as used.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.iter().map(|(key, slot)| (key, &slot.value))
    }

    /// All values to change, in no order, without marking them as used.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.map.values_mut().map(|slot| &mut slot.value)
    }

    /// Takes out all entries but those that `keep` holds for.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.map.retain(|key, slot| keep(key, &slot.value));
        self.compact();
    }

    /// Entries evicted so far.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Drops keys of removed entries once they outnumber the others. A key that was removed and
    /// added again is in the queue twice until then, which only makes its second chance shorter.
    fn compact(&mut self) {
        if self.hand.len() <= self.map.len().saturating_mul(2) + 16 {
            return;
        }
        let mut seen = hashbrown::HashSet::with_capacity(self.map.len());
        self.hand
            .retain(|key| self.map.contains_key(key) && seen.insert(*key));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn evicts_unread_first() {
        let mut map = BoundedMap::new(3);
        for key in 0..3 {
            assert_eq!(map.insert(key, key), None);
        }
        assert_eq!(map.get(&0), Some(&0));
        assert_eq!(map.insert(3, 3), Some((1, 1)));
        assert_eq!(map.insert(4, 4), Some((2, 2)));
        assert_eq!(map.len(), 3);
        assert_eq!(map.evicted(), 2);
    }

    proptest! {
        #[test]
        fn never_over_its_limit(ops in prop::collection::vec((0u8..6, 0u16..40), 0..500), max in 1usize..20) {
            let mut map = BoundedMap::new(max);
            for (op, key) in ops {
                match op {
                    0 | 1 => { map.insert(key, key); prop_assert_eq!(map.get(&key), Some(&key)); }
                    3 => prop_assert_eq!(*map.get_or_insert_with(key, || key), key),
                    4 => map.retain(|kept, _| *kept != key),
                    2 => { map.remove(&key); prop_assert_eq!(map.get(&key), None); }
                    _ => { let _ = map.evict(); }
                }
                prop_assert!(map.len() <= max);
                prop_assert!(map.hand.len() <= 2 * map.len() + 17 + 2 * max);
            }
        }
    }
}
