//! Definitions after the merge of all files, and where each part of them came from.
//!
//! A rule set has only what evaluation needs. The catalog is what people ask about: the texts as
//! written, who changed them, and which macros and lists they use.

use std::collections::HashSet;

use super::load::{
    Collector, DefKind, Entry, ExceptionDef, History, ListDef, MacroDef, Ordered, Origin, RuleDef,
};
use super::source::Span;
use super::syntax::ast::{Check, Expr, Operand, Right, Transform, Value};
use super::syntax::{RULE_DEPTH, parse};
use super::text::Text;

/// Every definition of a load. It is there also where the load has errors, with what could be read.
#[derive(Debug)]
pub struct Catalog {
    pub(in crate::rules) lists: Ordered<ListDef>,
    pub(in crate::rules) macros: Ordered<MacroDef>,
    pub(in crate::rules) rules: Ordered<RuleDef>,
    history: History,
}

/// A rule as the files say it.
#[derive(Clone, Copy, Debug)]
pub struct RuleText<'c> {
    /// Condition after merging, macros and lists by name, without exceptions.
    pub condition: &'c str,
    /// Output after merging.
    pub output: &'c str,
    /// Whether it is evaluated, unless the agent's configuration says otherwise.
    pub enabled: bool,
    exceptions: &'c [ExceptionDef],
}

/// An exception of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionText {
    /// Name.
    pub name: String,
    /// Where the name stands.
    pub at: Span,
    /// Fields.
    pub fields: Vec<String>,
    /// An operator for each field.
    pub comps: Vec<String>,
    /// What is excepted: for each entry, a value per field.
    pub values: Vec<Vec<String>>,
}

/// A macro or list that a rule uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Macro or list.
    pub kind: DefKind,
    /// Its name.
    pub name: String,
    /// How many definitions are between the rule and this one, from 0.
    pub depth: usize,
    /// A macro's condition after merging; the items of a list, separated by commas.
    pub text: String,
}

impl Catalog {
    pub(in crate::rules) fn new(collector: Collector) -> Self {
        let Collector {
            lists,
            macros,
            rules,
            history,
            ..
        } = collector;
        Self {
            lists,
            macros,
            rules,
            history,
        }
    }

    /// Names of all rules in order, those included that are not evaluated here.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.rules.items.iter().map(|rule| rule.name.as_str())
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<RuleText<'_>> {
        let rule = self.rules.get(name)?;
        Some(RuleText {
            condition: rule.condition.as_str().trim(),
            output: rule.output.as_str(),
            enabled: rule.enabled,
            exceptions: &rule.exceptions,
        })
    }

    /// The items that made a definition what it is, in order. What stood before the last definition
    /// of the whole does not count any more and is left out.
    pub fn origins(&self, kind: DefKind, name: &str) -> &[Origin] {
        let all = self.history.of(kind, name);
        let last = all.iter().rposition(Origin::defines).unwrap_or(0);
        all.get(last..).unwrap_or_default()
    }

    /// The macros and lists that a rule uses, directly or through others, each once, where it is
    /// used first. Deeper than 100 inside each other is not looked.
    pub fn uses(&self, rule: &str) -> Vec<Used> {
        let Some(rule) = self.rules.get(rule) else {
            return Vec::new();
        };
        let mut walk = Walk {
            catalog: self,
            seen: HashSet::new(),
            found: Vec::new(),
        };
        walk.condition(rule.condition.as_str(), 0);
        for entry in rule.exceptions.iter().flat_map(|e| &e.values) {
            walk.entry(entry);
        }
        walk.found
    }
}

impl RuleText<'_> {
    /// Its exceptions after merging.
    pub fn exceptions(&self) -> Vec<ExceptionText> {
        let text = |exception: &ExceptionDef| ExceptionText {
            name: exception.name.clone(),
            at: exception.at,
            fields: flat(&exception.fields),
            comps: flat(&exception.comps),
            values: exception.values.iter().map(flat).collect(),
        };
        self.exceptions.iter().map(text).collect()
    }
}

/// The scalars of an entry; a list inside a list in parentheses.
fn flat(entry: &Entry) -> Vec<String> {
    let one = |entry: &Entry| match entry {
        Entry::One(text) => text.as_str().to_owned(),
        Entry::Many(_) => format!("({})", flat(entry).join(", ")),
    };
    match entry {
        Entry::One(_) => vec![one(entry)],
        Entry::Many(entries) => entries.iter().map(one).collect(),
    }
}

/// Definitions inside each other that are followed; macros cannot be deeper.
const MAX_DEPTH: usize = 100;

/// The search for what a rule uses.
struct Walk<'c> {
    catalog: &'c Catalog,
    seen: HashSet<(DefKind, String)>,
    found: Vec<Used>,
}

impl Walk<'_> {
    fn condition(&mut self, text: &str, depth: usize) {
        if let Ok(expr) = parse(text, RULE_DEPTH) {
            self.expr(&expr, depth);
        }
    }

    fn expr(&mut self, expr: &Expr, depth: usize) {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => {
                for part in parts {
                    self.expr(part, depth);
                }
            }
            Expr::Not(inner) => self.expr(inner, depth),
            Expr::Macro(name) => self.r#macro(&name.name, depth),
            Expr::Check(check) => self.check(check, depth),
        }
    }

    fn check(&mut self, check: &Check, depth: usize) {
        if let Operand::Transform(transform) = &check.left {
            self.transform(transform, depth);
        }
        match &check.right {
            Right::None | Right::Field(_) => {}
            Right::Value(value) => self.value(value, depth),
            Right::List(values, _) => values.iter().for_each(|value| self.value(value, depth)),
            Right::Transform(transform) => self.transform(transform, depth),
        }
    }

    fn transform(&mut self, transform: &Transform, depth: usize) {
        for arg in &transform.args {
            match arg {
                Operand::Value(value) => self.value(value, depth),
                Operand::Transform(inner) => self.transform(inner, depth),
                Operand::Field(_) | Operand::List(..) => {}
            }
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        if let Some(word) = value.bare() {
            self.list(word, depth);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::One(text) => self.list(text.as_str(), 0),
            Entry::Many(entries) => entries.iter().for_each(|entry| self.entry(entry)),
        }
    }

    fn r#macro(&mut self, name: &str, depth: usize) {
        let Some(def) = self.catalog.macros.get(name) else {
            return;
        };
        let text = def.condition.as_str().trim();
        if self.add(DefKind::Macro, name, depth, || text.to_owned()) {
            self.condition(text, depth + 1);
        }
    }

    fn list(&mut self, name: &str, depth: usize) {
        let Some(def) = self.catalog.lists.get(name) else {
            return;
        };
        let items = || def.items.iter().map(Text::as_str);
        if self.add(DefKind::List, name, depth, || {
            items().collect::<Vec<_>>().join(", ")
        }) {
            items().for_each(|item| self.list(item, depth + 1));
        }
    }

    /// Adds a definition unless it is there; whether it was added.
    fn add(
        &mut self,
        kind: DefKind,
        name: &str,
        depth: usize,
        text: impl FnOnce() -> String,
    ) -> bool {
        if depth > MAX_DEPTH || !self.seen.insert((kind, name.to_owned())) {
            return false;
        }
        self.found.push(Used {
            kind,
            name: name.to_owned(),
            depth,
            text: text(),
        });
        true
    }
}
