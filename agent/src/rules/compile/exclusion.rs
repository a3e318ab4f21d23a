//! Conjunctions that leave no room once their macros are written out: two sets of values without a
//! common one, or an empty range of numbers.
//!
//! [`super::contradiction`] points at two comparisons of one text; here they may come from
//! different macros, so the warning stands at the rule's condition and prints both.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::expand::Definitions;
use super::rules::CompiledRule;
use crate::event::fields::{self, Getter};
use crate::rules::diagnostics::{Diagnostic, Item, W0101};
use crate::rules::syntax::ast::{Check, Expr, Op, Operand, Right, Value};
use crate::rules::syntax::print;

/// Parts of a written-out condition that are looked at.
const MAX_PARTS: usize = 5000;

/// Comparisons of one conjunction that are compared with each other.
const MAX_CHECKS: usize = 200;

/// What a comparison demands of a field that has one value.
struct Demand<'e> {
    check: &'e Check,
    field: String,
    allowed: Allowed,
}

enum Allowed {
    /// One of these texts.
    Texts(BTreeSet<Vec<u8>>),
    /// One of these numbers.
    Numbers(BTreeSet<i128>),
    /// A number between these.
    Range(RangeInclusive<i128>),
}

impl Allowed {
    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Texts(a), Self::Texts(b)) => a.is_disjoint(b),
            (Self::Numbers(a), Self::Numbers(b)) => a.is_disjoint(b),
            (Self::Range(a), Self::Range(b)) => a.start() > b.end() || b.start() > a.end(),
            (Self::Numbers(a), Self::Range(b)) | (Self::Range(b), Self::Numbers(a)) => {
                !a.iter().any(|number| b.contains(number))
            }
            _ => false,
        }
    }
}

/// A warning if the condition of this rule can never hold.
pub(super) fn find(rule: &CompiledRule, definitions: &Definitions) -> Option<Diagnostic> {
    let mut budget = MAX_PARTS;
    let whole = definitions.expand(&rule.expr, &mut budget)?;
    let mut checks = Vec::new();
    conjuncts(&whole, &mut checks);
    let demands: Vec<Demand<'_>> = checks.into_iter().filter_map(demand).collect();
    let excluded = demands.iter().enumerate().find_map(|(at, later)| {
        let clashes = |earlier: &&Demand<'_>| {
            earlier.field == later.field && earlier.allowed.excludes(&later.allowed)
        };
        Some((demands.iter().take(at).find(clashes)?, later))
    });
    let (earlier, later) = excluded?;
    let text = |check: &Check| print(&Expr::Check(Box::new(check.clone())));
    let message = format!(
        "`{}` and `{}` exclude each other",
        text(earlier.check),
        text(later.check)
    );
    let item = Item {
        kind: "rule",
        name: rule.def.name.clone(),
        span: rule.def.at,
    };
    Some(Diagnostic::new(&W0101, message, rule.def.condition_at).within(&[item]))
}

/// Comparisons that must all hold.
fn conjuncts<'e>(expr: &'e Expr, out: &mut Vec<&'e Check>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| conjuncts(part, out)),
        Expr::Check(check) if out.len() < MAX_CHECKS => out.push(check),
        _ => {}
    }
}

fn demand(check: &Check) -> Option<Demand<'_>> {
    let Operand::Field(reference) = &check.left else {
        return None;
    };
    // Two readings of one event never mix, so names of files are single values too.
    let field = fields::find(&reference.name)?;
    if matches!(field.getter, Getter::Many(..)) || check.modifier.is_some() {
        return None;
    }
    let values: &[Value] = match &check.right {
        Right::Value(value) => std::slice::from_ref(value),
        Right::List(values, _) => values,
        _ => return None,
    };
    // An empty list is a place for somebody's own values, not a contradiction.
    if values.is_empty() {
        return None;
    }
    let allowed = if field.ty.is_number() {
        numbers(check.op, values)?
    } else if check.op.is_equal() || check.op == Op::In {
        Allowed::Texts(values.iter().map(|value| value.bytes.clone()).collect())
    } else {
        return None;
    };
    let arg = reference.arg.as_ref().map(|arg| format!("[{arg}]"));
    let field = format!("{}{}", reference.name, arg.unwrap_or_default());
    Some(Demand {
        check,
        field,
        allowed,
    })
}

/// `None` where a constant is no decimal number (a service name as a port).
fn numbers(op: Op, values: &[Value]) -> Option<Allowed> {
    let number = |value: &Value| value.lossy().parse::<i128>().ok();
    if op.is_equal() || op == Op::In {
        return values
            .iter()
            .map(number)
            .collect::<Option<_>>()
            .map(Allowed::Numbers);
    }
    let bound = number(values.first()?)?;
    Some(Allowed::Range(match op {
        Op::Lt => i128::MIN..=bound.checked_sub(1)?,
        Op::Le => i128::MIN..=bound,
        Op::Gt => bound.checked_add(1)?..=i128::MAX,
        Op::Ge => bound..=i128::MAX,
        _ => return None,
    }))
}
