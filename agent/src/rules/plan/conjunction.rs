//! Conjunctions of tests, and lists of them that stand for their disjunction.

use std::collections::BTreeMap;
use std::sync::Arc;

use komainu_common::filter::role;

use super::paths::Paths;
use super::ranges::Ranges;

/// A number of the event: where it comes from, and which of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number {
    /// One of `komainu_common::filter::source`.
    pub(super) source: u32,
    /// `u64::MAX` for the value as it is.
    pub(super) mask: u64,
}

impl Number {
    /// The value as it is.
    pub(super) const fn whole(source: u32) -> Self {
        Self {
            source,
            mask: u64::MAX,
        }
    }
}

/// What must hold, all of it. Nothing stands for any event.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conjunction {
    /// Numbers, each with the values it may have; never all of them, never none.
    pub(super) numbers: BTreeMap<Number, Ranges>,
    /// By role, the paths it may have.
    pub(super) paths: [Option<Arc<Paths>>; role::COUNT],
}

/// A disjunction. Empty: never; with an empty conjunction: always.
pub(super) type Disjunction = Vec<Conjunction>;

impl Conjunction {
    /// Demands a number.
    pub(super) fn number(number: Number, values: Ranges) -> Disjunction {
        if values.is_empty() {
            return Vec::new();
        }
        let mut conjunction = Self::default();
        if !values.is_all() {
            conjunction.numbers.insert(number, values);
        }
        vec![conjunction]
    }

    /// Demands a path.
    pub(super) fn path(role: u8, paths: Paths) -> Disjunction {
        if paths.is_empty() {
            return Vec::new();
        }
        let mut conjunction = Self::default();
        if let Some(slot) = conjunction.paths.get_mut(usize::from(role)) {
            *slot = Some(Arc::new(paths));
        }
        vec![conjunction]
    }

    /// Whether it demands nothing.
    pub(super) fn is_always(&self) -> bool {
        self.numbers.is_empty() && self.paths.iter().all(Option::is_none)
    }

    /// Both; `None` where that cannot be. Of two sets of paths the more selective is kept.
    fn and(&self, other: &Self) -> Option<Self> {
        let mut out = self.clone();
        for (number, values) in &other.numbers {
            let both = match out.numbers.get(number) {
                Some(mine) => mine.intersection(values),
                None => values.clone(),
            };
            if both.is_empty() {
                return None;
            }
            out.numbers.insert(*number, both);
        }
        for (mine, theirs) in out.paths.iter_mut().zip(&other.paths) {
            let better = match (&*mine, theirs) {
                (Some(mine), Some(theirs)) => theirs.weight() < mine.weight(),
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if better {
                mine.clone_from(theirs);
            }
        }
        Some(out)
    }

    /// A conjunction that holds where either does.
    pub(super) fn hull(&self, other: &Self) -> Self {
        let numbers = self.numbers.iter().filter_map(|(number, values)| {
            let values = values.union(other.numbers.get(number)?);
            (!values.is_all()).then_some((*number, values))
        });
        let mut paths = [const { None }; role::COUNT];
        for (out, both) in paths.iter_mut().zip(self.paths.iter().zip(&other.paths)) {
            if let (Some(mine), Some(theirs)) = both {
                *out = Some(Arc::new(mine.union(theirs)));
            }
        }
        Self {
            numbers: numbers.collect(),
            paths,
        }
    }

    /// Whether `other` certainly holds where this does.
    fn implies(&self, other: &Self) -> bool {
        let numbers = other.numbers.iter().all(|(number, values)| {
            let mine = self.numbers.get(number);
            mine.is_some_and(|mine| mine.is_subset(values))
        });
        numbers
            && self.paths.iter().zip(&other.paths).all(|both| match both {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(mine), Some(theirs)) => mine.is_subset(theirs),
            })
    }
}

/// All of the parts, within `budget` conjunctions: beyond it, parts are made coarser.
pub(super) fn all_of(mut parts: Vec<Disjunction>, budget: usize) -> Disjunction {
    parts.sort_by_key(Vec::len);
    let mut out = vec![Conjunction::default()];
    for mut part in parts {
        if out.len() * part.len() > budget {
            coarsen(&mut part, (budget / out.len()).max(1));
        }
        let pairs = out
            .iter()
            .flat_map(|left| part.iter().filter_map(|right| left.and(right)));
        out = any_of(pairs.collect(), budget);
    }
    out
}

