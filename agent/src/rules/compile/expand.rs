//! Conditions with their macros and lists written out, for people and for comparing.

use std::collections::HashMap;
use std::sync::Arc;

use crate::rules::syntax::ast::{Check, Expr, Right, Value};

/// Macros and parentheses inside each other that are written out.
const MAX_DEPTH: u32 = 500;

/// Macros and lists of a rule set.
#[derive(Debug, Default)]
pub(in crate::rules) struct Definitions {
    pub(super) macros: HashMap<String, Expr>,
    pub(super) lists: HashMap<String, Arc<[Value]>>,
}

impl Definitions {
    /// The condition written out; `None` where it would have more parts than `budget`, because macros
    /// inside macros grow without bound.
    pub(in crate::rules) fn expand(&self, expr: &Expr, budget: &mut usize) -> Option<Expr> {
        self.expand_below(expr, MAX_DEPTH, budget)
    }

    fn expand_below(&self, expr: &Expr, depth: u32, budget: &mut usize) -> Option<Expr> {
        *budget = budget.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        let parts = |parts: &[Expr], budget: &mut usize| {
            parts
                .iter()
                .map(|part| self.expand_below(part, depth, budget))
                .collect::<Option<Vec<_>>>()
        };
        Some(match expr {
            Expr::And(inner) => Expr::And(parts(inner, budget)?),
            Expr::Or(inner) => Expr::Or(parts(inner, budget)?),
            Expr::Not(inner) => Expr::Not(Box::new(self.expand_below(inner, depth, budget)?)),
            Expr::Macro(name) => match self.macros.get(&name.name) {
                Some(body) => self.expand_below(body, depth, budget)?,
                None => expr.clone(),
            },
            Expr::Check(check) => Expr::Check(Box::new(self.check(check, budget)?)),
        })
    }

    fn check(&self, check: &Check, budget: &mut usize) -> Option<Check> {
        let right = match &check.right {
            Right::Value(value) => match self.list(value) {
                Some([item]) => Right::Value(item.clone()),
                _ => check.right.clone(),
            },
            Right::List(values, at) => {
                let mut out = Vec::new();
                for value in values {
                    match self.list(value) {
                        Some(items) => {
                            *budget = budget.checked_sub(items.len())?;
                            out.extend_from_slice(items);
                        }
                        None => out.push(value.clone()),
                    }
                }
                Right::List(out, at.clone())
            }
            other => other.clone(),
        };
        Some(Check {
            right,
            ..check.clone()
        })
    }

    fn list(&self, value: &Value) -> Option<&[Value]> {
        self.lists.get(value.bare()?).map(|items| &**items)
    }
}
