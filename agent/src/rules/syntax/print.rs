//! Conditions as text.

use super::ast::{Check, Expr, FieldRef, Operand, Right, Transform, Value};
use super::quote::quote;

/// The condition in the form the reference implementation prints: flat, one space around operators,
/// parentheses around every conjunction and disjunction.
pub fn print(expr: &Expr) -> String {
    let mut out = Vec::new();
    print_expr(expr, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn print_expr(expr: &Expr, out: &mut Vec<u8>) {
    match expr {
        Expr::And(parts) => print_chain(parts, b" and ", out),
        Expr::Or(parts) => print_chain(parts, b" or ", out),
        Expr::Not(inner) => {
            out.extend_from_slice(b"not ");
            print_expr(inner, out);
        }
        Expr::Macro(name) => out.extend_from_slice(name.name.as_bytes()),
        Expr::Check(check) => print_check(check, out),
    }
}

fn print_chain(parts: &[Expr], between: &[u8], out: &mut Vec<u8>) {
    out.push(b'(');
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(between);
        }
        print_expr(part, out);
    }
    out.push(b')');
}

fn print_check(check: &Check, out: &mut Vec<u8>) {
    print_operand(&check.left, out);
    out.push(b' ');
    out.extend_from_slice(check.op.text().as_bytes());
    if let Some(modifier) = check.modifier {
        out.push(b' ');
        out.extend_from_slice(modifier.text().as_bytes());
    }
    match &check.right {
        Right::None => {}
        Right::Value(value) => print_value(value, out),
        Right::List(values, _) => print_list(values, out),
        Right::Field(field) => {
            out.extend_from_slice(b" val(");
            print_field(field, out);
            out.push(b')');
        }
        Right::Transform(transform) => {
            out.push(b' ');
            print_transform(transform, out);
        }
    }
}

fn print_value(value: &Value, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend(quote(&value.bytes));
}

fn print_list(values: &[Value], out: &mut Vec<u8>) {
    out.extend_from_slice(b" (");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend(quote(&value.bytes));
    }
    out.push(b')');
}

fn print_operand(operand: &Operand, out: &mut Vec<u8>) {
    match operand {
        Operand::Field(field) => print_field(field, out),
        Operand::Transform(transform) => print_transform(transform, out),
        Operand::Value(value) => out.extend_from_slice(&value.bytes),
        Operand::List(items, _) => print_operands(items, out),
    }
}

fn print_field(field: &FieldRef, out: &mut Vec<u8>) {
    out.extend_from_slice(field.name.as_bytes());
    print_index(field.arg.as_deref(), out);
}

fn print_index(index: Option<&str>, out: &mut Vec<u8>) {
    if let Some(index) = index {
        out.push(b'[');
        out.extend(quote(index.as_bytes()));
        out.push(b']');
    }
}

fn print_operands(items: &[Operand], out: &mut Vec<u8>) {
    out.push(b'(');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        print_operand(item, out);
    }
    out.push(b')');
}

fn print_transform(transform: &Transform, out: &mut Vec<u8>) {
    out.extend_from_slice(transform.kind.text().as_bytes());
    print_operands(&transform.args, out);
    print_index(transform.index.as_deref(), out);
}
