//! `exceptions` of rules: reading, merging, and what they add to the condition.

use super::Checked;
use super::collect::Collector;
use super::defs::{Entry, ExceptionDef};
use super::scalar::Mapping;
use crate::event::fields;
use crate::rules::check::resolve_field;
use crate::rules::diagnostics::{Diagnostic, E0101, E0102, E0205, Item, W0009, W0010, W0103};
use crate::rules::source::Span;
use crate::rules::syntax::ast::{Modifier, Op, Operand};
use crate::rules::syntax::parse_operand;
use crate::rules::text::Text;
use crate::rules::yaml::{Kind, Node};

/// An exception as read, before it is known whether it defines or appends.
#[derive(Clone, Debug)]
pub(super) struct Read {
    name: String,
    at: Span,
    fields: Option<Entry>,
    comps: Option<Entry>,
    values: Option<Vec<Entry>>,
}

impl Read {
    fn item(&self) -> Item {
        Item {
            kind: "exception",
            name: self.name.clone(),
            span: self.at,
        }
    }

    fn error(&self, message: impl Into<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic::new(&E0205, message, self.at).within(&[self.item()]))
    }
}

/// Reads the `exceptions` of a rule item.
pub(super) fn read(collector: &mut Collector, mapping: &Mapping<'_>) -> Checked<Vec<Read>> {
    let Some(node) = mapping.optional("exceptions")? else {
        return Ok(Vec::new());
    };
    let Kind::Sequence(nodes) = &node.kind else {
        return Err(mapping.error(&E0101, "Rule exceptions must be a sequence", node.span));
    };
    let mut read: Vec<Read> = Vec::new();
    for node in nodes {
        let item = Item {
            kind: "exception",
            name: String::new(),
            span: node.span,
        };
        let nested = mapping.nested(node, item)?;
        let exception = read_one(&nested)?;
        if let Some(old) = read.iter().find(|old| old.name == exception.name) {
            let message = format!("Multiple definitions of exception '{}'", exception.name);
            let diagnostic = Diagnostic::new(&W0010, message, exception.at)
                .note(old.at, "first defined here")
                .within(&mapping.items);
            collector.diagnostics.push(diagnostic);
        }
        if exception.fields.is_some() && exception.values.as_ref().is_none_or(Vec::is_empty) {
            let message = format!("exception '{}' has no values", exception.name);
            let diagnostic = Diagnostic::new(&W0103, message, exception.at).within(&mapping.items);
            collector.diagnostics.push(diagnostic);
        }
        read.push(exception);
    }
    Ok(read)
}

fn read_one(mapping: &Mapping<'_>) -> Checked<Read> {
    let name = mapping.text("name")?;
    let entry = |key| {
        mapping
            .optional(key)?
            .map(|node| read_entry(mapping, key, node))
            .transpose()
    };
    let values = match mapping.optional("values")? {
        None => None,
        Some(node) => match read_entry(mapping, "values", node)? {
            Entry::Many(values) => Some(values),
            Entry::One(_) => {
                let message = "Rule exception values must be a sequence";
                return Err(mapping.error(&E0101, message, node.span));
            }
        },
    };
    Ok(Read {
        name: name.as_str().to_owned(),
        at: name.span(0..name.as_str().len()),
        fields: entry("fields")?,
        comps: entry("comps")?,
        values,
    })
}

fn read_entry(mapping: &Mapping<'_>, key: &str, node: &Node) -> Checked<Entry> {
    match &node.kind {
        Kind::Sequence(items) => {
            let entries = items.iter().map(|item| read_entry(mapping, key, item));
            Ok(Entry::Many(entries.collect::<Checked<_>>()?))
        }
        _ => mapping.node_text(key, node).map(Entry::One),
    }
}

/// An exception that replaces others: like a definition, but its fields are a key that must be there.
pub(super) fn replacement(read: Read) -> Checked<ExceptionDef> {
    if read.fields.is_none() {
        let message = "Item has no mapping for key 'fields'";
        let diagnostic = Diagnostic::new(&E0102, message, read.at);
        return Err(Box::new(diagnostic.within(&[read.item()])));
    }
    complete(read)
}

