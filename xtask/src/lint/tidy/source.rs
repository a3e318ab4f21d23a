//! A coarse view of Rust source: enough to find words in code, not in comments or strings.

/// Whether the file documents its module before its first item.
pub(super) fn has_module_docs(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#![") && !line.starts_with("// "))
        .is_none_or(|line| line.starts_with("//!"))
}

/// Whether the first line says that `cargo xtask gen` makes the file.
pub(super) fn is_generated(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("//! ") && first.ends_with("by `cargo xtask gen`; do not edit.")
}

/// Whether `word` is in `line` with no letter, digit or underscore next to it.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line
            .get(start + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

/// The lines with their numbers, without line comments and contents of string literals on one line.
pub(super) fn code(text: &str) -> impl Iterator<Item = (usize, String)> {
    (1..).zip(text.lines().map(strip))
}

/// Like [`code`], without the test module at the end of a file; nothing for a file of tests.
pub(super) fn code_without_tests<'a>(
    file: &str,
    text: &'a str,
) -> impl Iterator<Item = (usize, String)> + 'a {
    let tests_only = file.contains("/tests/") || file.ends_with("tests.rs");
    let end = if tests_only {
        0
    } else {
        test_module(text).unwrap_or(usize::MAX)
    };
    code(text).take_while(move |(number, _)| *number < end)
}

/// Line of `#[cfg(test)]` before an inline module.
fn test_module(text: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_start = |pair: &[&str]| {
        matches!(pair, [cfg, module] if *cfg == "#[cfg(test)]"
            && module.starts_with("mod ") && module.ends_with('{'))
    };
    lines.windows(2).position(is_start).map(|index| index + 1)
}

fn strip(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => drop(chars.next()),
            '"' => in_string = !in_string,
            '/' if !in_string && chars.peek() == Some(&'/') => return code,
            _ if in_string => {}
            _ => code.push(c),
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        assert_eq!(strip("let a = 1; // two"), "let a = 1; ");
        assert_eq!(strip(r#"f("a // \" b", c)"#), "f(, c)");
    }

    #[test]
    fn the_test_module_is_left_out_but_not_a_test_file_declaration() {
        let text = "//! X\n#[cfg(test)]\nmod tests;\nuse a;\n#[cfg(test)]\nmod t {\nuse b;\n";
        let numbers: Vec<usize> = code_without_tests("a.rs", text).map(|(n, _)| n).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(code_without_tests("src/x/tests.rs", text).count(), 0);
    }
}
