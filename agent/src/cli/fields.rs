//! `komainu fields`.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use crate::event::fields::{self, ArgKind, Availability, Field};

/// Names shown when a name is unknown.
const SUGGESTIONS: usize = 3;

/// The fields that conditions and outputs can name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A field, or the beginning of names (`proc.`); every field without it.
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let found = select(args.name.as_deref())?;
    let text = if args.json {
        let rows: Vec<Value> = found.iter().map(|field| row(field)).collect();
        format!("{}\n", serde_json::to_string_pretty(&rows)?)
    } else {
        found.iter().map(|field| line(field)).collect()
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The field of this name, else those whose names begin so.
fn select(name: Option<&str>) -> anyhow::Result<Vec<&'static Field>> {
    let Some(name) = name else {
        return Ok(fields::all().collect());
    };
    if let Some(field) = fields::find(name) {
        return Ok(vec![field]);
    }
    let found: Vec<_> = fields::all()
        .filter(|field| field.name.starts_with(name))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut near: Vec<_> = fields::all()
        .map(|field| (strsim::damerau_levenshtein(field.name, name), field.name))
        .collect();
    near.sort_unstable();
    let near: Vec<&str> = near
        .iter()
        .take(SUGGESTIONS)
        .map(|(_, name)| *name)
        .collect();
    bail!(
        "no field is called {name:?}; close to it: {}",
        near.join(", ")
    )
}

fn line(field: &Field) -> String {
    let name = format!("{}{}", field.name, argument(field));
    let delivered = match field.availability {
        Availability::Now => String::new(),
        Availability::Later(needs) => format!(" [absent until: {needs}]"),
        Availability::Never(why) => format!(" [always absent: {why}]"),
    };
    let only = if field.traits.filter_only {
        " [conditions only]"
    } else {
        ""
    };
    let old = if field.traits.deprecated {
        " [deprecated]"
    } else {
        ""
    };
    format!(
        "{name:<36} {:<12} {}{only}{old}{delivered}\n",
        field.ty.name(),
        field.doc
    )
}

fn argument(field: &Field) -> &'static str {
    match field.arg {
        ArgKind::None => "",
        ArgKind::OptionalIndex => "[N]?",
        ArgKind::Optional => "[KEY]?",
        ArgKind::Required => "[KEY]",
        ArgKind::Parameter | ArgKind::ParameterName | ArgKind::Suffix => ".NAME",
    }
}

fn row(field: &Field) -> Value {
    let (delivered, needs) = match field.availability {
        Availability::Now => ("now", None),
        Availability::Later(needs) => ("later", Some(needs)),
        Availability::Never(why) => ("never", Some(why)),
    };
    json!({
        "name": field.name,
        "argument": argument(field),
        "type": field.ty.name(),
        "delivered": delivered,
        "needs": needs,
        "filter_only": field.traits.filter_only,
        "deprecated": field.traits.deprecated,
        "doc": field.doc,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_by_beginning_and_unknown() {
        assert_eq!(select(Some("proc.name")).unwrap().len(), 1);
        assert!(select(Some("proc.")).unwrap().len() > 10);
        assert_eq!(select(None).unwrap().len(), fields::all().count());
        let error = select(Some("proc.nmae")).unwrap_err().to_string();
        assert!(error.contains("proc.name"), "{error}");
    }

    #[test]
    fn every_field_has_a_line_and_a_row() {
        for field in fields::all() {
            let line = line(field);
            assert!(
                line.starts_with(field.name) && line.matches('\n').count() == 1,
                "{line}"
            );
            assert_eq!(row(field)["name"], field.name);
        }
    }
}
