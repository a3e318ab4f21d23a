//! The generated reference, `docs/reference/alerts.md`.

use super::key::{Key, Kind, Need};
use super::{ecs, falco, ocsf};

const ABOUT: &str = "# Keys of alerts

Generated from the tables that the lines are made of; do not edit. [The guide](../output.md) says what to
do with them, and [docs/schema](../schema) has them as JSON Schemas.

A key is there *always*, *within* its object (wherever the object is there, so is the key), or where
something is known. `[]` stands for a list. A name of a [field](fields.md) alone means: the value of that
field of the event, whatever the rule's output names.
";

/// Every key of every format, as Markdown.
pub fn markdown() -> String {
    let mut page = ABOUT.to_owned();
    section(&mut page, "`falco`", falco::KEYS);
    section(&mut page, "`ecs`: Elastic Common Schema", &ecs::keys());
    section(
        &mut page,
        "`ocsf`: alerts, Detection Finding (2004)",
        &ocsf::finding_keys(),
    );
    section(
        &mut page,
        "`ocsf`: own events, Application Lifecycle (6002)",
        &ocsf::lifecycle_keys(),
    );
    page
}

fn section(page: &mut String, title: &str, keys: &[Key]) {
    page.push_str("\n## ");
    page.push_str(title);
    page.push_str("\n\n| key | value | there | meaning |\n| --- | --- | --- | --- |\n");
    for key in keys {
        row(page, "", key);
        if let Kind::Objects(inner) = key.kind {
            let within = format!("{}[].", key.path);
            for key in inner {
                row(page, &within, key);
            }
        }
    }
}

fn row(page: &mut String, within: &str, key: &Key) {
    let there = match key.need {
        Need::Always => "always",
        Need::Within => "within",
        Need::Maybe => "",
    };
    let doc = if key.doc.ends_with('.') {
        key.doc.to_owned()
    } else {
        format!("`{}`", key.doc)
    };
    let cells = [
        format!("`{within}{}`", key.path),
        value(&key.kind),
        there.to_owned(),
        doc,
    ];
    page.push_str("| ");
    page.push_str(&cells.join(" | "));
    page.push_str(" |\n");
}

fn value(kind: &Kind) -> String {
    let quoted = |texts: &[&str]| {
        let quoted: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
        quoted.join(", ")
    };
    match kind {
        Kind::Text => "text".into(),
        Kind::Texts => "texts".into(),
        Kind::Number => "number".into(),
        Kind::Bool => "true or false".into(),
        Kind::Time => "time, RFC 3339, UTC".into(),
        Kind::Ip => "address".into(),
        Kind::Port => "port".into(),
        Kind::Is(text) => format!("`{text}`"),
        Kind::OneOf(texts) => quoted(&texts()),
        Kind::SomeOf(texts) => format!("some of {}", quoted(&texts())),
        Kind::Id(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            numbers.join(", ")
        }
        Kind::Objects(_) => "objects".into(),
        Kind::Fields => "values by name of the field".into(),
    }
}
