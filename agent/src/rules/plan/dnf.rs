//! A rule's condition as a disjunction of conjunctions of what the kernel can test.

use hashbrown::HashMap;
use std::rc::Rc;

use super::conjunction::{Conjunction, Disjunction, all_of, any_of};
use super::literal::{self, Noted};
use crate::event::EventType;
use crate::rules::eval::{Graph, Node, NodeId};

/// Conjunctions that a rule may have for one event type; beyond them it is told more coarsely.
pub(super) const BUDGET: usize = 64;
/// Parts inside each other that are looked at; deeper ones are left to user space.
const MAX_DEPTH: usize = 200;

/// Conditions of one event type, each looked at once.
pub(super) struct Disjunctions<'g> {
    graph: &'g Graph,
    ty: &'static EventType,
    grams: &'g Noted,
    known: HashMap<(NodeId, bool), Rc<Disjunction>>,
}

impl<'g> Disjunctions<'g> {
    pub(super) fn new(graph: &'g Graph, ty: &'static EventType, grams: &'g Noted) -> Self {
        Self {
            graph,
            ty,
            grams,
            known: HashMap::new(),
        }
    }

    /// What the kernel must see for the condition to hold.
    pub(super) fn of(&mut self, root: NodeId) -> Disjunction {
        (*self.part(root, false, 0)).clone()
    }

    fn part(&mut self, id: NodeId, negated: bool, depth: usize) -> Rc<Disjunction> {
        if depth > MAX_DEPTH {
            return Rc::new(vec![Conjunction::default()]);
        }
        if let Some(known) = self.known.get(&(id, negated)) {
            return Rc::clone(known);
        }
        let graph = self.graph;
        let found = match graph.node(id) {
            Node::Const(value) if *value == negated => Vec::new(),
            Node::Const(_) => vec![Conjunction::default()],
            Node::Predicate(number) => match graph.predicate(*number) {
                Some(predicate) => literal::demand(predicate, negated, self.ty, self.grams).any_of,
                None => vec![Conjunction::default()],
            },
            Node::Not(inner) => (*self.part(*inner, !negated, depth + 1)).clone(),
            Node::And(parts) => self.parts(parts, negated, !negated, depth),
            Node::Or(parts) => self.parts(parts, negated, negated, depth),
        };
        let found = Rc::new(found);
        self.known.insert((id, negated), Rc::clone(&found));
        found
    }

    /// All of the parts, or any of them.
    fn parts(&mut self, parts: &[NodeId], negated: bool, all: bool, depth: usize) -> Disjunction {
        let parts = parts
            .iter()
            .map(|part| (*self.part(*part, negated, depth + 1)).clone())
            .collect::<Vec<_>>();
        if all {
            all_of(parts, BUDGET)
        } else {
            any_of(parts.concat(), BUDGET)
        }
    }
}
