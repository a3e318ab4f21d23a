//! The figures of the last run, in README.md.

use std::fs;

use anyhow::{Context as _, Result};

use crate::project;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// Puts `bench.md` of the last run between the marks of README.md.
pub(super) fn write() -> Result<()> {
    let figures = project::scratch()?.join("bench.md");
    let figures = fs::read_to_string(&figures).with_context(|| {
        format!(
            "cannot read {}; `cargo xtask bench` writes it",
            figures.display()
        )
    })?;
    let path = project::root().join("README.md");
    let page =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let page = filled(&page, &figures)
        .with_context(|| format!("{} lacks {BEGIN} before {END}", path.display()))?;
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    println!("written to {}", path.display());
    Ok(())
}

/// The page with the figures between its marks.
fn filled(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = filled(&page, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(filled(&new, "new\n").unwrap(), new);
        assert_eq!(filled("no marks", "new"), None);
        assert_eq!(filled(&format!("{END}{BEGIN}"), "new"), None);
    }
}
