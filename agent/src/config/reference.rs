//! The generated reference, `docs/reference/config.md`.

use serde_json::Value;

use super::{Config, KEYS};

const ABOUT: &str = "# Configuration

One YAML file, given with `--config`. Every key may be left out. An unknown key, a value of the wrong
type or out of its range is an error with file, line and column. Options on the command line win over
the file.

This page is generated from the table that the agent reads the file with.
";

/// Every key with its default and meaning, as Markdown.
pub fn markdown() -> String {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut page = vec![ABOUT.to_owned()];
    for keys in KEYS {
        let Some(section) = keys.first().map(|key| key.section) else {
            continue;
        };
        let title = if section.is_empty() {
            "Top level"
        } else {
            section
        };
        page.push(format!(
            "\n## {title}\n\n| key | default | meaning |\n| --- | --- | --- |\n"
        ));
        for key in *keys {
            let path = if section.is_empty() {
                key.name.to_owned()
            } else {
                format!("{section}.{}", key.name)
            };
            let value = path
                .split('.')
                .try_fold(&defaults, |value, part| value.get(part));
            let default = match value {
                // Has a table of its own.
                Some(Value::Object(_)) if section.is_empty() => continue,
                Some(value) => format!("`{value}`"),
                None => String::new(),
            };
            let doc: Vec<&str> = key.doc.iter().map(|line| line.trim()).collect();
            page.push(format!("| `{path}` | {default} | {} |\n", doc.join(" ")));
        }
    }
    page.concat()
}
