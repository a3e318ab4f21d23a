//! Items of a rule file, one after the other.

use super::collect::Collector;
use super::scalar::Mapping;
use super::{Checked, overrides, rule_item, version};
use crate::rules::diagnostics::{
    Code, Diagnostic, E0003, E0004, E0101, Item, W0001, W0002, W0004, W0011, W0012, W0015,
};
use crate::rules::source::Span;
use crate::rules::text::Text;
use crate::rules::yaml::{self, Kind, Node};

/// What says that a file uses the deprecated way to append.
pub(super) const APPEND_DEPRECATED: &str = "'append' key is deprecated. Add an 'append' entry (e.g. \
                                            'condition: append') under 'override' instead.";

pub(super) const LIST_KEYS: &[&str] = &["list", "items", "append", "override"];
pub(super) const MACRO_KEYS: &[&str] = &["macro", "condition", "append", "override"];

/// Reads one file into the collector. Whatever is wrong is noted there and reading goes on with the
/// next item.
pub(in crate::rules) fn read_file(collector: &mut Collector, source: &str, file: u32) {
    let documents = match yaml::parse(source, file) {
        Ok(documents) => documents,
        Err(error) => {
            let code = if error.limit { &E0004 } else { &E0003 };
            let content = Item {
                kind: "rules content",
                name: String::new(),
                span: error.span,
            };
            let diagnostic = Diagnostic::new(code, error.message, error.span).within(&[content]);
            collector.diagnostics.push(diagnostic);
            return;
        }
    };
    for document in &documents {
        match &document.kind {
            Kind::Null => {}
            Kind::Sequence(items) => {
                for item in items {
                    read_item(collector, source, item);
                }
            }
            _ => {
                let message = "Rules content is not yaml array of objects";
                let item = Item {
                    kind: "rules content",
                    name: String::new(),
                    span: document.span,
                };
                let diagnostic = Diagnostic::new(&E0101, message, document.span).within(&[item]);
                collector
                    .diagnostics
                    .push(diagnostic.help("begin every item with `- `"));
            }
        }
    }
}

fn read_item(collector: &mut Collector, source: &str, node: &Node) {
    let entries = match &node.kind {
        Kind::Null => return,
        Kind::Mapping(entries) => entries,
        _ => {
            let message =
                "Unexpected element type. Each element should be a yaml associative array.";
            let item = Item {
                kind: "rules content item",
                name: String::new(),
                span: node.span,
            };
            let diagnostic = Diagnostic::new(&E0101, message, node.span).within(&[item]);
            collector.diagnostics.push(diagnostic);
            return;
        }
    };
    let span = entries.first().map_or(node.span, |(key, _)| key.span);
    let mapping = Mapping {
        entries,
        span,
        source,
        items: Vec::new(),
    };
    warn_repeated(collector, &mapping);
    if let Err(diagnostic) = dispatch(collector, mapping) {
        collector.diagnostics.push(*diagnostic);
    }
}

/// Reads an item by the first key that names a kind, in the order of the reference implementation.
fn dispatch(collector: &mut Collector, mut mapping: Mapping<'_>) -> Checked<()> {
    let item = |kind, name: &str, span| Item {
        kind,
        name: name.to_owned(),
        span,
    };
    if mapping.has("required_engine_version") {
        mapping
            .items
            .push(item("required_engine_version", "", mapping.span));
        let node = mapping.required("required_engine_version")?;
        return version::check_engine(&mapping, node, collector.engine);
    }
    if mapping.has("required_plugin_versions") {
        mapping
            .items
            .push(item("required plugin versions", "", mapping.span));
        let node = mapping.required("required_plugin_versions")?;
        let plugins = version::plugins(&mapping, node)?;
        collector.plugins.extend(plugins);
        return Ok(());
    }
    for (key, read) in DEFINITIONS {
        if mapping.has(key) {
            mapping.items.push(item(key, "", mapping.span));
            let name = mapping.text(key)?;
            mapping.items.pop();
            mapping.items.push(item(key, name.as_str(), mapping.span));
            read(collector, &mapping, &name)?;
            collector.history.note(key, &name, &mapping);
            return Ok(());
        }
    }
    warn_unknown_item(collector, &mapping);
    Ok(())
}