/// An exception that defines itself: fields are required, operators have defaults, everything must fit.
pub(super) fn complete(read: Read) -> Checked<ExceptionDef> {
    let Some(fields) = read.fields.clone() else {
        let message = "Rule exception item must have fields property with a list of fields";
        return Err(read.error(message));
    };
    let comps = match &fields {
        Entry::One(field) => {
            check_field(&read, field)?;
            single_comps(&read)?
        }
        Entry::Many(fields) => tuple_comps(&read, fields)?,
    };
    let (name, at) = (read.name, read.at);
    Ok(ExceptionDef {
        name,
        at,
        fields,
        comps,
        values: read.values.unwrap_or_default(),
    })
}

fn single_comps(read: &Read) -> Checked<Entry> {
    match &read.comps {
        None => Ok(Entry::One(Text::synthetic("in", read.at))),
        Some(Entry::One(comp)) if takes_list(comp.as_str()) => Ok(Entry::One(comp.clone())),
        Some(_) => Err(read.error(
            "When fields is a single value, comps must be one of (in, pmatch, intersects) or a \
             modifier operator (e.g. startswith oneof)",
        )),
    }
}

fn tuple_comps(read: &Read, fields: &[Entry]) -> Checked<Entry> {
    for field in fields {
        match field {
            Entry::One(field) => check_field(read, field)?,
            Entry::Many(_) => return Err(read.error("Rule exception fields must be names")),
        }
    }
    let Some(comps) = &read.comps else {
        let equal = Entry::One(Text::synthetic("=", read.at));
        return Ok(Entry::Many(vec![equal; fields.len()]));
    };
    let Entry::Many(comps) = comps else {
        return Err(read.error("Fields and comps lists must have equal length"));
    };
    if comps.len() != fields.len() {
        return Err(read.error("Fields and comps lists must have equal length"));
    }
    for comp in comps {
        let known = matches!(comp, Entry::One(text) if is_operator(text.as_str()));
        if !known {
            let text = if let Entry::One(text) = comp {
                text.as_str()
            } else {
                ""
            };
            let message = format!("'{text}' is not a supported comparison operator");
            return Err(read.error(message));
        }
    }
    Ok(Entry::Many(comps.clone()))
}

fn check_field(read: &Read, field: &Text) -> Checked<()> {
    let text = field.as_str();
    let whole = parse_operand(text)
        .ok()
        .filter(|(_, len)| *len == text.len());
    let known = match whole {
        Some((Operand::Field(reference), _)) => resolve_field(&reference.name).is_some(),
        // A transformer is checked with the condition it becomes a part of.
        Some((Operand::Transform(_), _)) => true,
        _ => false,
    };
    if known {
        return Ok(());
    }
    let span = field.span(0..text.len());
    let message = format!("'{text}' is not a supported filter field");
    let diagnostic = Diagnostic::new(&E0205, message, span).within(&[read.item()]);
    let names = fields::all().map(|field| field.name);
    Err(Box::new(diagnostic.did_you_mean(text, names)))
}

/// A comparison with a string operator and a modifier, such as `startswith oneof`.
fn modified(comp: &str) -> bool {
    comp.trim().split_once(' ').is_some_and(|(op, modifier)| {
        Op::parse(op).is_some_and(Op::is_string) && Modifier::parse(modifier).is_some()
    })
}

fn takes_list(comp: &str) -> bool {
    Op::parse(comp).is_some_and(Op::is_list) || modified(comp)
}

fn is_operator(comp: &str) -> bool {
    Op::parse(comp).is_some() || modified(comp)
}

/// Appends to the exceptions of a rule: values to those that exist, new ones whole.
pub(super) fn append(
    existing: &mut Vec<ExceptionDef>,
    added: Vec<Read>,
    warnings: &mut Vec<Diagnostic>,
) -> Checked<()> {
    for exception in added {
        let Some(old) = existing.iter_mut().find(|old| old.name == exception.name) else {
            if exception.fields.is_none() || exception.values.is_none() {
                let name = &exception.name;
                let message = format!(
                    "Rule exception new item {name}: must have fields property with a list of \
                     fields, and values"
                );
                return Err(exception.error(message));
            }
            existing.push(complete(exception)?);
            continue;
        };
        if exception.fields.is_some() {
            let message = "Can not append exception fields to existing exception, only values";
            return Err(exception.error(message));
        }
        if exception.comps.is_some() {
            let message = "Can not append exception comps to existing exception, only values";
            return Err(exception.error(message));
        }
        match exception.values {
            Some(values) if !values.is_empty() => old.values.extend(values),
            _ => {
                let message = "Overriding/appending exception with no values";
                let item = exception.item();
                let diagnostic = Diagnostic::new(&W0009, message, exception.at);
                warnings.push(diagnostic.within(&[item]));
            }
        }
    }
    Ok(())
}

