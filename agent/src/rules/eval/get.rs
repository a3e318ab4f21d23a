//! Values that conditions compare: fields, and transformers around them.

use crate::event::fields::{Field, FieldArg, FieldValue, Getter, Many, Scope};

use super::decode;

/// A function on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum TextFn {
    Lower,
    Upper,
    Base64,
    Basename,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(in crate::rules) enum Get {
    Field(&'static Field, FieldArg),
    Constant(Box<[u8]>),
    Text(TextFn, Box<Self>),
    Length(Box<Self>),
    Join(Box<Self>, Vec<Self>),
    Concat(Vec<Self>),
    /// Constants and values of an argument list.
    List(Vec<Self>),
    /// Arguments, option letters, the option asked for; without one, all options and values.
    Options(Box<Self>, Box<Self>, Option<u8>),
}

impl Get {
    /// What a comparison means, where there are several values.
    pub(in crate::rules) fn many(&self) -> Option<Many> {
        match self {
            Self::Field(field, _) => match field.getter {
                Getter::Many(many, _) => Some(many),
                Getter::One(_) => None,
            },
            Self::Text(_, inner) => inner.many(),
            Self::List(_) | Self::Options(_, _, None) => Some(Many::List),
            _ => None,
        }
    }

    /// Whether the value depends on which name of a file is read.
    pub(in crate::rules) fn reads_path(&self) -> bool {
        match self {
            Self::Field(field, _) => field.traits.path,
            Self::Constant(_) => false,
            Self::Text(_, inner) | Self::Length(inner) => inner.reads_path(),
            Self::Join(separator, parts) => {
                separator.reads_path() || parts.iter().any(Self::reads_path)
            }
            Self::Concat(parts) | Self::List(parts) => parts.iter().any(Self::reads_path),
            Self::Options(args, spec, _) => args.reads_path() || spec.reads_path(),
        }
    }

    /// Writes what tells it from other values.
    pub(in crate::rules) fn key(&self, out: &mut String) {
        use std::fmt::Write as _;
        let written = match self {
            Self::Field(field, arg) => write!(out, "{}{arg:?}", field.name),
            Self::Constant(bytes) => write!(out, "{bytes:?}"),
            Self::Text(function, inner) => {
                inner.key(out);
                write!(out, "{function:?}")
            }
            Self::Length(inner) => {
                inner.key(out);
                write!(out, "len")
            }
            Self::Join(separator, parts) => {
                separator.key(out);
                for part in parts {
                    part.key(out);
                }
                write!(out, "join{}", parts.len())
            }
            Self::Concat(parts) | Self::List(parts) => {
                for part in parts {
                    part.key(out);
                }
                let name = if matches!(self, Self::List(_)) {
                    "list"
                } else {
                    "concat"
                };
                write!(out, "{name}{}", parts.len())
            }
            Self::Options(args, spec, name) => {
                args.key(out);
                spec.key(out);
                write!(out, "getopt{name:?}")
            }
        };
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }

    /// Hands over every field in it.
    pub(in crate::rules) fn fields(&self, each: &mut dyn FnMut(&'static Field, &FieldArg)) {
        match self {
            Self::Field(field, arg) => each(field, arg),
            Self::Constant(_) => {}
            Self::Text(_, inner) | Self::Length(inner) => inner.fields(each),
            Self::Join(first, rest) => {
                first.fields(each);
                for part in rest {
                    part.fields(each);
                }
            }
            Self::Concat(parts) | Self::List(parts) => {
                for part in parts {
                    part.fields(each);
                }
            }
            Self::Options(args, spec, _) => {
                args.fields(each);
                spec.fields(each);
            }
        }
    }

    /// The value; the first of several.
    pub(in crate::rules) fn one<'a>(&'a self, scope: &Scope<'a>) -> Option<FieldValue<'a>> {
        match self {
            Self::Field(field, arg) => match field.getter {
                Getter::One(get) => get(scope, arg),
                Getter::Many(_, get) => {
                    let mut first = None;
                    get(scope, arg, &mut |value| {
                        first.get_or_insert(value);
                    });
                    first
                }
            },
            Self::Constant(bytes) => Some(FieldValue::Bytes(bytes)),
            Self::Text(function, inner) => transform(*function, inner.one(scope)?, scope),
            Self::Length(inner) => length(inner, scope),
            Self::Join(separator, parts) => join(separator, parts, scope),
            Self::Concat(parts) => concat(parts, scope),
            Self::List(parts) => parts.first()?.one(scope),
            Self::Options(args, spec, name) => {
                let mut found = None;
                options(
                    args,
                    spec,
                    scope,
                    &mut |option, value| match (name, option, value) {
                        (None, _, _) => {
                            found.get_or_insert(option);
                        }
                        (Some(name), b"", Some(letter)) if letter == [*name] => found = Some(b""),
                        (Some(name), letter, value) if letter == [*name] => {
                            found = Some(value.unwrap_or_default());
                        }
                        _ => {}
                    },
                );
                found.map(FieldValue::Bytes)
            }
        }
    }

    /// Hands over every value.
    pub(in crate::rules) fn each<'a>(
        &'a self,
        scope: &Scope<'a>,
        each: &mut dyn FnMut(FieldValue<'a>),
    ) {
        match self {
            Self::Field(field, arg) => match field.getter {
                Getter::One(get) => get(scope, arg).into_iter().for_each(each),
                Getter::Many(_, get) => get(scope, arg, each),
            },
            Self::Text(function, inner) => inner.each(scope, &mut |value| {
                transform(*function, value, scope)
                    .into_iter()
                    .for_each(&mut *each);
            }),
            Self::List(parts) => parts.iter().for_each(|part| part.each(scope, each)),
            Self::Options(args, spec, None) => {
                options(args, spec, scope, &mut |option, value| {
                    each(FieldValue::Bytes(option));
                    if let Some(value) = value.filter(|_| !option.is_empty()) {
                        each(FieldValue::Bytes(value));
                    }
                });
            }
            _ => self.one(scope).into_iter().for_each(each),
        }
    }
}

fn bytes(value: FieldValue<'_>) -> Option<&[u8]> {
    if let FieldValue::Bytes(bytes) = value {
        Some(bytes)
    } else {
        None
    }
}

fn transform<'a>(
    function: TextFn,
    value: FieldValue<'a>,
    scope: &Scope<'a>,
) -> Option<FieldValue<'a>> {
    let text = bytes(value)?;
    let changed: &'a [u8] = match function {
        TextFn::Lower => {
            let copy = scope.arena.alloc_slice_copy(text);
            copy.make_ascii_lowercase();
            copy
        }
        TextFn::Upper => {
            let copy = scope.arena.alloc_slice_copy(text);
            copy.make_ascii_uppercase();
            copy
        }
        TextFn::Basename => {
            let start = memchr::memrchr(b'/', text).map_or(0, |slash| slash + 1);
            text.get(start..)?
        }
        TextFn::Base64 => {
            let mut out = bumpalo::collections::Vec::new_in(scope.arena);
            if !decode::base64(text, &mut |byte| out.push(byte)) {
                return None;
            }
            out.into_bump_slice()
        }
    };
    Some(FieldValue::Bytes(changed))
}