/// Reads an item that defines or changes something with a name.
type ReadNamed = fn(&mut Collector, &Mapping<'_>, &Text) -> Checked<()>;

/// Keys of such items, in the order of the reference implementation.
const DEFINITIONS: [(&str, ReadNamed); 3] = [
    ("list", read_list),
    ("macro", read_macro),
    ("rule", rule_item::read_rule),
];

fn warn_unknown_item(collector: &mut Collector, mapping: &Mapping<'_>) {
    let named = Item {
        kind: "rules content item",
        name: String::new(),
        span: mapping.span,
    };
    let known = [
        "rule",
        "macro",
        "list",
        "required_engine_version",
        "required_plugin_versions",
    ];
    let first = mapping
        .entries
        .first()
        .and_then(|(key, _)| key.scalar())
        .unwrap_or_default();
    let diagnostic = Diagnostic::new(&W0001, "Unknown top level item", mapping.span)
        .did_you_mean(first, known)
        .within(&[named]);
    collector.diagnostics.push(diagnostic);
}

/// Place of a whole text.
pub(super) fn whole(text: &Text) -> Span {
    text.span(0..text.as_str().len())
}

fn read_list(collector: &mut Collector, mapping: &Mapping<'_>, name: &Text) -> Checked<()> {
    warn_unknown_keys(collector, mapping, LIST_KEYS);
    let at = whole(name);
    let odd = |c: char| c.is_whitespace() || "()\"'=,".contains(c);
    if name.as_str().contains(odd) {
        let message = "List has an invalid name. List names should match a regular expression: \
                       ([^()\"'[:space:]=,]+)";
        warn(collector, mapping, &W0012, message, at);
    }
    let keys = overrides::read(collector, mapping, overrides::LIST)?;
    let node = mapping.required("items")?;
    let items = mapping.texts("items", node)?;
    if keys.appends("items") {
        return collector
            .append_list(name.as_str(), at, items)
            .map_err(|d| within(d, mapping));
    }
    collector.define_list(name.as_str(), at, items);
    Ok(())
}

fn read_macro(collector: &mut Collector, mapping: &Mapping<'_>, name: &Text) -> Checked<()> {
    warn_unknown_keys(collector, mapping, MACRO_KEYS);
    let at = whole(name);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let valid = name.as_str().starts_with(|c: char| c.is_ascii_alphabetic());
    if !valid || !name.as_str().chars().all(word) {
        let message = "Macro has an invalid name. Macro names should match a regular expression: \
                       ([a-zA-Z]+[a-zA-Z0-9_]*)";
        warn(collector, mapping, &W0011, message, at);
    }
    let keys = overrides::read(collector, mapping, overrides::MACRO)?;
    let condition = mapping.text("condition")?;
    if keys.appends("condition") {
        let appended = collector.append_macro(name.as_str(), at, &condition);
        return appended.map_err(|d| within(d, mapping));
    }
    let condition_at = mapping.key_span("condition");
    collector.define_macro(name.as_str(), at, condition, condition_at);
    Ok(())
}

/// Puts the item into a diagnostic that does not know it yet.
pub(super) fn within(mut diagnostic: Box<Diagnostic>, mapping: &Mapping<'_>) -> Box<Diagnostic> {
    if diagnostic.items.is_empty() {
        diagnostic.items.clone_from(&mapping.items);
    }
    diagnostic
}

pub(super) fn warn(
    collector: &mut Collector,
    mapping: &Mapping<'_>,
    code: &'static Code,
    message: impl Into<String>,
    span: Span,
) {
    let diagnostic = Diagnostic::new(code, message, span).within(&mapping.items);
    collector.diagnostics.push(diagnostic);
}

pub(super) fn warn_unknown_keys(
    collector: &mut Collector,
    mapping: &Mapping<'_>,
    known: &[&'static str],
) {
    for (key, _) in mapping.entries {
        let name = key.scalar().unwrap_or_default();
        if !known.contains(&name) {
            let message = format!("Unknown key '{name}'. The key will be ignored.");
            let diagnostic = Diagnostic::new(&W0002, message, key.span)
                .did_you_mean(name, known.iter().copied())
                .within(&mapping.items);
            collector.diagnostics.push(diagnostic);
        }
    }
}

fn warn_repeated(collector: &mut Collector, mapping: &Mapping<'_>) {
    for (index, (key, _)) in mapping.entries.iter().enumerate() {
        let earlier = mapping.entries.iter().take(index).map(|(key, _)| key);
        let first = earlier
            .filter(|old| old.scalar().is_some())
            .find(|old| old.scalar() == key.scalar());
        if let Some(first) = first {
            let name = key.scalar().unwrap_or_default();
            let message = format!("key '{name}' is repeated and ignored");
            let diagnostic = Diagnostic::new(&W0015, message, key.span);
            collector
                .diagnostics
                .push(diagnostic.note(first.span, "this one counts"));
        }
    }
}

/// Notes that `append: true` is the deprecated way.
pub(super) fn warn_append(collector: &mut Collector, mapping: &Mapping<'_>) {
    let span = mapping.key_span("append");
    warn(collector, mapping, &W0004, APPEND_DEPRECATED, span);
}
