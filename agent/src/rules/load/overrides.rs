//! `append` and `override`: which keys of an item change an earlier definition, and how.

use super::Checked;
use super::collect::Collector;
use super::read::warn_append;
use super::scalar::Mapping;
use crate::rules::diagnostics::{Diagnostic, E0106, Item};
use crate::rules::yaml::{Kind, Node};

/// Which keys of a kind of item can be changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changeable {
    pub(super) append: &'static [&'static str],
    pub(super) replace: &'static [&'static str],
}

/// Keys of lists.
pub(super) const LIST: Changeable = Changeable {
    append: &["items"],
    replace: &["items"],
};
/// Keys of macros.
pub(super) const MACRO: Changeable = Changeable {
    append: &["condition"],
    replace: &["condition"],
};
/// Keys of rules.
pub(super) const RULE: Changeable = Changeable {
    append: &["condition", "output", "desc", "tags", "exceptions"],
    replace: &[
        "condition",
        "output",
        "desc",
        "priority",
        "tags",
        "exceptions",
        "enabled",
        "warn_evttypes",
        "skip-if-unknown-filter",
        "capture",
        "capture_duration",
    ],
};

/// What an item says about changing an earlier one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    append: Vec<String>,
    replace: Vec<String>,
}

impl Changes {
    /// Whether the key is appended.
    pub(super) fn appends(&self, key: &str) -> bool {
        self.append.iter().any(|name| name == key)
    }

    /// Whether the key is replaced.
    pub(super) fn replaces(&self, key: &str) -> bool {
        self.replace.iter().any(|name| name == key)
    }

    /// Whether something is appended.
    pub(super) fn any_append(&self) -> bool {
        !self.append.is_empty()
    }

    /// Whether something is replaced.
    pub(super) fn any_replace(&self) -> bool {
        !self.replace.is_empty()
    }
}

/// Reads `append` and `override` of an item and checks them.
pub(super) fn read(
    collector: &mut Collector,
    mapping: &Mapping<'_>,
    changeable: Changeable,
) -> Checked<Changes> {
    let append = mapping.flag("append")?.unwrap_or(false);
    if append {
        warn_append(collector, mapping);
    }
    let Some(node) = mapping.optional("override")? else {
        let mut changes = Changes::default();
        if append {
            let present = changeable.append.iter().filter(|key| mapping.has(key));
            changes.append = present.map(|key| (*key).to_owned()).collect();
        }
        return Ok(changes);
    };
    if append {
        let message = "Keys 'override' and 'append: true' cannot be used together. Add an 'append' \
                       entry (e.g. 'condition: append') under 'override' instead.";
        return Err(mapping.error(&E0106, message, mapping.key_span("append")));
    }
    let Kind::Mapping(entries) = &node.kind else {
        return Err(mapping.error(&E0106, "override is not a mapping", node.span));
    };
    let mut changes = Changes::default();
    for (key, operation) in entries {
        read_entry(mapping, changeable, key, operation, &mut changes)?;
    }
    check_present(mapping, changeable, &changes)?;
    Ok(changes)
}

fn read_entry(
    mapping: &Mapping<'_>,
    changeable: Changeable,
    key: &Node,
    operation: &Node,
    changes: &mut Changes,
) -> Checked<()> {
    let name = key.scalar().unwrap_or_default();
    let fail = |message: String, known: &[&'static str], node: &Node| {
        let mut items = mapping.items.clone();
        items.push(Item {
            kind: "overrides",
            name: String::new(),
            span: key.span,
        });
        items.push(Item {
            kind: "overrides",
            name: name.to_owned(),
            span: key.span,
        });
        let diagnostic = Diagnostic::new(&E0106, message, node.span).within(&items);
        Box::new(diagnostic.did_you_mean(name, known.iter().copied()))
    };
    match operation.scalar() {
        Some("append") if changeable.append.contains(&name) => {
            changes.append.push(name.to_owned());
        }
        Some("append") => {
            let message = format!("Key '{name}' cannot be appended to, use 'replace' instead");
            return Err(fail(message, changeable.append, key));
        }
        Some("replace") if changeable.replace.contains(&name) => {
            changes.replace.push(name.to_owned());
        }
        Some("replace") => {
            let message = format!("Key '{name}' cannot be replaced");
            return Err(fail(message, changeable.replace, key));
        }
        other => {
            let other = other.unwrap_or_default();
            let message = format!(
                "Invalid override operation for key '{name}': '{other}'. \
                 Allowed values are: append replace "
            );
            return Err(fail(message, &[], operation));
        }
    }
    Ok(())
}

/// Every changed key must be in the item, and every changeable key of the item must be changed.
fn check_present(mapping: &Mapping<'_>, changeable: Changeable, changes: &Changes) -> Checked<()> {
    let named = [("append", &changes.append), ("replace", &changes.replace)];
    for (operation, keys) in named {
        for key in keys {
            if !mapping.has(key) {
                let message = format!(
                    "An {operation} override for '{key}' was specified but '{key}' is not defined"
                );
                return Err(mapping.error(&E0106, message, mapping.key_span("override")));
            }
        }
    }
    let extra = mapping.entries.iter().find(|(key, _)| {
        let name = key.scalar().unwrap_or_default();
        changeable.replace.contains(&name) && !changes.appends(name) && !changes.replaces(name)
    });
    let Some((key, _)) = extra else { return Ok(()) };
    let name = key.scalar().unwrap_or_default();
    let message =
        format!("Unexpected key '{name}': no corresponding entry under 'override' is defined.");
    let mut items = mapping.items.clone();
    items.push(Item {
        kind: "overrides",
        name: name.to_owned(),
        span: key.span,
    });
    let help = format!("add `{name}: replace` or `{name}: append` under `override`");
    Err(Box::new(
        Diagnostic::new(&E0106, message, key.span)
            .within(&items)
            .help(help),
    ))
}
