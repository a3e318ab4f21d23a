//! What the agent says of itself.

use super::super::key::{Kind, Row};
use super::super::source::{Source, text};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row::always("class_uid", Kind::Id(&[6002]), "Application Lifecycle.", |_| Some(6002.into())),
    Row::always("class_name", Kind::Is("Application Lifecycle"), "Constant.", |_| text("Application Lifecycle")),
    Row::always("category_uid", Kind::Id(&[6]), "Application Activity.", |_| Some(6.into())),
    Row::always("category_name", Kind::Is("Application Activity"), "Constant.", |_| text("Application Activity")),
    Row::always("activity_id", Kind::Id(&[3, 4, 6, 7, 8, 99]),
        "`started` 3, `stopped` 4, `coverage_restored` 6, `degraded` and `coverage_lost` 7, `reloaded` and `reload_failed` 8, others 99.",
        |s| Some(activity(s).0.into())),
    Row::always("activity_name", Kind::Text, "Caption of it; for 99, `komainu.event`.", |s| text(activity(s).1)),
    Row::always("type_uid", Kind::Id(&[600_203, 600_204, 600_206, 600_207, 600_208, 600_299]), "Class and activity.",
        |s| Some((600_200 + activity(s).0).into())),
    Row::always("status_id", Kind::Id(&[1, 2]), "2, Failure, where events are missing, not watched, or rules were not loaded; else 1, Success.",
        |s| Some(if fails(s) { 2 } else { 1 }.into())),
    Row::always("status", Kind::OneOf(|| vec!["Failure", "Success"]), "Caption of it.", |s| text(if fails(s) { "Failure" } else { "Success" })),
    Row::always("app.name", Kind::Is("Komainu"), "Constant.", |_| text("Komainu")),
    Row::always("app.vendor_name", Kind::Is("Komainu"), "Constant.", |_| text("Komainu")),
    Row::always("app.version", Kind::Text, "Version of the agent.", |_| text(env!("CARGO_PKG_VERSION"))),
];

/// Number of the activity and its name.
fn activity<'a>(s: &Source<'a>) -> (u64, &'a str) {
    match s.own().unwrap_or_default() {
        "started" => (3, "Start"),
        "stopped" => (4, "Stop"),
        "coverage_restored" => (6, "Enable"),
        "degraded" | "coverage_lost" => (7, "Disable"),
        "reloaded" | "reload_failed" => (8, "Update"),
        other => (99, other),
    }
}

fn fails(s: &Source<'_>) -> bool {
    !matches!(
        s.own(),
        Some("started" | "stopped" | "reloaded" | "coverage_restored" | "throttled")
    )
}
