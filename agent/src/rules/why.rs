//! Why a rule does or does not fire for an event: every part of its condition with what it saw.

use bumpalo::Bump;

use super::catalog::Catalog;
use super::compile::{Part, PartKind, Parts, parts};
use super::eval::{Get, Graph, Node, NodeId, Predicate, Scratch, Test};
use super::set::{Matching, RuleSet};
use super::source::Span;
use crate::event::fields::{Availability, Field, FieldArg, FieldValue, Getter, Reading, Scope};
use crate::event::{Event, World};

/// Values of one field that are shown; more are counted only.
const MAX_VALUES: usize = 16;

/// Why there is no explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// No rule has the name.
    #[error("no rule has this name")]
    NoSuchRule,
    /// The condition has more parts than can be shown.
    #[error("the condition is too large to be shown: its macros expand to more than 20000 parts")]
    TooLarge,
}

/// What a rule did with an event, and why.
#[derive(Debug)]
pub struct Explanation {
    /// What it did.
    pub outcome: Outcome,
    /// The condition in parts: in the reading in which it holds, else in every reading that there
    /// is. A file with two names has two readings.
    pub trees: Vec<Tree>,
}

/// What a rule did with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It fires.
    Fires,
    /// It holds, but this earlier rule holds too and is the one reported, unless all matching rules
    /// are wanted.
    Later(String),
    /// It would hold, or not; it is disabled.
    Disabled,
    /// It is not evaluated here: its source is unknown, its priority is not wanted, or it says to be
    /// skipped.
    LeftOut,
    /// Its condition cannot hold for events of this type.
    OtherType,
    /// Its condition does not hold.
    DoesNotHold,
}

/// The condition in one reading.
#[derive(Debug)]
pub struct Tree {
    /// Whether file names are the kernel's paths instead of what the program asked for.
    pub resolved: bool,
    /// The condition.
    pub root: Step,
}

/// A part of a condition with its verdict.
#[derive(Debug)]
pub struct Step {
    /// `all`, `any`, `not`, `macro`, `exception` or `check`.
    pub kind: &'static str,
    /// A comparison as written; name of a macro or exception; else empty.
    pub text: String,
    /// Where it stands.
    pub at: Span,
    /// Whether it holds.
    pub holds: bool,
    /// What a comparison saw.
    pub seen: Vec<Seen>,
    /// What it consists of.
    pub parts: Vec<Step>,
}

/// What a side of a comparison gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The side as written.
    pub what: String,
    /// Its values as alerts print them; none where it is absent.
    pub values: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Why it is absent, where that does not depend on the event.
    pub absent: Option<&'static str>,
}

/// Explains what the rule called `name` does with an event. `catalog` and `rules` are of one load.
pub fn why(
    catalog: &Catalog,
    rules: &RuleSet,
    name: &str,
    event: &Event<'_>,
    world: &dyn World,
) -> Result<Explanation, WhyError> {
    let def = catalog.rules.get(name).ok_or(WhyError::NoSuchRule)?;
    let outcome = outcome(rules, name, event, world);
    let loaded = rules.rules().iter().any(|rule| rule.name == name);
    if !loaded {
        let trees = Vec::new();
        return Ok(Explanation { outcome, trees });
    }
    let parts = parts(catalog, def).ok_or(WhyError::TooLarge)?;
    let arena = Bump::new();
    let mut scope = Scope::new(event, world, &arena);
    let asked = tree(&parts, &scope);
    let differs = scope.has_two_names() && reads_path(&parts.graph, &parts.root);
    let trees = if asked.root.holds || !differs {
        vec![asked]
    } else {
        scope.reading = Reading::Resolved;
        let resolved = tree(&parts, &scope);
        if resolved.root.holds {
            vec![resolved]
        } else {
            vec![asked, resolved]
        }
    };
    Ok(Explanation { outcome, trees })
}

fn outcome(rules: &RuleSet, name: &str, event: &Event<'_>, world: &dyn World) -> Outcome {
    let Some((number, rule)) = (0_u32..)
        .zip(rules.rules())
        .find(|(_, rule)| rule.name == name)
    else {
        return Outcome::LeftOut;
    };
    if !rule.enabled {
        return Outcome::Disabled;
    }
    if !rule.event_types.contains(&event.ty.name) {
        return Outcome::OtherType;
    }
    let mut scratch = Scratch::default();
    let hits = rules.evaluate(event, world, Matching::All, &mut scratch);
    let first = hits.first().filter(|_| hits.contains(&number));
    match first {
        None => Outcome::DoesNotHold,
        Some(first) if *first == number => Outcome::Fires,
        Some(first) => {
            let earlier = rules.rule(*first as usize);
            Outcome::Later(earlier.map(|rule| rule.name.clone()).unwrap_or_default())
        }
    }
}

