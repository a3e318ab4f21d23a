//! All conditions of a rule set in one graph: what is written twice is evaluated once.

use hashbrown::HashMap;

use super::Predicate;

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::rules) struct NodeId(pub(in crate::rules) u32);

/// A condition or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::rules) enum Node {
    Const(bool),
    Predicate(u32),
    Not(NodeId),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
}

/// Conditions, hash-consed. Children have smaller numbers than their parents.
#[derive(Debug, Default)]
pub(in crate::rules) struct Graph {
    nodes: Vec<Node>,
    /// The node's value may differ between the two names of a file.
    reads_path: Vec<bool>,
    /// Longest way down from each node; evaluation recurses that deep.
    depth: Vec<u32>,
    known: HashMap<Node, NodeId>,
    predicates: Vec<Predicate>,
    known_predicates: HashMap<String, u32>,
}

impl Graph {
    /// Number of nodes.
    pub(in crate::rules) const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node with this number.
    pub(in crate::rules) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::Const(false))
    }

    /// Whether the node depends on which name of a file is read.
    pub(in crate::rules) fn reads_path(&self, id: NodeId) -> bool {
        self.reads_path.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// Longest way down from the node.
    pub(in crate::rules) fn depth(&self, id: NodeId) -> u32 {
        self.depth.get(id.0 as usize).copied().unwrap_or(0)
    }

    /// A predicate by its number.
    pub(in crate::rules) fn predicate(&self, number: u32) -> Option<&Predicate> {
        self.predicates.get(number as usize)
    }

    /// The node of a predicate. `key` says the same for the same predicate.
    pub(in crate::rules) fn add_predicate(&mut self, key: String, predicate: Predicate) -> NodeId {
        let next = u32::try_from(self.predicates.len()).unwrap_or(u32::MAX);
        let number = *self.known_predicates.entry(key).or_insert(next);
        if number == next {
            self.predicates.push(predicate);
        }
        self.intern(Node::Predicate(number))
    }

    /// A node that is always or never true.
    pub(in crate::rules) fn constant(&mut self, value: bool) -> NodeId {
        self.intern(Node::Const(value))
    }

    /// The negation of a node.
    pub(in crate::rules) fn not(&mut self, inner: NodeId) -> NodeId {
        match *self.node(inner) {
            Node::Const(value) => self.constant(!value),
            Node::Not(inside) => inside,
            _ => self.intern(Node::Not(inner)),
        }
    }

    /// The conjunction of nodes; constants are folded.
    pub(in crate::rules) fn and(&mut self, parts: Vec<NodeId>) -> NodeId {
        self.chain(parts, true)
    }

    /// The disjunction of nodes; constants are folded.
    pub(in crate::rules) fn or(&mut self, parts: Vec<NodeId>) -> NodeId {
        self.chain(parts, false)
    }

    /// `neutral` parts disappear; one part of the opposite value decides.
    fn chain(&mut self, parts: Vec<NodeId>, neutral: bool) -> NodeId {
        let mut kept: Vec<NodeId> = Vec::with_capacity(parts.len());
        let mut seen = hashbrown::HashSet::with_capacity(parts.len());
        for part in parts {
            match *self.node(part) {
                Node::Const(value) if value == neutral => {}
                Node::Const(value) => return self.constant(value),
                _ if !seen.insert(part) => {}
                _ => kept.push(part),
            }
        }
        match kept.as_slice() {
            [] => self.constant(neutral),
            [one] => *one,
            _ if neutral => self.intern(Node::And(kept.into())),
            _ => self.intern(Node::Or(kept.into())),
        }
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let reads_path = match &node {
            Node::Const(_) => false,
            Node::Predicate(number) => self.predicate(*number).is_some_and(Predicate::reads_path),
            Node::Not(inner) => self.reads_path(*inner),
            Node::And(parts) | Node::Or(parts) => parts.iter().any(|part| self.reads_path(*part)),
        };
        let below = match &node {
            Node::Const(_) | Node::Predicate(_) => None,
            Node::Not(inner) => Some(self.depth(*inner)),
            Node::And(parts) | Node::Or(parts) => parts.iter().map(|part| self.depth(*part)).max(),
        };
        self.depth.push(below.map_or(0, |depth| depth + 1));
        self.nodes.push(node.clone());
        self.reads_path.push(reads_path);
        self.known.insert(node, id);
        id
    }

    /// The node with some predicates decided: `decide` gives their value where it is known. `memo`
    /// belongs to one `decide`.
    pub(in crate::rules) fn specialise(
        &mut self,
        root: NodeId,
        decide: &dyn Fn(&Predicate) -> Option<bool>,
        memo: &mut HashMap<NodeId, NodeId>,
    ) -> NodeId {
        // Children have smaller numbers, so an explicit stack visits each node once, without
        // recursion: conditions may be deep.
        let mut stack = vec![root];
        while let Some(id) = stack.pop() {
            if memo.contains_key(&id) {
                continue;
            }
            let node = self.node(id).clone();
            let children: &[NodeId] = match &node {
                Node::Const(_) | Node::Predicate(_) => &[],
                Node::Not(inner) => std::slice::from_ref(inner),
                Node::And(parts) | Node::Or(parts) => parts,
            };
            let waiting: Vec<NodeId> = children
                .iter()
                .copied()
                .filter(|child| !memo.contains_key(child))
                .collect();
            if !waiting.is_empty() {
                stack.push(id);
                stack.extend(waiting);
                continue;
            }
            let of = |child: &NodeId| memo.get(child).copied().unwrap_or(*child);
            let folded = match &node {
                Node::Const(_) => id,
                Node::Predicate(number) => match self.predicate(*number).and_then(decide) {
                    Some(value) => self.constant(value),
                    None => id,
                },
                Node::Not(inner) => self.not(of(inner)),
                Node::And(parts) => self.and(parts.iter().map(of).collect()),
                Node::Or(parts) => self.or(parts.iter().map(of).collect()),
            };
            memo.insert(id, folded);
        }
        memo.get(&root).copied().unwrap_or(root)
    }

    /// Hands over every predicate below a node, each once.
    pub(in crate::rules) fn predicates_below(
        &self,
        root: NodeId,
        each: &mut dyn FnMut(&Predicate),
    ) {
        let mut seen = hashbrown::HashSet::new();
        let mut stack = vec![root];
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.node(id) {
                Node::Const(_) => {}
                Node::Predicate(number) => self.predicate(*number).into_iter().for_each(&mut *each),
                Node::Not(inner) => stack.push(*inner),
                Node::And(parts) | Node::Or(parts) => stack.extend(parts.iter().copied()),
            }
        }
    }

    /// Forgets what only building needs.
    pub(in crate::rules) fn finish(&mut self) {
        self.known = HashMap::new();
        self.known_predicates = HashMap::new();
        self.nodes.shrink_to_fit();
    }
}
