//! The `rule` item: definition, change, or only the `enabled` switch.

use std::collections::BTreeSet;

use super::collect::Collector;
use super::defs::{Priority, RuleDef};
use super::overrides::{self, Changes};
use super::read::{warn, warn_unknown_keys, whole, within};
use super::scalar::Mapping;
use super::{Checked, exceptions};
use crate::rules::diagnostics::{Diagnostic, E0104, E0203, E0204, Item, W0003, W0004};
use crate::rules::source::Span;
use crate::rules::text::Text;

pub(super) const KEYS: &[&str] = &[
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "tags",
    "exceptions",
    "override",
    "append",
];

/// The only source of events here.
const SYSCALL: &str = "syscall";

/// Reads a `rule` item.
pub(super) fn read_rule(
    collector: &mut Collector,
    mapping: &Mapping<'_>,
    name: &Text,
) -> Checked<()> {
    warn_unknown_keys(collector, mapping, KEYS);
    mapping.check_number("capture_duration")?;
    let changes = overrides::read(collector, mapping, overrides::RULE)?;
    let at = whole(name);
    let append = mapping.flag("append")?.unwrap_or(false);
    if append || changes.any_append() || changes.any_replace() {
        return change(collector, mapping, name.as_str(), at, &changes);
    }
    let defines = ["condition", "output", "desc", "priority"]
        .iter()
        .any(|key| mapping.has(key));
    if !defines && mapping.has("enabled") {
        return switch(collector, mapping, name.as_str(), at);
    }
    let rule = define(collector, mapping, name.as_str(), at)?;
    collector
        .define_rule(rule)
        .map_err(|diagnostic| within(diagnostic, mapping))
}

fn define(
    collector: &mut Collector,
    mapping: &Mapping<'_>,
    name: &str,
    at: Span,
) -> Checked<RuleDef> {
    let condition = mapping.text("condition")?;
    let output = mapping.text("output")?.trimmed();
    let desc = mapping.text("desc")?.as_str().to_owned();
    let priority = priority(mapping)?;
    let source = mapping.optional_text("source")?;
    let source_name = source.as_ref().map_or(SYSCALL, Text::as_str).to_owned();
    let unknown_source = source_name != SYSCALL;
    if unknown_source {
        let span = source.as_ref().map_or(at, whole);
        let message = format!("Unknown source {source_name}, skipping");
        warn(collector, mapping, &W0003, message, span);
    }
    let exceptions = exceptions::read(collector, mapping)?;
    let defined: Result<Vec<_>, _> = exceptions.into_iter().map(exceptions::complete).collect();
    mapping.flag("capture")?;
    Ok(RuleDef {
        name: name.to_owned(),
        at,
        condition,
        condition_at: mapping.key_span("condition"),
        output,
        output_at: mapping.key_span("output"),
        desc,
        priority,
        source: source_name,
        enabled: mapping.flag("enabled")?.unwrap_or(true),
        tags: tags(mapping)?.unwrap_or_default(),
        exceptions: defined.map_err(|diagnostic| within_exception(diagnostic, mapping))?,
        warn_evttypes: mapping.flag("warn_evttypes")?.unwrap_or(true),
        skip_if_unknown: mapping.flag("skip-if-unknown-filter")?.unwrap_or(false),
        unknown_source,
    })
}

/// Puts the rule around the exception that a diagnostic is in.
fn within_exception(mut diagnostic: Box<Diagnostic>, mapping: &Mapping<'_>) -> Box<Diagnostic> {
    let inner = std::mem::take(&mut diagnostic.items);
    diagnostic.items = mapping.items.iter().cloned().chain(inner).collect();
    diagnostic
}

fn priority(mapping: &Mapping<'_>) -> Checked<Priority> {
    let text = mapping.text("priority")?;
    Priority::parse(text.as_str()).ok_or_else(|| {
        let mut items = mapping.items.clone();
        let span = whole(&text);
        items.push(Item {
            kind: "rule priority",
            name: String::new(),
            span,
        });
        let diagnostic = Diagnostic::new(&E0104, "Invalid priority", span).within(&items);
        let names = Priority::ALL.iter().map(|priority| priority.name());
        Box::new(diagnostic.did_you_mean(text.as_str(), names))
    })
}

fn tags(mapping: &Mapping<'_>) -> Checked<Option<BTreeSet<String>>> {
    let Some(node) = mapping.optional("tags")? else {
        return Ok(None);
    };
    let tags = mapping.texts("tags", node)?;
    Ok(Some(
        tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
    ))
}

/// The item that only switches a rule on or off.
fn switch(collector: &mut Collector, mapping: &Mapping<'_>, name: &str, at: Span) -> Checked<()> {
    let message = "The standalone 'enabled' key usage is deprecated. The correct approach requires \
                   also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";
    warn(
        collector,
        mapping,
        &W0004,
        message,
        mapping.key_span("enabled"),
    );
    let enabled = mapping.flag("enabled")?;
    let missing = "Rule has 'enabled' key but no rule by that name already exists";
    let rule = collector
        .rule_to_change(name, at, missing)
        .map_err(|d| within(d, mapping))?;
    if let Some(enabled) = enabled {
        rule.enabled = enabled;
    }
    Ok(())
}