fn reads_path(graph: &Graph, part: &Part) -> bool {
    let own = match &part.kind {
        PartKind::Check { node, .. } => graph.reads_path(*node),
        _ => false,
    };
    own || part.parts.iter().any(|part| reads_path(graph, part))
}

fn tree<'a>(parts: &'a Parts, scope: &Scope<'a>) -> Tree {
    Tree {
        resolved: scope.reading == Reading::Resolved,
        root: step(&parts.graph, &parts.root, scope),
    }
}

/// Evaluates every part, also those whose verdict changes nothing.
fn step<'a>(graph: &'a Graph, part: &'a Part, scope: &Scope<'a>) -> Step {
    let parts: Vec<Step> = part.parts.iter().map(|p| step(graph, p, scope)).collect();
    let first = parts.first().is_some_and(|part| part.holds);
    let (kind, text, holds, seen) = match &part.kind {
        PartKind::All => ("all", "", parts.iter().all(|part| part.holds), Vec::new()),
        PartKind::Any => ("any", "", parts.iter().any(|part| part.holds), Vec::new()),
        PartKind::Not => ("not", "", !first, Vec::new()),
        PartKind::Macro(name) => ("macro", name.as_str(), first, Vec::new()),
        PartKind::Exception(name) => ("exception", name.as_str(), first, Vec::new()),
        PartKind::Check {
            text,
            left,
            right,
            node,
        } => {
            let (holds, seen) = compare(graph, *node, left, right.as_deref(), scope);
            ("check", text.as_str(), holds, seen)
        }
    };
    Step {
        kind,
        text: text.to_owned(),
        at: part.at,
        holds,
        seen,
        parts,
    }
}

/// A comparison: its verdict, and what its sides gave.
fn compare<'a>(
    graph: &'a Graph,
    node: NodeId,
    left: &str,
    right: Option<&str>,
    scope: &Scope<'a>,
) -> (bool, Vec<Seen>) {
    let (number, negated) = match graph.node(node) {
        Node::Const(value) => return (*value, Vec::new()),
        Node::Predicate(number) => (*number, false),
        Node::Not(inner) => match graph.node(*inner) {
            Node::Predicate(number) => (*number, true),
            _ => return (false, Vec::new()),
        },
        Node::And(_) | Node::Or(_) => return (false, Vec::new()),
    };
    let Some(predicate) = graph.predicate(number) else {
        return (false, Vec::new());
    };
    let mut seen = vec![match &predicate.host {
        Some((address, ..)) => address_of(address, scope),
        None => side(left, &predicate.get, scope),
    }];
    if let (Some(right), Some(get)) = (right, other_side(predicate)) {
        seen.push(side(right, get, scope));
    }
    (predicate.holds(scope) != negated, seen)
}

/// The value that the left side is compared with.
fn other_side(predicate: &Predicate) -> Option<&Get> {
    let test = match &predicate.test {
        Test::Not(inner) => inner,
        other => other,
    };
    match test {
        Test::Against(against) => Some(&against.right),
        _ => None,
    }
}

/// What a name of an address is looked up for.
fn address_of(field: &'static Field, scope: &Scope<'_>) -> Seen {
    let mut found = empty(field.name);
    let mut add = |value: FieldValue<'_>| {
        let mut text = Vec::new();
        value.print(&mut text);
        add(&mut found, &text);
    };
    match field.getter {
        Getter::One(get) => get(scope, &FieldArg::None).into_iter().for_each(add),
        Getter::Many(_, get) => get(scope, &FieldArg::None, &mut add),
    }
    found
}

fn side<'a>(what: &str, get: &'a Get, scope: &Scope<'a>) -> Seen {
    let mut found = empty(what);
    get.each(scope, &mut |value| {
        let mut text = Vec::new();
        value.print(&mut text);
        add(&mut found, &text);
    });
    if found.values.is_empty() {
        get.fields(&mut |field, _| {
            found.absent = match field.availability {
                Availability::Now => found.absent,
                Availability::Later(needs) | Availability::Never(needs) => Some(needs),
            };
        });
    }
    found
}

fn empty(what: &str) -> Seen {
    Seen {
        what: what.to_owned(),
        values: Vec::new(),
        more: 0,
        absent: None,
    }
}

fn add(seen: &mut Seen, text: &[u8]) {
    if seen.values.len() < MAX_VALUES {
        seen.values.push(String::from_utf8_lossy(text).into_owned());
    } else {
        seen.more += 1;
    }
}

#[cfg(test)]
mod tests;
