//! Tables that read well as Markdown and in a terminal.

use std::fmt::Write as _;

/// A Markdown table of lines with equal headings, its columns as wide as what is in them.
pub(crate) fn table(lines: &[Vec<(&'static str, String)>]) -> String {
    let Some(first) = lines.first() else {
        return String::new();
    };
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells
            .map(|(heading, cell)| heading.chars().count().max(cell.chars().count()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..first.len()).map(width).collect();
    let row = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::from("|");
        for (cell, width) in cells.zip(&widths) {
            write!(text, " {cell:width$} |").ok();
        }
        text + "\n"
    };
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = row(&mut first.iter().map(|(heading, _)| *heading));
    text += &row(&mut rules.iter().map(String::as_str));
    for line in lines {
        text += &row(&mut line.iter().map(|(_, cell)| cell.as_str()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let lines = [vec![("a", "µ".to_owned()), ("long", "x".to_owned())]];
        assert_eq!(table(&lines), "| a | long |\n| - | ---- |\n| µ | x    |\n");
        assert_eq!(table(&[]), "");
    }
}
