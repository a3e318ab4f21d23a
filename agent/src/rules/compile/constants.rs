//! Constants become tests of the field's type.

use memchr::memmem::Finder;

use super::Place;
use super::predicate::Compiled;
use crate::event::fields::FieldType;
use crate::rules::check::{number_constant, parse_net, port_constant};
use crate::rules::diagnostics::{Diagnostic, E0304, E0309};
use crate::rules::eval::{Compare, PathSet, Test, TextSet, glob, ordering, regex};
use crate::rules::syntax::ast::{Op, Value};

/// A diagnostic at a constant; a constant from a list is shown where it stands.
pub(super) fn at_value(
    value: &Value,
    place: Place<'_>,
    code: &'static crate::rules::diagnostics::Code,
    message: String,
) -> Diagnostic {
    let mut diagnostic = place.error(code, message, &value.at);
    if let Some(origin) = value.origin {
        let used = diagnostic.primary.span;
        diagnostic.primary.span = origin;
        diagnostic = diagnostic.note(used, "used from here");
    }
    diagnostic
}

/// The test of an operator against constants; several mean any of them.
pub(super) fn test(op: Op, ty: FieldType, values: &[Value], place: Place<'_>) -> Compiled<Test> {
    for value in values {
        if ty != FieldType::Bytes && value.bytes.contains(&0) {
            let message = "filter error: filter value cannot contain a NUL byte (\\x00)".to_owned();
            return Err(Box::new(at_value(value, place, &E0304, message)));
        }
    }
    match ty {
        FieldType::Ip => each(op, values, |value| ip(value, place)),
        FieldType::Net => each(op, values, |value| net(value, place)),
        FieldType::Bool => each(op, values, |value| boolean(value, place)),
        _ if ty.is_number() || ty == FieldType::Dynamic => number(op, ty, values, place),
        _ => text(op, values, place),
    }
}

/// One test per constant: any of them, or none of them for `!=`.
fn each(op: Op, values: &[Value], make: impl Fn(&Value) -> Compiled<Test>) -> Compiled<Test> {
    let mut tests = values.iter().map(make).collect::<Compiled<Vec<_>>>()?;
    let test = if tests.len() == 1 { tests.pop() } else { None };
    let test = test.unwrap_or(Test::Any(tests));
    Ok(if op == Op::Ne {
        Test::Not(Box::new(test))
    } else {
        test
    })
}

fn ip(value: &Value, place: Place<'_>) -> Compiled<Test> {
    let text = value.lossy();
    let version = if text.contains('.') { 4 } else { 6 };
    let parsed = match version {
        4 => text.parse().map(std::net::IpAddr::V4).ok(),
        _ => text.parse().map(std::net::IpAddr::V6).ok(),
    };
    parsed.map(Test::Ip).ok_or_else(|| {
        let message = format!("unrecognized IPv{version} address {text}");
        Box::new(at_value(value, place, &E0304, message))
    })
}

fn net(value: &Value, place: Place<'_>) -> Compiled<Test> {
    let text = value.lossy();
    parse_net(&text).map(Test::Net).ok_or_else(|| {
        let message = format!("unrecognized IP network {text}");
        let diagnostic = at_value(value, place, &E0304, message);
        Box::new(diagnostic.help("a network is written ADDRESS/BITS, such as 10.0.0.0/8"))
    })
}

fn boolean(value: &Value, place: Place<'_>) -> Compiled<Test> {
    match &*value.bytes {
        b"true" => Ok(Test::Number(Compare::Equal, 1)),
        b"false" => Ok(Test::Number(Compare::Equal, 0)),
        _ => {
            let message = format!("filter error: unrecognized boolean value {}", value.lossy());
            Err(Box::new(at_value(value, place, &E0304, message)))
        }
    }
}

fn number(op: Op, ty: FieldType, values: &[Value], place: Place<'_>) -> Compiled<Test> {
    let one = |value: &Value| {
        let text = value.lossy();
        let (parsed, what) = match ty {
            FieldType::Port if !op.is_order() => (
                port_constant(&text),
                format!("unrecognized protocol {text}"),
            ),
            _ => (
                number_constant(&text, ty),
                format!("{text} is not a valid number"),
            ),
        };
        parsed.ok_or_else(|| Box::new(at_value(value, place, &E0304, what)))
    };
    let mut numbers = values.iter().map(one).collect::<Compiled<Vec<_>>>()?;
    if matches!(op, Op::In | Op::Intersects) {
        numbers.sort_unstable();
        numbers.dedup();
        return Ok(Test::NumberIn(numbers.into()));
    }
    let test = Test::Number(ordering(op), numbers.first().copied().unwrap_or_default());
    Ok(if op == Op::Ne {
        Test::Not(Box::new(test))
    } else {
        test
    })
}

fn text(op: Op, values: &[Value], place: Place<'_>) -> Compiled<Test> {
    let all = || {
        values
            .iter()
            .map(|value| value.bytes.clone().into_boxed_slice())
            .collect()
    };
    if matches!(op, Op::In | Op::Intersects) {
        return Ok(Test::In(TextSet::new(all())));
    }
    let fail = |value: &Value, message: String| Box::new(at_value(value, place, &E0309, message));
    if op == Op::Pmatch {
        let mut set = PathSet::default();
        for value in values {
            set.insert(&value.bytes)
                .map_err(|message| fail(value, message))?;
        }
        return Ok(Test::Paths(Box::new(set)));
    }
    let Some(value) = values.first() else {
        return Ok(Test::Any(Vec::new()));
    };
    let bytes: Box<[u8]> = value.bytes.clone().into();
    Ok(match op {
        Op::Ne => Test::Not(Box::new(Test::Equal(bytes))),
        Op::Contains => Test::Contains(Box::new(Finder::new(&*bytes).into_owned())),
        Op::Icontains => Test::ContainsIgnoringCase(bytes.to_ascii_lowercase().into()),
        Op::Startswith => Test::Prefix(bytes),
        Op::Endswith => Test::Suffix(bytes),
        Op::Bcontains => Test::Contains(Box::new(Finder::new(&hex(value, place)?).into_owned())),
        Op::Bstartswith => Test::Prefix(hex(value, place)?.into()),
        Op::Glob | Op::Iglob => {
            let glob = glob(&bytes, op == Op::Iglob).map_err(|error| fail(value, error))?;
            Test::Glob(Box::new(glob))
        }
        Op::Regex => {
            let regex = regex(&value.lossy()).map_err(|error| fail(value, error))?;
            Test::Regex(Box::new(regex))
        }
        Op::Lt | Op::Le | Op::Gt | Op::Ge => Test::TextOrder(ordering(op), bytes),
        _ => Test::Equal(bytes),
    })
}

fn hex(value: &Value, place: Place<'_>) -> Compiled<Vec<u8>> {
    let fail = || {
        let message = "filter error: bcontains and bstartswith operator support hex strings only";
        Box::new(at_value(value, place, &E0304, message.to_owned()))
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(fail);
    if !value.bytes.len().is_multiple_of(2) {
        return Err(fail());
    }
    let pairs = value.bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).map_err(|_| fail()),
        _ => Err(fail()),
    });
    pairs.collect()
}
