//! Which events a condition can match, found without an event.

use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;

use crate::event::fields::FieldArg;
use crate::event::{EventType, KNOWN_NAMES};
use crate::rules::eval::{Compare, Get, Graph, Node, NodeId, Predicate, Test};

/// A set of event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rules) struct TypeSet(Arc<[bool]>);

impl TypeSet {
    fn filled(value: bool) -> Self {
        // Most sets are one of these two, so they share their memory.
        static ALL: LazyLock<Arc<[bool]>> = LazyLock::new(|| vec![true; KNOWN_NAMES.len()].into());
        static NONE: LazyLock<Arc<[bool]>> =
            LazyLock::new(|| vec![false; KNOWN_NAMES.len()].into());
        Self(Arc::clone(if value { &ALL } else { &NONE }))
    }

    fn of(member: impl Fn(&str) -> bool) -> Self {
        Self(KNOWN_NAMES.iter().map(|name| member(name)).collect())
    }

    fn merge(mut self, other: &Self, merge: fn(bool, bool) -> bool) -> Self {
        if self == *other {
            return self;
        }
        for (mine, theirs) in Arc::make_mut(&mut self.0).iter_mut().zip(other.0.iter()) {
            *mine = merge(*mine, *theirs);
        }
        self
    }

    /// Names in the set.
    pub(in crate::rules) fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = KNOWN_NAMES.iter().zip(self.0.iter());
        names.filter(|(_, member)| **member).map(|(name, _)| *name)
    }

    /// Number of names.
    pub(in crate::rules) fn len(&self) -> usize {
        self.0.iter().filter(|member| **member).count()
    }

    /// Whether every event is in the set.
    pub(in crate::rules) fn is_all(&self) -> bool {
        self.0.iter().all(|member| *member)
    }
}

/// The events that a condition may match, as the reference implementation infers them: only `=`, `!=` and
/// `in` on `evt.type` narrow the set, negations are pushed to the comparisons, and comparisons of
/// `evt.num` that cannot hold match nothing.
pub(in crate::rules) fn matching(graph: &Graph, root: NodeId) -> TypeSet {
    let mut memo: HashMap<(NodeId, bool), TypeSet> = HashMap::new();
    let mut stack = vec![(root, false)];
    while let Some((id, negated)) = stack.pop() {
        if memo.contains_key(&(id, negated)) {
            continue;
        }
        let children: Vec<(NodeId, bool)> = match graph.node(id) {
            Node::Const(_) | Node::Predicate(_) => Vec::new(),
            Node::Not(inner) => vec![(*inner, !negated)],
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().map(|part| (*part, negated)).collect()
            }
        };
        let waiting: Vec<_> = children
            .iter()
            .filter(|key| !memo.contains_key(*key))
            .copied()
            .collect();
        if !waiting.is_empty() {
            stack.push((id, negated));
            stack.extend(waiting);
            continue;
        }
        let sets = children.iter().filter_map(|key| memo.get(key));
        let both = |all: bool| {
            let merge: fn(bool, bool) -> bool = if all { |a, b| a && b } else { |a, b| a || b };
            sets.clone()
                .fold(TypeSet::filled(all), |set, next| set.merge(next, merge))
        };
        let set = match graph.node(id) {
            Node::Const(value) => TypeSet::filled(*value != negated),
            Node::Predicate(number) => graph
                .predicate(*number)
                .map_or_else(|| TypeSet::filled(true), |p| leaf(p, negated)),
            Node::Not(_) => both(false),
            Node::And(_) => both(!negated),
            Node::Or(_) => both(negated),
        };
        memo.insert((id, negated), set);
    }
    memo.remove(&(root, false))
        .unwrap_or_else(|| TypeSet::filled(true))
}

fn leaf(predicate: &Predicate, negated: bool) -> TypeSet {
    if let Some(value) = decide_number(predicate) {
        return TypeSet::filled(value != negated);
    }
    if field_name(predicate) == Some("evt.type") && matches!(predicate.test, Test::Exists) {
        return TypeSet::filled(!negated);
    }
    let narrows = match &predicate.test {
        Test::Not(inner) => matches!(**inner, Test::Equal(_)),
        other => matches!(other, Test::Equal(_) | Test::In(_)),
    };
    if field_name(predicate) != Some("evt.type") || !narrows {
        return TypeSet::filled(true);
    }
    TypeSet::of(|name| predicate.test.holds_known(name).unwrap_or(true) != negated)
}

fn field_name(predicate: &Predicate) -> Option<&'static str> {
    match &predicate.get {
        Get::Field(field, FieldArg::None) => Some(field.name),
        _ => None,
    }
}

/// Value of a comparison for events of this type, where the type alone decides it.
pub(in crate::rules) fn decide(predicate: &Predicate, ty: &EventType) -> Option<bool> {
    match field_name(predicate)? {
        "evt.type" | "syscall.type" => predicate.test.holds_known(ty.name),
        "evt.num" => decide_number(predicate),
        _ => None,
    }
}

/// Value of a comparison of `evt.num` that is the same for every number from 1.
fn decide_number(predicate: &Predicate) -> Option<bool> {
    if field_name(predicate) != Some("evt.num") {
        return None;
    }
    let (test, negated) = match &predicate.test {
        Test::Not(inner) => (&**inner, true),
        other => (other, false),
    };
    let last = i128::from(u64::MAX);
    let value = match test {
        Test::Number(Compare::Equal | Compare::LessEqual, number) => (*number < 1).then_some(false),
        Test::Number(Compare::Less, number) => (*number <= 1).then_some(false),
        Test::Number(Compare::Greater, number) if *number >= last => Some(false),
        Test::Number(Compare::Greater, number) => (*number < 1).then_some(true),
        Test::Number(Compare::GreaterEqual, number) => (*number <= 1).then_some(true),
        Test::NumberIn(numbers) => numbers.iter().all(|number| *number < 1).then_some(false),
        _ => None,
    };
    value.map(|value| value != negated)
}
