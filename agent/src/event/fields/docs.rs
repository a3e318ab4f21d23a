//! The generated reference of fields.

use std::fmt::Write as _;

use super::{ALL, ArgKind, Availability, Field};

/// Text of `docs/fields.md`.
pub fn reference() -> String {
    let mut out = String::from(
        "# Fields\n\nGenerated from the field table; do not edit.\n\n\
         A field without a value is *absent*: every comparison with it is false, also `!=` and \
         `exists`, while `not` around it is true. In outputs it prints `<NA>`, in JSON `null`.\n",
    );
    for family in ALL {
        out.push_str("\n| field | type | delivered | meaning |\n| --- | --- | --- | --- |\n");
        for field in *family {
            let written = writeln!(
                out,
                "| `{}{}` | {} | {} | {}{} |",
                field.name,
                argument(field),
                field.ty.name(),
                delivered(field),
                field.doc.replace('|', "\\|"),
                remarks(field),
            );
            debug_assert!(written.is_ok(), "writing to memory cannot fail");
        }
    }
    out
}

/// How the argument of a field is written.
fn argument(field: &Field) -> &'static str {
    match field.arg {
        ArgKind::None => "",
        ArgKind::OptionalIndex | ArgKind::Optional => "[…]?",
        ArgKind::Required => "[…]",
        ArgKind::Parameter => ".NAME` or `[N]",
        ArgKind::ParameterName | ArgKind::Suffix => ".NAME",
    }
}

fn delivered(field: &Field) -> String {
    match field.availability {
        Availability::Now => "yes".to_owned(),
        Availability::Later(needs) => format!("later: {needs}"),
        Availability::Never(why) => format!("no: {why}"),
    }
}

fn remarks(field: &Field) -> &'static str {
    match (field.traits.filter_only, field.traits.deprecated) {
        (true, _) => " Conditions only.",
        (_, true) => " Deprecated.",
        _ => "",
    }
}