/// Any of the conjunctions, within `budget`: those that differ in one thing only become one, those
/// that another includes are dropped.
pub(super) fn any_of(mut list: Disjunction, budget: usize) -> Disjunction {
    loop {
        list.sort_unstable();
        list.dedup();
        let before = list.len();
        for role in 0..role::COUNT {
            list = merge_paths(list, role);
        }
        let mut numbers: Vec<Number> = list
            .iter()
            .flat_map(|c| c.numbers.keys().copied())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            list = merge_numbers(list, number);
        }
        if list.len() == before {
            break;
        }
    }
    // Comparing each with each is for short lists; a long one is coarsened first.
    coarsen(&mut list, budget);
    let mut at = 0;
    while let Some(one) = list.get(at) {
        let mut others = list.iter().enumerate().filter(|(other, _)| *other != at);
        if others.any(|(_, other)| one.implies(other)) {
            list.remove(at);
        } else {
            at += 1;
        }
    }
    list
}

/// Joins neighbours until at most `most` are left.
pub(super) fn coarsen(list: &mut Disjunction, most: usize) {
    while list.len() > most.max(1) {
        let pairs = list.chunks(2).map(|pair| match pair {
            [left, right] => left.hull(right),
            [alone, ..] => alone.clone(),
            [] => Conjunction::default(),
        });
        *list = pairs.collect();
    }
}

/// Conjunctions that differ in the paths of one role only become one with the paths of all.
fn merge_paths(list: Disjunction, role: usize) -> Disjunction {
    let mut merged: BTreeMap<Conjunction, Vec<Arc<Paths>>> = BTreeMap::new();
    let mut out = Vec::new();
    for mut conjunction in list {
        match conjunction.paths.get_mut(role).and_then(Option::take) {
            Some(paths) => merged.entry(conjunction).or_default().push(paths),
            None => out.push(conjunction),
        }
    }
    for (mut conjunction, sets) in merged {
        let entries = sets.iter().flat_map(|set| set.entries().cloned());
        let union = match sets.as_slice() {
            [one] => Some(Arc::clone(one)),
            _ => Paths::new(entries).map(Arc::new),
        };
        if let Some(slot) = conjunction.paths.get_mut(role) {
            *slot = union;
        }
        out.push(conjunction);
    }
    out
}

/// The same for a number.
fn merge_numbers(list: Disjunction, number: Number) -> Disjunction {
    let mut merged: BTreeMap<Conjunction, Ranges> = BTreeMap::new();
    let mut out = Vec::new();
    for mut conjunction in list {
        match conjunction.numbers.remove(&number) {
            Some(values) => {
                let known = merged.entry(conjunction).or_insert_with(Ranges::none);
                *known = known.union(&values);
            }
            None => out.push(conjunction),
        }
    }
    for (mut conjunction, values) in merged {
        if !values.is_all() {
            conjunction.numbers.insert(number, values);
        }
        out.push(conjunction);
    }
    out
}

#[cfg(test)]
mod tests {
    use komainu_common::filter::source;

    use super::super::paths::Entry;
    use super::*;

    fn result(low: i64, high: i64) -> Disjunction {
        Conjunction::number(Number::whole(source::RESULT), Ranges::between(low, high))
    }

    fn flags(mask: u64, value: i64) -> Disjunction {
        let number = Number {
            source: source::OPEN_FLAGS,
            mask,
        };
        Conjunction::number(number, Ranges::one(value))
    }

    fn path(path: &str) -> Disjunction {
        Conjunction::path(
            0,
            Paths::new([Entry::Exact(path.as_bytes().into())]).unwrap(),
        )
    }

    #[test]
    fn what_excludes_each_other_never_holds() {
        assert!(all_of(vec![result(0, 9), result(10, 20)], 8).is_empty());
        assert_eq!(all_of(vec![result(0, 9), result(9, 20)], 8), result(9, 9));
    }

    #[test]
    fn what_differs_in_one_thing_becomes_one() {
        let both = |p: &str| all_of(vec![result(0, 9), path(p)], 8);
        let one = any_of([both("/a"), both("/b")].concat(), 8);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].paths[0].as_ref().unwrap().len(), 2);
        // A and (P or not P) is A.
        let whole = any_of([result(i64::MIN, -1), result(0, i64::MAX)].concat(), 8);
        assert_eq!(whole, [Conjunction::default()]);
        // The general one includes the special one.
        let general = any_of([both("/a"), result(0, 100)].concat(), 8);
        assert_eq!(general, result(0, 100));
    }

    #[test]
    fn the_budget_coarsens_and_keeps_what_all_demand() {
        let bits: Vec<Disjunction> = (0..8)
            .map(|bit| [flags(1 << bit, 0), path(&format!("/{bit}"))].concat())
            .collect();
        let with_result = [vec![result(0, 9)], bits].concat();
        let out = all_of(with_result, 16);
        assert!(!out.is_empty() && out.len() <= 16, "{}", out.len());
        let number = Number::whole(source::RESULT);
        assert!(out.iter().all(|c| c.numbers.contains_key(&number)));
    }
}
