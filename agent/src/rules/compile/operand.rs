//! Left and right sides of comparisons.

use super::Place;
use crate::event::fields::{self, FieldArg, FieldType};
use crate::rules::check::{Resolved, resolve};
use crate::rules::diagnostics::{Diagnostic, E0306};
use crate::rules::eval::{Get, TextFn};
use crate::rules::syntax::ast::{At, FieldRef, Operand, Transform, Transformer};

/// A compiled operand with its type.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) get: Get,
    pub(super) ty: FieldType,
    pub(super) is_list: bool,
}

type Compiled<T> = Result<T, Box<Diagnostic>>;

/// Compiles a field.
pub(super) fn field(reference: &FieldRef, place: Place<'_>) -> Compiled<Resolved> {
    resolve(reference).map_err(|(code, message)| {
        let diagnostic = place.error(code, message, &reference.at);
        let names = fields::all().map(|field| field.name);
        Box::new(diagnostic.did_you_mean(&reference.name, names))
    })
}

/// Compiles a field or transformer.
pub(super) fn operand(operand: &Operand, place: Place<'_>) -> Compiled<Typed> {
    match operand {
        Operand::Field(reference) => {
            let Resolved { field, arg, ty } = field(reference, place)?;
            let is_list = field.is_list();
            Ok(Typed {
                get: Get::Field(field, arg),
                ty,
                is_list,
            })
        }
        Operand::Transform(transform) => self::transform(transform, place),
        Operand::Value(value) => {
            let get = Get::Constant(value.bytes.clone().into());
            Ok(Typed {
                get,
                ty: FieldType::Text,
                is_list: false,
            })
        }
        Operand::List(_, at) => {
            let message = "a list of values can only be an argument of join()";
            Err(Box::new(place.error(&E0306, message, at)))
        }
    }
}

/// Compiles a transformer.
pub(super) fn transform(transform: &Transform, place: Place<'_>) -> Compiled<Typed> {
    let name = transform.kind.text();
    let count = |expected: usize| {
        if transform.args.len() == expected {
            return Ok(());
        }
        let message = format!("{name}() takes {expected} argument(s)");
        Err(Box::new(place.error(&E0306, message, &transform.at)))
    };
    match transform.kind {
        Transformer::Tolower => text_function(transform, TextFn::Lower, place),
        Transformer::Toupper => text_function(transform, TextFn::Upper, place),
        Transformer::Basename => text_function(transform, TextFn::Basename, place),
        Transformer::B64 => text_function(transform, TextFn::Base64, place),
        Transformer::Len => {
            count(1)?;
            let inner = only(transform, place)?;
            let sized = inner.is_list || inner.ty.is_text() || inner.ty == FieldType::Bytes;
            check_type(sized, &inner, transform, place)?;
            let get = Get::Length(Box::new(inner.get));
            Ok(Typed {
                get,
                ty: FieldType::Uint64,
                is_list: false,
            })
        }
        Transformer::Join => {
            count(2)?;
            join(transform, place)
        }
        Transformer::Concat => concat(transform, place),
        Transformer::Getopt => {
            count(2)?;
            getopt(transform, place)
        }
    }
}

fn only(transform: &Transform, place: Place<'_>) -> Compiled<Typed> {
    if let [one] = transform.args.as_slice() {
        let typed = operand(one, place)?;
        check_transformable(&typed, &transform.at, place)?;
        Ok(typed)
    } else {
        let message = format!("{}() takes 1 argument", transform.kind.text());
        Err(Box::new(place.error(&E0306, message, &transform.at)))
    }
}

/// Some fields take no transformer.
fn check_transformable(typed: &Typed, at: &At, place: Place<'_>) -> Compiled<()> {
    if let Get::Field(field, _) = &typed.get
        && (field.traits.no_transformer || field.traits.filter_only)
    {
        let message = format!("field '{}' does not support transformers", field.name);
        return Err(Box::new(place.error(&E0306, message, at)));
    }
    Ok(())
}

fn check_type(fits: bool, inner: &Typed, transform: &Transform, place: Place<'_>) -> Compiled<()> {
    if fits {
        return Ok(());
    }
    let name = field_name(&inner.get).unwrap_or("...");
    let message = format!(
        "can't add field transformer: type '{}' is not supported by '{}' transformer applied on \
         field '{name}'",
        inner.ty.name(),
        transform.kind.text(),
    );
    Err(Box::new(place.error(&E0306, message, &transform.at)))
}

