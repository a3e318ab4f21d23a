//! The conjunctions of a class, numbered.

use std::collections::BTreeMap;
use std::sync::Arc;

use komainu_common::filter::{
    Grams, MAX_CONJUNCTIONS, MAX_PLAN_ENTRIES, MAX_PLAN_PATH, role, row_of_call, source,
};
use komainu_common::syscalls::{TABLE, class_of};
use komainu_common::{Class, arch::Numbers, call};

use super::conjunction::{Conjunction, Disjunction, Number, any_of, coarsen};
use super::dnf::Disjunctions;
use super::literal::Noted;
use super::paths::{Entry, Paths};
use super::ranges::Ranges;
use crate::event::{EventType, event_types};
use crate::rules::set::RuleSet;

/// Conjunctions that a rule may have in one class.
const PER_RULE: usize = 64;
/// Entries of one path table in one slot, for all classes together.
const ENTRIES: usize = (MAX_PLAN_ENTRIES / 2) as usize;

/// A conjunction, and the rules that it stands for, in order.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub(super) conjunction: Conjunction,
    pub(super) rules: Vec<u32>,
}

/// Access mode of an open.
const ACCESS: Number = Number {
    source: source::OPEN_FLAGS,
    mask: 0o3,
};

/// `creat` always opens for writing; saying so lets it share a conjunction with other opens that do.
fn writes() -> Ranges {
    Ranges::between(1, 3)
}

/// The conjunctions of a class in the order of the rules they stand for, and what they ask of the inside of paths.
pub(super) fn conjunctions(set: &RuleSet, class: Class) -> (Vec<Numbered>, Grams) {
    let grams = Noted::default();
    let mut of_rule: BTreeMap<u32, Disjunction> = BTreeMap::new();
    for ty in event_types().filter(|ty| ty.class == Some(class)) {
        let calls = calls_of(ty, class);
        let mut found = Disjunctions::new(set.graph(), ty, &grams);
        for (rule, root) in set.candidates(ty) {
            if !set
                .rules()
                .get(*rule as usize)
                .is_some_and(|rule| rule.enabled)
            {
                continue;
            }
            let with_call = found.of(*root).into_iter().map(|mut conjunction| {
                if !calls.is_all() {
                    let number = Number::whole(source::CALL);
                    conjunction.numbers.insert(number, calls.clone());
                }
                if ty.name == "creat" {
                    conjunction.numbers.entry(ACCESS).or_insert_with(writes);
                }
                conjunction
            });
            of_rule.entry(*rule).or_default().extend(with_call);
        }
    }
    for list in of_rule.values_mut() {
        *list = without_calls(any_of(std::mem::take(list), PER_RULE), class);
    }
    (numbered(of_rule), grams.grams())
}

/// A system call of either table.
struct Row {
    /// What [`source::CALL`] is.
    number: i64,
    name: &'static str,
    class: Option<Class>,
    native: Numbers,
    compat: Numbers,
}

impl Row {
    fn all() -> impl Iterator<Item = Self> {
        let handled = (0..).zip(TABLE).map(|(number, call)| Self {
            number,
            name: call.name,
            class: class_of(call.handler),
            native: call.native,
            compat: call.compat,
        });
        let rows = (0..).zip(call::TABLE).map(|(row, call)| Self {
            number: row_of_call(row).into(),
            name: call.name,
            class: Some(call.spec.class),
            native: call.native,
            compat: call.compat,
        });
        handled.chain(rows)
    }

    /// Whether a number means either.
    fn shares_a_number(&self, other: &Self) -> bool {
        let shared = |a: &Numbers, b: &Numbers| a.as_slice().iter().any(|number| b.has(*number));
        shared(&self.native, &other.native) || shared(&self.compat, &other.compat)
    }
}

/// The calls that may be an event of this type.
///
/// A call that shares its number with others may be any of them, and one whose name is no event type
/// of the class may be decoded as any of it.
fn calls_of(ty: &EventType, class: Class) -> Ranges {
    if !Row::all().any(|call| call.name == ty.name) {
        return Ranges::all();
    }
    let alike = |call: &Row| {
        let mut named = Row::all().filter(|row| row.name == ty.name);
        named.any(|row| row.shares_a_number(call))
    };
    let nameless = |call: &Row| {
        call.class == Some(class)
            && !event_types().any(|ty| ty.class == Some(class) && ty.name == call.name)
    };
    rows(|call| call.name == ty.name || alike(call) || nameless(call))
}

fn rows(wanted: impl Fn(&Row) -> bool) -> Ranges {
    let rows = Row::all().filter(|call| wanted(call));
    Ranges::new(rows.map(|row| (row.number, row.number)).collect())
}

/// Drops the demand of a call where every call of the class will do.
fn without_calls(mut list: Disjunction, class: Class) -> Disjunction {
    let every = rows(|call| call.class == Some(class));
    let number = Number::whole(source::CALL);
    for conjunction in &mut list {
        let calls = conjunction.numbers.get(&number);
        if calls.is_some_and(|calls| every.is_subset(calls)) {
            conjunction.numbers.remove(&number);
        }
    }
    any_of(list, PER_RULE)
}

