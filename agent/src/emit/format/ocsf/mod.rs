//! Open Cybersecurity Schema Framework: alerts are Detection Findings, what the agent says of itself are events of
//! Application Lifecycle. What these classes have no attribute for stands under `unmapped`.

mod evidence;
mod finding;
mod lifecycle;

use serde_json::Value;

use super::super::Alert;
use super::super::alert::{Resolution, SCHEMA};
use super::super::own;
use super::Stamp;
use super::key::{Key, Kind, Row};
use super::severity;
use super::source::{Source, fields, some, text, texts};
use super::tree::{self, Stripping};

/// Version of the schema, `metadata.version`.
pub(super) const VERSION: &str = "1.8.0";

/// What a line that is too long goes without.
const STRIPPING: Stripping = Stripping {
    paths: &[
        "evidences[].process.ancestry",
        "finding_info.desc",
        "unmapped.output_fields",
    ],
    tags: "metadata.labels",
    omitted: "unmapped.omitted",
};

/// Attributes of both classes.
#[rustfmt::skip]
const COMMON: &[Row] = &[
    Row::always("time", Kind::Number, "Milliseconds since the Unix epoch.", |s| Some((s.alert.time / 1_000_000).into())),
    Row::always("time_dt", Kind::Time, "The same with all digits.", |s| text(s.stamp.time)),
    Row::always("severity_id", Kind::Id(&[1, 2, 3, 4, 5, 6]),
        "Priority: Emergency 6, Alert and Critical 5, Error 4, Warning 3, Notice 2, Informational and Debug 1.",
        |s| Some(severity::ocsf(s.alert.priority).0.into())),
    Row::always("severity", Kind::OneOf(|| vec!["Critical", "Fatal", "High", "Informational", "Low", "Medium"]), "Caption of it.",
        |s| text(severity::ocsf(s.alert.priority).1)),
    Row::always("message", Kind::Text, "The rule's output.", |s| text(&s.alert.message)),
    Row::always("metadata.version", Kind::Is(VERSION), "Version of the schema.", |_| text(VERSION)),
    Row::always("metadata.product.name", Kind::Is("Komainu"), "Constant.", |_| text("Komainu")),
    Row::always("metadata.product.vendor_name", Kind::Is("Komainu"), "Constant.", |_| text("Komainu")),
    Row::always("metadata.product.version", Kind::Text, "Version of the agent.", |_| text(env!("CARGO_PKG_VERSION"))),
    Row::always("metadata.uid", Kind::Text, "`id`: unique over runs and nodes.", |s| text(s.stamp.id)),
    Row::always("metadata.sequence", Kind::Number, "`seq`: number of the line in this run, without gaps.", |s| Some(s.stamp.seq.into())),
    Row::always("metadata.profiles", Kind::SomeOf(|| vec!["container", "datetime", "host"]), "Constant.",
        |_| texts(["container", "datetime", "host"])),
    Row::always("metadata.log_provider", Kind::OneOf(|| vec![own::SOURCE, "syscall"]), "`source`.", |s| text(s.alert.source)),
    Row::maybe("metadata.labels", Kind::Texts, "Tags of the rule.", |s| texts(s.alert.tags.iter().map(String::as_str))),
    Row::maybe("metadata.correlation_uid", Kind::Text, "Id of the exec session.", |s| text(&s.alert.session.as_ref()?.id)),
    Row::maybe("metadata.is_truncated", Kind::Bool, "Texts of the event were longer than a record holds.",
        |s| s.alert.truncated.then_some(true.into())),
    Row::always("device.hostname", Kind::Text, "`hostname`.", |s| text(s.stamp.hostname)),
    Row::always("device.name", Kind::Text, "`node`.", |s| text(s.stamp.node)),
    Row::always("device.uid", Kind::Text, "`node`.", |s| text(s.stamp.node)),
    Row::always("device.type_id", Kind::Id(&[0]), "0: what kind of machine it is, is not known.", |_| Some(0.into())),
    Row::maybe("device.boot_uid", Kind::Text, "`boot_id`.", |s| text(Some(s.stamp.boot).filter(|boot| !boot.is_empty())?)),
    Row::always("device.os.name", Kind::Is("Linux"), "Constant.", |_| text("Linux")),
    Row::always("device.os.type_id", Kind::Id(&[200]), "Linux.", |_| Some(200.into())),
    Row::always("unmapped.schema", Kind::Number, "Version of the alert schema.", |_| Some(SCHEMA.into())),
    Row::always("unmapped.priority", Kind::OneOf(severity::priorities), "Priority, as Falco spells it.", |s| text(s.alert.priority)),
    Row::always("unmapped.run", Kind::Text, "Id of this run of the agent.", |s| text(s.run())),
    Row::maybe("unmapped.output_fields", Kind::Fields, "Fields that the rule's output names.", |s| fields(&s.alert.fields)),
    Row::maybe("unmapped.resolution", Kind::OneOf(|| Resolution::ALL.iter().map(|r| r.name()).collect()),
        "How far container and pod are known.", |s| text(s.alert.place.resolution?.name())),
    Row::maybe("unmapped.resolution_detail", Kind::Text, "More on why not.", |s| some(s.alert.place.resolution_detail.as_ref())),
    Row::maybe("unmapped.resolved_path", Kind::Text, "The kernel's path of the file, where it is not the one asked for.",
        |s| text(s.alert.resolved_path.as_deref()?)),
    Row::maybe("unmapped.omitted", Kind::Texts, "Attributes that were left out because the line was too long.", |_| None),
];

pub(super) fn finding_rows() -> impl Iterator<Item = &'static Row> {
    [COMMON, finding::ROWS, evidence::ROWS, evidence::PLACE]
        .into_iter()
        .flatten()
}

pub(super) fn lifecycle_rows() -> impl Iterator<Item = &'static Row> {
    [COMMON, lifecycle::ROWS].into_iter().flatten()
}

/// Attributes of alerts.
pub(super) fn finding_keys() -> Vec<Key> {
    finding_rows().map(|row| row.key).collect()
}

/// Attributes of own events.
pub(super) fn lifecycle_keys() -> Vec<Key> {
    lifecycle_rows().map(|row| row.key).collect()
}

/// Appends the alert as one line.
pub(super) fn line(out: &mut Vec<u8>, alert: &Alert, stamp: &Stamp<'_>) -> serde_json::Result<()> {
    let source = Source { alert, stamp };
    let tree: Value = match source.own() {
        Some(_) => tree::tree(lifecycle_rows(), &source),
        None => tree::tree(finding_rows(), &source),
    };
    tree::line(out, tree, &STRIPPING)
}