fn length<'a>(inner: &'a Get, scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let len = if inner.many() == Some(Many::List) {
        let mut count = 0;
        inner.each(scope, &mut |_| count += 1);
        count
    } else {
        bytes(inner.one(scope)?)?.len()
    };
    u64::try_from(len).ok().map(FieldValue::Uint)
}

fn join<'a>(separator: &'a Get, parts: &'a [Get], scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let separator = bytes(separator.one(scope)?)?;
    let mut text = Vec::new();
    let mut first = true;
    let mut complete = true;
    for part in parts {
        let mut any = false;
        part.each(scope, &mut |value| {
            any = true;
            if !std::mem::take(&mut first) {
                text.extend_from_slice(separator);
            }
            value.print(&mut text);
        });
        complete &= any || part.many().is_some();
    }
    complete.then(|| FieldValue::Bytes(scope.arena.alloc_slice_copy(&text)))
}

fn concat<'a>(parts: &'a [Get], scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    for part in parts {
        out.extend_from_slice(bytes(part.one(scope)?)?);
    }
    Some(FieldValue::Bytes(out.into_bump_slice()))
}

/// Hands over the options in an argument list.
fn options<'a>(
    args: &'a Get,
    spec: &'a Get,
    scope: &Scope<'a>,
    each: &mut dyn FnMut(&'a [u8], Option<&'a [u8]>),
) {
    let Some(spec) = spec.one(scope).and_then(bytes) else {
        return;
    };
    if let Get::List(parts) = args {
        let parts = parts.iter().filter_map(|part| bytes(part.one(scope)?));
        return decode::options(parts, spec, each);
    }
    let list = match (args, scope.process()) {
        (Get::Field(field, FieldArg::None), Some(process)) if field.name == "proc.args" => {
            Some(&*process.args)
        }
        _ => args.one(scope).and_then(bytes),
    };
    if let Some(list) = list.filter(|list| !list.is_empty()) {
        decode::options(list.split(|byte| matches!(byte, 0 | b' ')), spec, each);
    }
}
