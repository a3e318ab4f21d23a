//! Field names and their arguments.

use crate::event::fields::{self, ArgKind, Field, FieldArg, FieldType};
use crate::rules::diagnostics::{Code, E0302, E0305};
use crate::rules::syntax::ast::FieldRef;

/// A field as a rule uses it.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Resolved {
    pub(in crate::rules) field: &'static Field,
    pub(in crate::rules) arg: FieldArg,
    /// Type of its values; `evt.rawarg` takes it from the parameter.
    pub(in crate::rules) ty: FieldType,
}

/// The field that a dotted name means, and what is left behind the last dot.
pub(in crate::rules) fn resolve_field(name: &str) -> Option<(&'static Field, Option<&str>)> {
    if let Some(field) = fields::find(name) {
        return Some((field, None));
    }
    let mut end = name.len();
    while let Some(dot) = name.get(..end)?.rfind('.') {
        let suffix = name.get(dot + 1..)?;
        if let Some(field) = fields::find(name.get(..dot)?) {
            let takes = match field.arg {
                ArgKind::Parameter | ArgKind::ParameterName => fields::is_param(suffix),
                ArgKind::Suffix => !suffix.is_empty(),
                _ => false,
            };
            return takes.then_some((field, Some(suffix)));
        }
        end = dot;
    }
    None
}

/// Resolves a field of a condition or output; otherwise says what is wrong.
pub(in crate::rules) fn resolve(reference: &FieldRef) -> Result<Resolved, (&'static Code, String)> {
    let Some((field, suffix)) = resolve_field(&reference.name) else {
        let name = &reference.name;
        return Err((
            &E0302,
            format!("filter_check called with nonexistent field {name}"),
        ));
    };
    let arg = match (suffix, reference.arg.as_deref()) {
        (Some(suffix), None) => FieldArg::Key(suffix.into()),
        (Some(_), Some(_)) => {
            let name = &reference.name;
            return Err((
                &E0302,
                format!("filter_check called with nonexistent field {name}["),
            ));
        }
        (None, arg) => argument(field, arg)?,
    };
    let ty = match (&arg, field.ty) {
        (FieldArg::Key(name), FieldType::Dynamic) => {
            fields::param_type(name).unwrap_or(FieldType::Uint64)
        }
        (_, ty) => ty,
    };
    Ok(Resolved { field, arg, ty })
}

/// The argument in brackets.
fn argument(field: &Field, arg: Option<&str>) -> Result<FieldArg, (&'static Code, String)> {
    let name = field.name;
    let required = || {
        (
            &E0305,
            format!("filter field {name} requires an argument but none provided"),
        )
    };
    let refused = || {
        (
            &E0305,
            format!("filter field {name} does not support arguments"),
        )
    };
    let unfit = |arg: &str| {
        (
            &E0305,
            format!("filter syntax error: {name} has no argument '{arg}'"),
        )
    };
    let index = |arg: &str| arg.parse().ok().map(FieldArg::Index);
    match (field.arg, arg) {
        (ArgKind::None | ArgKind::OptionalIndex | ArgKind::Optional, None) => Ok(FieldArg::None),
        (ArgKind::None, Some(_)) => Err(refused()),
        // The reference implementation takes a malformed number as no number at all.
        (ArgKind::OptionalIndex, Some(arg)) => Ok(index(arg).unwrap_or(FieldArg::None)),
        (ArgKind::Optional | ArgKind::Required | ArgKind::Suffix, Some(arg)) => {
            Ok(index(arg).unwrap_or_else(|| FieldArg::Key(arg.into())))
        }
        (ArgKind::Parameter, Some(arg)) => match index(arg) {
            Some(index) => Ok(index),
            None if fields::is_param(arg) => Ok(FieldArg::Key(arg.into())),
            None => Err(unfit(arg)),
        },
        (ArgKind::ParameterName, Some(arg)) if fields::is_param(arg) => {
            Ok(FieldArg::Key(arg.into()))
        }
        (ArgKind::ParameterName, Some(arg)) => Err(unfit(arg)),
        (ArgKind::Suffix, None) if field.name == "evt.abspath" => Ok(FieldArg::None),
        (
            ArgKind::Required | ArgKind::Parameter | ArgKind::ParameterName | ArgKind::Suffix,
            None,
        ) => Err(required()),
    }
}
