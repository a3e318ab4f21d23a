//! Reading of output formats.

use crate::event::fields::{self, Field, FieldArg};
use crate::rules::check::resolve;
use crate::rules::diagnostics::{Diagnostic, E0401, Item};
use crate::rules::eval::Get;
use crate::rules::load::Checked;
use crate::rules::syntax::ast::{FieldRef, Operand, Transform};
use crate::rules::syntax::parse_operand;
use crate::rules::text::Text;

/// Deprecated token that means nothing any more.
pub(in crate::rules) const CONTAINER_INFO: &str = "%container.info";

/// What is added to outputs.
#[derive(Clone, Debug, Default)]
pub struct OutputOptions {
    /// Add the fields that tell container, image and pod, as `key=%field`.
    pub suggested: bool,
    /// Add this text.
    pub extra: Option<String>,
}

/// An output format, compiled.
#[derive(Clone, Debug)]
pub struct Output {
    pub(super) parts: Vec<Part>,
    pub(super) fields: Vec<Named>,
    text: String,
}

/// A part of a format.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Literal(String),
    /// A value, cut or padded to a width.
    Value(Get, Option<usize>),
}

/// A field that `output_fields` lists.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) field: &'static Field,
    pub(super) arg: FieldArg,
}

impl Output {
    /// The format as text, after additions.
    pub fn format(&self) -> &str {
        &self.text
    }

    /// The fields it prints.
    pub(in crate::rules) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().map(|named| named.field)
    }

    /// Prints these fields, with arguments, and nothing else. The error says which of them is none.
    pub fn of_fields<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, String> {
        let mut output = Self {
            parts: Vec::new(),
            fields: Vec::new(),
            text: String::new(),
        };
        for name in names {
            let resolved = match parse_operand(name) {
                Ok((Operand::Field(reference), len)) if len == name.len() => {
                    resolve(&reference).ok()
                }
                _ => None,
            };
            let resolved = resolved.ok_or_else(|| format!("{name:?} is no field"))?;
            push_field(name, &resolved, None, &mut output);
        }
        Ok(output)
    }

    /// Names of the fields it prints, with arguments.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|named| named.key.as_str())
    }
}

/// Compiles the output of a rule with what the options add.
pub(in crate::rules) fn compile(
    format: &Text,
    options: &OutputOptions,
    items: &[Item],
) -> Checked<Output> {
    let own = format.as_str();
    let mut output = Output {
        parts: Vec::new(),
        fields: Vec::new(),
        text: String::new(),
    };
    let cleaned = own.replace(CONTAINER_INFO, "");
    let removed = cleaned.len() != own.len();
    let text = if removed { cleaned.as_str() } else { own };
    read(text, &mut output).map_err(|error| {
        let at = if removed { 0 } else { error.at.min(own.len()) };
        let end = (at + error.len.max(1)).min(own.len()).max(at);
        let span = format.span(at..end);
        let diagnostic = Diagnostic::new(&E0401, error.message, span).within(items);
        let names = fields::all().map(|field| field.name);
        Box::new(diagnostic.did_you_mean(&error.name, names))
    })?;
    text.clone_into(&mut output.text);
    let mut added = Vec::new();
    if options.suggested {
        let suggested = fields::all().filter(|field| field.traits.suggested);
        added.extend(
            suggested.map(|field| format!("{}=%{}", field.name.replace('.', "_"), field.name)),
        );
    }
    added.extend(options.extra.clone());
    for text in added {
        let text = format!(" {text}");
        read(&text, &mut output).map_err(|error| {
            let span = format.span(0..own.len());
            Box::new(Diagnostic::new(&E0401, error.message, span).within(items))
        })?;
        output.text.push_str(&text);
    }
    Ok(output)
}

/// What is wrong with a format.
#[derive(Debug)]
pub(super) struct FormatError {
    message: String,
    at: usize,
    len: usize,
    name: String,
}