/// New values of the keys that an item changes.
struct Values {
    condition: Option<Text>,
    output: Option<Text>,
    desc: Option<Text>,
    tags: Option<BTreeSet<String>>,
    exceptions: Vec<exceptions::Read>,
    priority: Option<Priority>,
    enabled: Option<bool>,
    warn_evttypes: Option<bool>,
    skip_if_unknown: Option<bool>,
}

fn change(
    collector: &mut Collector,
    mapping: &Mapping<'_>,
    name: &str,
    at: Span,
    changes: &Changes,
) -> Checked<()> {
    let values = Values {
        condition: mapping.optional_text("condition")?,
        output: mapping.optional_text("output")?.map(|text| text.trimmed()),
        desc: mapping.optional_text("desc")?,
        tags: tags(mapping)?,
        exceptions: exceptions::read(collector, mapping)?,
        priority: mapping
            .optional("priority")?
            .map(|_| priority(mapping))
            .transpose()?,
        enabled: mapping.flag("enabled")?,
        warn_evttypes: mapping.flag("warn_evttypes")?,
        skip_if_unknown: mapping.flag("skip-if-unknown-filter")?,
    };
    if !changes.any_append() && !changes.any_replace() {
        let message = "Appended rule must have exceptions or condition property";
        return Err(mapping.error(&E0203, message, at));
    }
    let missing = if changes.any_append() {
        "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
    } else {
        "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
    };
    let rule = collector
        .rule_to_change(name, at, missing)
        .map_err(|d| within(d, mapping))?;
    if let Some(source) = mapping.optional_text("source")?
        && source.as_str() != rule.source
    {
        let message = "Rule has been re-defined with a different source";
        return Err(mapping.error(&E0204, message, whole(&source)));
    }
    let mut warnings = Vec::new();
    append_values(rule, &values, changes, mapping, &mut warnings)?;
    replace_values(rule, values, changes, mapping)?;
    collector.diagnostics.extend(warnings);
    Ok(())
}

fn append_values(
    rule: &mut RuleDef,
    values: &Values,
    changes: &Changes,
    mapping: &Mapping<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Checked<()> {
    if let Some(text) = values
        .condition
        .as_ref()
        .filter(|_| changes.appends("condition"))
    {
        rule.condition.append(text);
    }
    if let Some(text) = values.output.as_ref().filter(|_| changes.appends("output")) {
        rule.output.append(text);
    }
    if let Some(text) = values.desc.as_ref().filter(|_| changes.appends("desc")) {
        rule.desc.push(' ');
        rule.desc.push_str(text.as_str());
    }
    if let Some(tags) = values.tags.as_ref().filter(|_| changes.appends("tags")) {
        rule.tags.extend(tags.iter().cloned());
    }
    if changes.appends("exceptions") {
        let added = exceptions::append(&mut rule.exceptions, values.exceptions.clone(), warnings);
        added.map_err(|diagnostic| within_exception(diagnostic, mapping))?;
        for warning in warnings
            .iter_mut()
            .filter(|warning| warning.items.len() < 2)
        {
            let inner = std::mem::take(&mut warning.items);
            warning.items = mapping.items.iter().cloned().chain(inner).collect();
        }
    }
    Ok(())
}

fn replace_values(
    rule: &mut RuleDef,
    values: Values,
    changes: &Changes,
    mapping: &Mapping<'_>,
) -> Checked<()> {
    if let Some(text) = values.condition.filter(|_| changes.replaces("condition")) {
        rule.condition = text;
        rule.condition_at = mapping.key_span("condition");
    }
    if let Some(text) = values.output.filter(|_| changes.replaces("output")) {
        rule.output = text;
        rule.output_at = mapping.key_span("output");
    }
    if let Some(text) = values.desc.filter(|_| changes.replaces("desc")) {
        text.as_str().clone_into(&mut rule.desc);
    }
    if let Some(tags) = values.tags.filter(|_| changes.replaces("tags")) {
        rule.tags = tags;
    }
    if changes.replaces("exceptions") {
        let complete = values.exceptions.into_iter().map(exceptions::replacement);
        let complete = complete.collect::<Checked<Vec<_>>>();
        rule.exceptions = complete.map_err(|diagnostic| within_exception(diagnostic, mapping))?;
    }
    let replaced = |key: &str, value: Option<bool>| value.filter(|_| changes.replaces(key));
    if let Some(priority) = values.priority.filter(|_| changes.replaces("priority")) {
        rule.priority = priority;
    }
    rule.enabled = replaced("enabled", values.enabled).unwrap_or(rule.enabled);
    rule.warn_evttypes =
        replaced("warn_evttypes", values.warn_evttypes).unwrap_or(rule.warn_evttypes);
    rule.skip_if_unknown =
        replaced("skip-if-unknown-filter", values.skip_if_unknown).unwrap_or(rule.skip_if_unknown);
    Ok(())
}
