//! Definitions of all files, merged in order.

use std::collections::HashMap;

use super::Checked;
use super::defs::{ListDef, MacroDef, RuleDef};
use super::history::History;
use super::version::{PluginRequirement, Version};
use crate::rules::diagnostics::{Diagnostic, E0203, E0204};
use crate::rules::source::Span;
use crate::rules::text::Text;

/// Everything defined so far. A definition that comes again replaces the content of the first and keeps
/// its place in the order.
#[derive(Debug)]
pub(in crate::rules) struct Collector {
    pub(in crate::rules) lists: Ordered<ListDef>,
    pub(in crate::rules) macros: Ordered<MacroDef>,
    pub(in crate::rules) rules: Ordered<RuleDef>,
    pub(in crate::rules) plugins: Vec<PluginRequirement>,
    pub(in crate::rules) diagnostics: Vec<Diagnostic>,
    pub(in crate::rules) engine: Version,
    pub(in crate::rules) history: History,
    next: u32,
}

/// Things by name, in the order of their first definition.
#[derive(Debug)]
pub(in crate::rules) struct Ordered<T> {
    pub(in crate::rules) items: Vec<T>,
    by_name: HashMap<String, usize>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            by_name: HashMap::new(),
        }
    }
}

impl<T> Ordered<T> {
    pub(in crate::rules) fn get(&self, name: &str) -> Option<&T> {
        self.items.get(*self.by_name.get(name)?)
    }

    pub(in crate::rules) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(in crate::rules) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.items.get_mut(*self.by_name.get(name)?)
    }

    fn put(&mut self, name: &str, item: T) {
        if let Some(old) = self
            .by_name
            .get(name)
            .and_then(|at| self.items.get_mut(*at))
        {
            *old = item;
        } else {
            self.by_name.insert(name.to_owned(), self.items.len());
            self.items.push(item);
        }
    }
}

impl Collector {
    pub(in crate::rules) fn new(engine: Version) -> Self {
        Self {
            lists: Ordered::default(),
            macros: Ordered::default(),
            rules: Ordered::default(),
            plugins: Vec::new(),
            diagnostics: Vec::new(),
            engine,
            history: History::default(),
            next: 0,
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(super) fn define_list(&mut self, name: &str, at: Span, items: Vec<Text>) {
        let visibility = self.number();
        let index = self.lists.get(name).map_or(visibility, |old| old.index);
        let list = ListDef {
            name: name.to_owned(),
            at,
            items,
            visibility,
            index,
        };
        self.lists.put(name, list);
    }

    pub(super) fn append_list(&mut self, name: &str, at: Span, items: Vec<Text>) -> Checked<()> {
        let number = self.number();
        let message = "List uses 'append' or 'override.items: append' but no list by that name \
                       already exists";
        let known: Vec<_> = self
            .lists
            .items
            .iter()
            .map(|list| list.name.clone())
            .collect();
        let list = self
            .lists
            .get_mut(name)
            .ok_or_else(|| missing(message, name, at, &known))?;
        list.items.extend(items);
        list.visibility = number;
        Ok(())
    }

    pub(super) fn define_macro(&mut self, name: &str, at: Span, condition: Text, cond_at: Span) {
        let visibility = self.number();
        let index = self.macros.get(name).map_or(visibility, |old| old.index);
        let (name_owned, condition_at) = (name.to_owned(), cond_at);
        let item = MacroDef {
            name: name_owned,
            at,
            condition,
            condition_at,
            visibility,
            index,
        };
        self.macros.put(name, item);
    }

    pub(super) fn append_macro(&mut self, name: &str, at: Span, more: &Text) -> Checked<()> {
        let number = self.number();
        let message = "Macro uses 'append' or 'override.condition: append' but no macro by that \
                       name already exists";
        let known: Vec<_> = self
            .macros
            .items
            .iter()
            .map(|item| item.name.clone())
            .collect();
        let item = self
            .macros
            .get_mut(name)
            .ok_or_else(|| missing(message, name, at, &known))?;
        item.condition.append(more);
        item.visibility = number;
        Ok(())
    }

    pub(super) fn define_rule(&mut self, rule: RuleDef) -> Checked<()> {
        if let Some(old) = self.rules.get(&rule.name)
            && old.source != rule.source
        {
            let message = "Rule has been re-defined with a different source";
            return Err(Box::new(
                Diagnostic::new(&E0204, message, rule.at)
                    .label(format!("source is `{}` here", rule.source))
                    .note(old.at, format!("source was `{}` here", old.source)),
            ));
        }
        let name = rule.name.clone();
        self.rules.put(&name, rule);
        Ok(())
    }

    /// The rule to change; an error with `message` where it is not defined.
    pub(super) fn rule_to_change(
        &mut self,
        name: &str,
        at: Span,
        message: &str,
    ) -> Checked<&mut RuleDef> {
        if self.rules.get(name).is_none() {
            let known: Vec<_> = self
                .rules
                .items
                .iter()
                .map(|rule| rule.name.clone())
                .collect();
            return Err(missing(message, name, at, &known));
        }
        self.rules
            .get_mut(name)
            .ok_or_else(|| missing(message, name, at, &[]))
    }
}

fn missing(message: &str, name: &str, at: Span, known: &[String]) -> Box<Diagnostic> {
    let diagnostic = Diagnostic::new(&E0203, message, at).label("not defined before");
    Box::new(diagnostic.did_you_mean(name, known.iter().map(String::as_str)))
}
