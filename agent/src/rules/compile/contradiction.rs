//! Conjunctions that can never hold.

use std::collections::BTreeSet;

use super::{Context, Place, operand};
use crate::rules::diagnostics::W0101;
use crate::rules::syntax::ast::{Check, Expr, Op, Operand, Right, Value};

/// Constants above this number are not compared with each other.
const MAX_COMPARED: usize = 1000;

/// Parts of one conjunction that are compared with each other.
const MAX_CHECKS: usize = 200;

/// What a comparison demands of a field with one value.
struct Demand<'e> {
    check: &'e Check,
    /// Name of the field, with its argument.
    field: String,
    /// The value must be one of these.
    any_of: BTreeSet<Vec<u8>>,
}

impl Context<'_> {
    /// Warns where two parts of a conjunction demand different values of the same field.
    pub(super) fn warn_contradictions(&mut self, parts: &[Expr], place: Place<'_>) {
        let checks = parts.iter().filter_map(|part| match part {
            Expr::Check(check) => Some(&**check),
            _ => None,
        });
        let checks = checks.take(MAX_CHECKS);
        let demands: Vec<_> = checks
            .filter_map(|check| self.demand(check, place))
            .collect();
        for (at, later) in demands.iter().enumerate() {
            let earlier = demands.iter().take(at).find(|earlier| {
                earlier.field == later.field && earlier.any_of.is_disjoint(&later.any_of)
            });
            if let Some(earlier) = earlier {
                let message = format!("`{}` cannot have both values at once", later.field);
                let diagnostic = place
                    .error(&W0101, message, &later.check.at)
                    .label("excluded by the other comparison")
                    .note(place.span(&earlier.check.at), "the other comparison");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn demand<'e>(&mut self, check: &'e Check, place: Place<'_>) -> Option<Demand<'e>> {
        let Operand::Field(reference) = &check.left else {
            return None;
        };
        if !(check.op.is_equal() || check.op == Op::In) || check.modifier.is_some() {
            return None;
        }
        let resolved = operand::field(reference, place).ok()?;
        if matches!(
            resolved.field.getter,
            crate::event::fields::Getter::Many(..)
        ) {
            return None;
        }
        let values: Vec<Value> = match &check.right {
            Right::Value(value) => self.expanded(std::slice::from_ref(value)),
            Right::List(values, _) => self.expanded(values),
            _ => return None,
        };
        if values.is_empty() || values.len() > MAX_COMPARED {
            return None;
        }
        let is_numeral = |value: &Value| value.lossy().parse::<i128>().is_ok();
        // A port may go by the name of its service, which is not looked up here.
        if resolved.ty.is_number() && !values.iter().all(is_numeral) {
            return None;
        }
        // Numbers are the same however they are written.
        let written = |value: &Value| match value.lossy().parse::<i128>() {
            Ok(number) if !resolved.ty.is_text() => number.to_string().into_bytes(),
            _ => value.bytes.clone(),
        };
        let any_of = values.iter().map(written).collect();
        let arg = reference.arg.as_ref().map(|arg| format!("[{arg}]"));
        let field = format!("{}{}", reference.name, arg.unwrap_or_default());
        Some(Demand {
            check,
            field,
            any_of,
        })
    }
}
