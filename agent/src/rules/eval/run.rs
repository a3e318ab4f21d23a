//! Evaluation of one event.

use bumpalo::Bump;

use super::{Graph, Node, NodeId};
use crate::event::fields::{Reading, Scope};

/// Memory that evaluation reuses from event to event, one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(in crate::rules) arena: Bump,
    pub(in crate::rules) hits: Vec<u32>,
    marks: Marks,
}

/// What is known of each node for the event under evaluation. A mark is `2 * epoch + value`; marks of
/// earlier epochs mean nothing, so nothing is cleared between events.
#[derive(Debug, Default)]
struct Marks {
    epoch: u32,
    asked: Vec<u32>,
    resolved: Vec<u32>,
}

impl Scratch {
    /// Prepares for the next event; gives the parts that evaluation needs.
    pub(in crate::rules) fn begin<'s>(&'s mut self, graph: &'s Graph) -> (&'s Bump, Run<'s>) {
        self.arena.reset();
        self.hits.clear();
        let marks = &mut self.marks;
        if marks.asked.len() < graph.len() {
            marks.asked.resize(graph.len(), 0);
            marks.resolved.resize(graph.len(), 0);
        }
        // Half of the numbers, because a mark carries the value in its lowest bit.
        if marks.epoch >= u32::MAX / 2 - 1 {
            marks.asked.fill(0);
            marks.resolved.fill(0);
            marks.epoch = 0;
        }
        marks.epoch += 1;
        (
            &self.arena,
            Run {
                graph,
                marks,
                hits: &mut self.hits,
            },
        )
    }
}

/// The evaluation of one event.
#[derive(Debug)]
pub(in crate::rules) struct Run<'s> {
    graph: &'s Graph,
    marks: &'s mut Marks,
    pub(in crate::rules) hits: &'s mut Vec<u32>,
}

impl<'s> Run<'s> {
    /// Whether the condition holds in the reading of the scope.
    pub(in crate::rules) fn holds<'a>(&mut self, id: NodeId, scope: &Scope<'a>) -> bool
    where
        's: 'a,
    {
        let graph = self.graph;
        match graph.node(id) {
            Node::Const(value) => *value,
            Node::Not(inner) => !self.holds(*inner, scope),
            node => {
                if let Some(known) = self.known(id, scope) {
                    return known;
                }
                let value = match node {
                    Node::And(parts) => parts.iter().all(|part| self.holds(*part, scope)),
                    Node::Or(parts) => parts.iter().any(|part| self.holds(*part, scope)),
                    Node::Predicate(number) => graph
                        .predicate(*number)
                        .is_some_and(|predicate| predicate.holds(scope)),
                    Node::Const(_) | Node::Not(_) => false,
                };
                self.remember(id, scope, value);
                value
            }
        }
    }

    /// The marks for a node: those that do not depend on the path are shared by both readings.
    fn marks(&mut self, id: NodeId, scope: &Scope<'_>) -> Option<&mut u32> {
        let own = scope.reading == Reading::Resolved && self.graph.reads_path(id);
        let marks = if own {
            &mut self.marks.resolved
        } else {
            &mut self.marks.asked
        };
        marks.get_mut(id.0 as usize)
    }

    fn known(&mut self, id: NodeId, scope: &Scope<'_>) -> Option<bool> {
        let epoch = self.marks.epoch;
        let mark = *self.marks(id, scope)?;
        (mark >> 1 == epoch).then_some(mark & 1 == 1)
    }

    fn remember(&mut self, id: NodeId, scope: &Scope<'_>, value: bool) {
        let mark = self.marks.epoch << 1 | u32::from(value);
        if let Some(slot) = self.marks(id, scope) {
            *slot = mark;
        }
    }
}