/// The condition of a rule with its exceptions: `(CONDITION) and not (...)` for each.
pub(in crate::rules) fn with_exceptions(
    condition: &Text,
    exceptions: &[ExceptionDef],
) -> Checked<Text> {
    let mut added = Vec::new();
    for exception in exceptions {
        if let Some(text) = exclusion(exception)? {
            added.push(text);
        }
    }
    if added.is_empty() {
        return Ok(condition.clone());
    }
    let mut whole = Text::default();
    whole.push_str("(");
    whole.extend(condition);
    whole.push_str(")");
    for text in &added {
        whole.push_str(" and not ");
        whole.extend(text);
    }
    Ok(whole)
}

fn exclusion(exception: &ExceptionDef) -> Checked<Option<Text>> {
    if exception.values.is_empty() {
        return Ok(None);
    }
    match (&exception.fields, &exception.comps) {
        (Entry::One(field), Entry::One(comp)) => single(exception, field, comp).map(Some),
        (Entry::Many(fields), Entry::Many(comps)) => tuple(exception, fields, comps).map(Some),
        _ => Err(misfit(
            exception,
            "Fields and comps lists must have equal length",
        )),
    }
}

fn misfit(exception: &ExceptionDef, message: &str) -> Box<Diagnostic> {
    let item = Item {
        kind: "exception",
        name: exception.name.clone(),
        span: exception.at,
    };
    Box::new(Diagnostic::new(&E0205, message, exception.at).within(&[item]))
}

fn single(exception: &ExceptionDef, field: &Text, comp: &Text) -> Checked<Text> {
    let mut out = Text::default();
    out.push_str("(");
    out.extend(field);
    out.push_str(" ");
    out.extend(comp);
    out.push_str(" (");
    for (index, value) in exception.values.iter().enumerate() {
        let Entry::One(value) = value else {
            let message = "Expected values array to contain a list of strings";
            return Err(misfit(exception, message));
        };
        if index > 0 {
            out.push_str(", ");
        }
        push_quoted(&mut out, value);
    }
    out.push_str("))");
    Ok(out)
}

fn tuple(exception: &ExceptionDef, fields: &[Entry], comps: &[Entry]) -> Checked<Text> {
    let mut out = Text::default();
    out.push_str("(");
    for (index, values) in exception.values.iter().enumerate() {
        let unequal = "Fields and values lists must have equal length";
        let Entry::Many(values) = values else {
            return Err(misfit(exception, unequal));
        };
        if values.len() != fields.len() {
            return Err(misfit(exception, unequal));
        }
        out.push_str(if index > 0 { " or (" } else { "(" });
        let parts = fields.iter().zip(comps).zip(values);
        for (index, ((field, comp), value)) in parts.enumerate() {
            let (Entry::One(field), Entry::One(comp)) = (field, comp) else {
                continue;
            };
            out.push_str(if index > 0 { " and " } else { "" });
            out.extend(field);
            out.push_str(" ");
            out.extend(comp);
            out.push_str(" ");
            push_value(&mut out, comp.as_str(), value);
        }
        out.push_str(")");
    }
    out.push_str(")");
    Ok(out)
}

fn push_value(out: &mut Text, comp: &str, value: &Entry) {
    match value {
        Entry::Many(values) => {
            out.push_str("(");
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                if let Entry::One(value) = value {
                    push_quoted(out, value);
                }
            }
            out.push_str(")");
        }
        Entry::One(value) if takes_list(comp) && !value.as_str().starts_with('(') => {
            out.push_str("(");
            out.extend(value);
            out.push_str(")");
        }
        Entry::One(value) if takes_list(comp) => out.extend(value),
        Entry::One(value) => push_quoted(out, value),
    }
}

/// A value; in quotes if it has a blank and no quotes of its own.
fn push_quoted(out: &mut Text, value: &Text) {
    let text = value.as_str();
    if text.contains(' ') && !text.starts_with(['"', '\'']) {
        out.push_str("\"");
        out.extend(value);
        out.push_str("\"");
    } else {
        out.extend(value);
    }
}