/// Equal conjunctions get one number; if there are too many, those of the rules with the most become
/// coarser, then those of different rules are joined.
fn numbered(mut of_rule: BTreeMap<u32, Disjunction>) -> Vec<Numbered> {
    let mut merged = merge(&of_rule);
    while merged.len() > MAX_CONJUNCTIONS {
        let longest = of_rule.values_mut().max_by_key(|list| list.len());
        match longest.filter(|list| list.len() > 1) {
            Some(list) => {
                let half = list.len() / 2;
                coarsen(list, half);
            }
            None => return joined(merged),
        }
        merged = merge(&of_rule);
    }
    merged
}

fn merge(of_rule: &BTreeMap<u32, Disjunction>) -> Vec<Numbered> {
    let mut rules_of: BTreeMap<&Conjunction, Vec<u32>> = BTreeMap::new();
    for (rule, list) in of_rule {
        for conjunction in list {
            rules_of.entry(conjunction).or_default().push(*rule);
        }
    }
    let mut all: Vec<Numbered> = rules_of
        .into_iter()
        .map(|(conjunction, rules)| Numbered {
            conjunction: conjunction.clone(),
            rules,
        })
        .collect();
    all.sort_by(|a, b| (&a.rules, &a.conjunction).cmp(&(&b.rules, &b.conjunction)));
    all
}

/// Joins the conjunctions of neighbouring rules until they fit.
fn joined(mut all: Vec<Numbered>) -> Vec<Numbered> {
    while all.len() > MAX_CONJUNCTIONS {
        let pairs = all.chunks(2).filter_map(|pair| {
            let mut one = pair.first()?.clone();
            if let Some(other) = pair.get(1) {
                one.conjunction = one.conjunction.hull(&other.conjunction);
                one.rules.extend(&other.rules);
                one.rules.sort_unstable();
                one.rules.dedup();
            }
            Some(one)
        });
        all = pairs.collect();
    }
    all
}

/// Drops the paths of conjunctions, those with the most first, until all tables fit. Names that are longer
/// than what the tables tell apart need no entry: such a path passes in any case.
pub(super) fn limit_entries(classes: &mut [Vec<Numbered>]) {
    let count = |paths: &Paths, prefixes: bool| {
        let told = paths
            .entries()
            .filter(|entry| bytes(entry).len() <= MAX_PLAN_PATH);
        told.filter(|entry| matches!(entry, Entry::Prefix(_)) == prefixes)
            .count()
    };
    for prefixes in [false, true] {
        loop {
            let all = classes
                .iter_mut()
                .flatten()
                .flat_map(|numbered| &mut numbered.conjunction.paths);
            let mut total = 0;
            let mut most: Option<(usize, &mut Option<Arc<Paths>>)> = None;
            for clause in all {
                let len = clause.as_ref().map_or(0, |paths| count(paths, prefixes));
                total += len;
                if most.as_ref().is_none_or(|(known, _)| len > *known) {
                    most = Some((len, clause));
                }
            }
            match most {
                Some((len, clause)) if total > ENTRIES && len > 0 => *clause = None,
                _ => break,
            }
        }
    }
}

/// Text of an entry.
pub(super) fn bytes(entry: &Entry) -> &[u8] {
    match entry {
        Entry::Exact(text) | Entry::Base(text) | Entry::Prefix(text) => text,
    }
}

const _: () = assert!(role::COUNT == 2, "rules name two paths at most");

#[cfg(test)]
mod tests {
    use super::*;

    fn one(paths: usize, at: usize) -> Numbered {
        let entries = (0..paths).map(|n| Entry::Exact(format!("/{at}/{n}").into_bytes().into()));
        let [conjunction] = &Conjunction::path(role::FIRST, Paths::new(entries).unwrap())[..]
        else {
            panic!("one conjunction");
        };
        Numbered {
            conjunction: conjunction.clone(),
            rules: vec![u32::try_from(at).unwrap()],
        }
    }

    #[test]
    fn the_largest_sets_of_paths_go_when_the_tables_are_full() {
        let mut classes = [vec![one(10, 0), one(ENTRIES, 1)], vec![one(20, 2)]];
        limit_entries(&mut classes);
        let kept: Vec<bool> = classes
            .iter()
            .flatten()
            .map(|numbered| numbered.conjunction.paths[0].is_some())
            .collect();
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn more_rules_than_numbers_share_them() {
        let lists = (0..1000_u32).map(|rule| {
            let at = usize::try_from(rule).unwrap();
            (rule, vec![one(1, at).conjunction])
        });
        let all = numbered(lists.collect());
        assert!(all.len() <= MAX_CONJUNCTIONS);
        let rules: usize = all.iter().map(|numbered| numbered.rules.len()).sum();
        assert_eq!(rules, 1000);
    }
}
