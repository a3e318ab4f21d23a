//! Text in columns, and conditions over several lines.

use crate::rules::syntax::ast::Expr;
use crate::rules::syntax::print;

/// Columns that a condition may take before it is broken into lines.
const WIDTH: usize = 96;

/// Rows as columns, two spaces apart, without blanks at the ends of lines.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            let pad = width.saturating_sub(cell.chars().count()) + 2;
            line.extend(std::iter::repeat_n(' ', pad));
        }
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

/// Text with every line moved to the right, and words broken over lines only where they were.
pub(super) fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    let lines = text.lines().map(str::trim_end).map(|line| {
        if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("{pad}{line}\n")
        }
    });
    lines.collect()
}

/// A condition, one part to a line where it is too long for one.
pub(super) fn condition(expr: &Expr) -> String {
    let mut out = String::new();
    write(expr, "", 0, &mut out);
    out
}

fn write(expr: &Expr, before: &str, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    let flat = print(expr);
    let (parts, word) = match expr {
        Expr::And(parts) => (parts, "and "),
        Expr::Or(parts) => (parts, "or "),
        Expr::Not(inner) if pad.len() + before.len() + flat.len() > WIDTH => {
            write(inner, &format!("{before}not "), depth, out);
            return;
        }
        _ => {
            out.extend([&pad, before, &flat, "\n"]);
            return;
        }
    };
    if pad.len() + before.len() + flat.len() <= WIDTH {
        out.extend([&pad, before, &flat, "\n"]);
        return;
    }
    out.extend([&pad, before, "(\n"]);
    for (index, part) in parts.iter().enumerate() {
        let word = if index > 0 { word } else { "" };
        write(part, word, depth + 1, out);
    }
    out.extend([&pad, ")\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::syntax::{DEFAULT_DEPTH, parse};

    #[test]
    fn columns() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(table(&[row("a", "b"), row("ccc", "")]), "a    b\nccc\n");
    }

    #[test]
    fn a_broken_condition_reads_back_as_the_same() {
        let long = "x".repeat(60);
        let text = format!(
            "evt.type = open and not (proc.name = {long} or (fd.name = {long} and proc.pid = 1)) \
             and user.uid = 0"
        );
        let expr = parse(&text, DEFAULT_DEPTH).unwrap();
        let broken = condition(&expr);
        assert!(broken.lines().count() > 5, "{broken}");
        let again = parse(broken.trim(), DEFAULT_DEPTH).unwrap();
        assert_eq!(print(&again), print(&expr), "{broken}");
        let short = parse("evt.type = open and user.uid = 0", DEFAULT_DEPTH).unwrap();
        assert_eq!(condition(&short), "(evt.type = open and user.uid = 0)\n");
    }
}