fn field_name(get: &Get) -> Option<&'static str> {
    match get {
        Get::Field(field, _) => Some(field.name),
        Get::Text(_, inner) | Get::Length(inner) => field_name(inner),
        _ => None,
    }
}

fn text_function(transform: &Transform, function: TextFn, place: Place<'_>) -> Compiled<Typed> {
    let inner = only(transform, place)?;
    let bytes_too = function == TextFn::Base64 && inner.ty == FieldType::Bytes;
    check_type(inner.ty.is_text() || bytes_too, &inner, transform, place)?;
    let get = Get::Text(function, Box::new(inner.get));
    Ok(Typed {
        get,
        ty: inner.ty,
        is_list: inner.is_list,
    })
}

fn join(transform: &Transform, place: Place<'_>) -> Compiled<Typed> {
    let [separator, Operand::List(items, _)] = transform.args.as_slice() else {
        let message = "join() takes a separator and a list of values in parentheses";
        return Err(Box::new(place.error(&E0306, message, &transform.at)));
    };
    let separator = operand(separator, place)?;
    if !separator.ty.is_text() || separator.is_list {
        let message = "the separator of join() must be a string";
        return Err(Box::new(place.error(&E0306, message, &transform.at)));
    }
    let parts = items
        .iter()
        .map(|item| operand(item, place).map(|typed| typed.get));
    let parts = parts.collect::<Compiled<Vec<_>>>()?;
    let get = Get::Join(Box::new(separator.get), parts);
    Ok(Typed {
        get,
        ty: FieldType::Text,
        is_list: false,
    })
}

fn concat(transform: &Transform, place: Place<'_>) -> Compiled<Typed> {
    if transform.args.len() < 2 {
        let message = "concat() takes at least 2 arguments";
        return Err(Box::new(place.error(&E0306, message, &transform.at)));
    }
    let mut parts = Vec::new();
    for arg in &transform.args {
        let typed = match arg {
            Operand::List(..) => None,
            _ => Some(operand(arg, place)?),
        };
        match typed {
            Some(typed) if typed.ty.is_text() && !typed.is_list => parts.push(typed.get),
            _ => {
                let message = "concat() arguments must be strings";
                return Err(Box::new(place.error(&E0306, message, &transform.at)));
            }
        }
    }
    Ok(Typed {
        get: Get::Concat(parts),
        ty: FieldType::Text,
        is_list: false,
    })
}

fn getopt(transform: &Transform, place: Place<'_>) -> Compiled<Typed> {
    let refuse = |message: &str| Err(Box::new(place.error(&E0306, message, &transform.at)));
    let [list, spec] = transform.args.as_slice() else {
        return refuse("getopt() takes 2 arguments");
    };
    let list = match list {
        Operand::List(items, _) => {
            let items = items
                .iter()
                .map(|item| operand(item, place).map(|typed| typed.get));
            Get::List(items.collect::<Compiled<_>>()?)
        }
        other => {
            let typed = operand(other, place)?;
            let listed = plain_field(&typed.get)
                .is_some_and(|(field, _)| matches!(field.name, "proc.args" | "proc.aargs"));
            if !listed && !typed.is_list {
                return refuse("getopt() first argument must be a list");
            }
            typed.get
        }
    };
    let spec = operand(spec, place)?;
    if !spec.ty.is_text() {
        return refuse("getopt() second argument must be a string");
    }
    let name = match transform.index.as_deref().map(str::as_bytes) {
        None => None,
        Some([letter]) => Some(*letter),
        Some(_) => return refuse("getopt() field argument must be a single option character"),
    };
    let get = Get::Options(Box::new(list), Box::new(spec.get), name);
    Ok(Typed {
        get,
        ty: FieldType::Text,
        is_list: name.is_none(),
    })
}

/// The field on the left, where it is one without transformer.
pub(super) fn plain_field(get: &Get) -> Option<(&'static fields::Field, &FieldArg)> {
    if let Get::Field(field, arg) = get {
        Some((field, arg))
    } else {
        None
    }
}
