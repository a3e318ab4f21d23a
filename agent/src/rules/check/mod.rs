//! Names and types: what a condition refers to, and whether operators and constants fit.

mod constant;
mod field;
mod rules_of_type;

pub(in crate::rules) use constant::{number_constant, parse_net, port_constant};
pub(in crate::rules) use field::{Resolved, resolve, resolve_field};
pub(in crate::rules) use rules_of_type::operator_fits;
