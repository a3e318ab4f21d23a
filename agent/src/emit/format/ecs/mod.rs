//! Elastic Common Schema. What it has no field for stands under `komainu`.

mod event;
mod place;
mod process;

use super::super::Alert;
use super::Stamp;
use super::key::{Key, Row};
use super::source::Source;
use super::tree::{self, Stripping};

/// Version of the schema, key `ecs.version`.
pub(super) const VERSION: &str = "9.4.0";

/// What a line that is too long goes without.
const STRIPPING: Stripping = Stripping {
    paths: &[
        "komainu.ancestry",
        "komainu.output_fields",
        "process.args",
        "rule.description",
    ],
    tags: "tags",
    omitted: "komainu.omitted",
};

pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [event::ROWS, event::OWN, place::ROWS, process::ROWS]
        .into_iter()
        .flatten()
}

/// Every key of a line.
pub(super) fn keys() -> Vec<Key> {
    rows().map(|row| row.key).collect()
}

/// Appends the alert as one line.
pub(super) fn line(out: &mut Vec<u8>, alert: &Alert, stamp: &Stamp<'_>) -> serde_json::Result<()> {
    let source = Source { alert, stamp };
    tree::line(out, tree::tree(rows(), &source), &STRIPPING)
}
