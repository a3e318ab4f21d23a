//! Lists, expanded to the constants they stand for.
//!
//! The reference implementation pastes the text of lists into conditions, list by list in the order of
//! definition. What rule files can rely on is kept: items that hold several constants, an item's own
//! quotes, lists inside lists (one level, or further where the inner list is defined later), and
//! empty lists. Text inside quotes is not replaced.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::collect::Ordered;
use super::defs::ListDef;
use crate::rules::diagnostics::{Diagnostic, E0004, E0310, Item};
use crate::rules::source::Span;
use crate::rules::syntax::ast::Value;
use crate::rules::syntax::parse_list_item;
use crate::rules::text::Text;

/// Constants that all lists together may expand to.
const MAX_EXPANDED: usize = 4_000_000;

/// Expanded lists, and which of them were used.
#[derive(Debug)]
pub(in crate::rules) struct Lists<'c> {
    defs: &'c Ordered<ListDef>,
    expanded: HashMap<usize, Arc<[Value]>>,
    used: HashSet<usize>,
    total: usize,
    /// What went wrong while expanding, each once.
    pub(in crate::rules) diagnostics: Vec<Diagnostic>,
}

impl<'c> Lists<'c> {
    pub(in crate::rules) fn new(defs: &'c Ordered<ListDef>) -> Self {
        Self {
            defs,
            expanded: HashMap::new(),
            used: HashSet::new(),
            total: 0,
            diagnostics: Vec::new(),
        }
    }

    /// The constants of the list called `name`, if there is one.
    pub(in crate::rules) fn get(&mut self, name: &str) -> Option<Arc<[Value]>> {
        let position = self.defs.position(name)?;
        self.used.insert(position);
        Some(self.expand(position))
    }

    /// Definition of the list called `name`.
    pub(in crate::rules) fn def(&self, name: &str) -> Option<&'c ListDef> {
        self.defs.get(name)
    }

    /// The constants of every list that was expanded.
    pub(in crate::rules) fn used_values(&self) -> HashMap<String, Arc<[Value]>> {
        let named = |(position, values): (&usize, &Arc<[Value]>)| {
            let list = self.defs.items.get(*position)?;
            Some((list.name.clone(), Arc::clone(values)))
        };
        self.expanded.iter().filter_map(named).collect()
    }

    /// Lists that nothing used.
    pub(in crate::rules) fn unused(&self) -> impl Iterator<Item = &'c ListDef> {
        let lists = self.defs.items.iter().enumerate();
        lists
            .filter(|(position, _)| !self.used.contains(position))
            .map(|(_, list)| list)
    }

    /// Marks lists that other lists use, whether or not those are used.
    pub(in crate::rules) fn mark_nested(&mut self) {
        for list in &self.defs.items {
            for item in &list.items {
                if let Some(position) = self.nested(list, item) {
                    self.used.insert(position);
                }
            }
        }
    }

    /// The list that an item names, if it may be seen from there.
    fn nested(&self, list: &ListDef, item: &Text) -> Option<usize> {
        let position = self.defs.position(item.as_str())?;
        let inner = self.defs.items.get(position)?;
        (inner.index < list.visibility).then_some(position)
    }

    fn expand(&mut self, position: usize) -> Arc<[Value]> {
        if let Some(known) = self.expanded.get(&position) {
            return Arc::clone(known);
        }
        let mut out = Vec::new();
        if let Some(list) = self.defs.items.get(position) {
            for item in &list.items {
                match self
                    .nested(list, item)
                    .and_then(|inner| self.defs.items.get(inner))
                {
                    Some(inner) => {
                        for raw in &inner.items {
                            self.add(position, list, raw, &mut out);
                        }
                    }
                    None => self.add(position, list, item, &mut out),
                }
            }
        }
        let values: Arc<[Value]> = out.into();
        self.expanded.insert(position, Arc::clone(&values));
        values
    }

    /// Adds the constants that one item reads as.
    fn add(&mut self, position: usize, list: &ListDef, item: &Text, out: &mut Vec<Value>) {
        let text = item.as_str();
        let origin = Some(item.span(0..text.len()));
        if text.contains(' ') && !text.starts_with(['"', '\'']) {
            let bytes = text.as_bytes().to_vec();
            self.push(
                Value {
                    bytes,
                    quoted: true,
                    at: 0..0,
                    origin,
                },
                out,
            );
            return;
        }
        let values = match parse_list_item(text) {
            Ok(values) => values,
            Err(error) => {
                self.fail(list, item, &error.message, error.at);
                return;
            }
        };
        for value in values {
            // Text is replaced list by list, so a word that names a later list is replaced once more.
            let later = value.bare().and_then(|word| self.defs.position(word));
            if let Some(later) = later.filter(|later| *later > position) {
                self.used.insert(later);
                let inner = self.expand(later);
                for value in inner.iter() {
                    self.push(value.clone(), out);
                }
                continue;
            }
            self.push(Value { origin, ..value }, out);
        }
    }

    fn push(&mut self, value: Value, out: &mut Vec<Value>) {
        self.total += 1;
        if self.total <= MAX_EXPANDED {
            out.push(value);
        } else if self.total == MAX_EXPANDED + 1 {
            let span = value.origin.unwrap_or_default();
            let message = format!("lists expand to more than {MAX_EXPANDED} constants");
            self.diagnostics
                .push(Diagnostic::new(&E0004, message, span));
        }
    }

    fn fail(&mut self, list: &ListDef, item: &Text, message: &str, at: usize) {
        let end = (at + 1).min(item.as_str().len()).max(at);
        let span: Span = item.span(at..end);
        let item = Item {
            kind: "list",
            name: list.name.clone(),
            span: list.at,
        };
        let diagnostic = Diagnostic::new(&E0310, format!("list item: {message}"), span)
            .note(list.at, "in this list")
            .help("put quotes inside the quotes of YAML to make it one constant: '\"...\"'")
            .within(&[item]);
        self.diagnostics.push(diagnostic);
    }
}