/// Reads a format and appends its parts.
fn read(format: &str, output: &mut Output) -> Result<(), FormatError> {
    let fail = |message: &str, at: usize| FormatError {
        message: message.to_owned(),
        at,
        len: 1,
        name: String::new(),
    };
    let body = format.strip_prefix('*').unwrap_or(format);
    if body.is_empty() {
        return Err(fail("empty formatting token", 0));
    }
    let offset = format.len() - body.len();
    let mut rest = body;
    while let Some(percent) = rest.find('%') {
        let at = offset + body.len() - rest.len() + percent;
        let (literal, token) = rest.split_at(percent);
        push_literal(literal, output);
        let token = token.strip_prefix('%').unwrap_or(token);
        let digits = token.bytes().take_while(u8::is_ascii_digit).count();
        let (width, token) = token.split_at(digits);
        if token.is_empty() {
            let message = "invalid formatting syntax: formatting cannot end with a %";
            return Err(fail(message, at));
        }
        let len = read_token(token, width.parse().ok(), output).ok_or_else(|| {
            let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
            let name: String = token.chars().take_while(|c| named(*c)).collect();
            let message = format!("unknown filter: no field or transformer begins with `{name}`");
            FormatError {
                message,
                at,
                len: name.len() + 1,
                name,
            }
        })?;
        rest = token.get(len..).unwrap_or_default();
    }
    push_literal(rest, output);
    Ok(())
}

fn push_literal(text: &str, output: &mut Output) {
    match output.parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Literal(last)) => last.push_str(text),
        _ => output.parts.push(Part::Literal(text.to_owned())),
    }
}

/// Reads a field or transformer behind a `%`; its length, if there is one. Where the longest reading is no
/// field, shorter ones are tried, so that punctuation may follow.
fn read_token(token: &str, width: Option<usize>, output: &mut Output) -> Option<usize> {
    let (operand, len) = parse_operand(token).ok()?;
    match operand {
        Operand::Field(reference) => read_field(token, &reference, len, width, output),
        Operand::Transform(transform) => {
            let text = Text::synthetic(token, crate::rules::Span::default());
            let place = crate::rules::compile::Place {
                text: &text,
                items: &[],
            };
            let typed = crate::rules::compile::transform(&transform, place).ok()?;
            name_fields(&transform, output);
            output.parts.push(Part::Value(typed, width));
            Some(len)
        }
        _ => None,
    }
}

fn read_field(
    token: &str,
    reference: &FieldRef,
    len: usize,
    width: Option<usize>,
    output: &mut Output,
) -> Option<usize> {
    if let Ok(resolved) = resolve(reference) {
        push_field(token.get(..len)?, &resolved, width, output);
        return Some(len);
    }
    // Shorter: without the brackets, then without characters at the end.
    let mut name = reference.name.as_str();
    while !name.is_empty() {
        let shorter = FieldRef {
            name: name.to_owned(),
            arg: None,
            at: 0..name.len(),
        };
        if let Ok(resolved) = resolve(&shorter) {
            push_field(name, &resolved, width, output);
            return Some(name.len());
        }
        name = name.get(..name.len() - 1)?;
    }
    None
}

fn push_field(
    key: &str,
    resolved: &crate::rules::check::Resolved,
    width: Option<usize>,
    output: &mut Output,
) {
    let get = Get::Field(resolved.field, resolved.arg.clone());
    output.parts.push(Part::Value(get, width));
    add_named(key, resolved, output);
}

fn add_named(key: &str, resolved: &crate::rules::check::Resolved, output: &mut Output) {
    if output.fields.iter().any(|named| named.key == key) {
        return;
    }
    output.fields.push(Named {
        key: key.to_owned(),
        field: resolved.field,
        arg: resolved.arg.clone(),
    });
}

/// Fields inside a transformer are listed too; the transformer itself is not.
fn name_fields(transform: &Transform, output: &mut Output) {
    let mut stack: Vec<&Operand> = transform.args.iter().rev().collect();
    while let Some(operand) = stack.pop() {
        match operand {
            Operand::Field(reference) => {
                if let Ok(resolved) = resolve(reference) {
                    let key = match &reference.arg {
                        Some(arg) => format!("{}[{arg}]", reference.name),
                        None => reference.name.clone(),
                    };
                    add_named(&key, &resolved, output);
                }
            }
            Operand::Transform(inner) => stack.extend(inner.args.iter().rev()),
            Operand::List(items, _) => stack.extend(items.iter().rev()),
            Operand::Value(_) => {}
        }
    }
}
