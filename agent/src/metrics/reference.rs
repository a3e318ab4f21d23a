//! The generated reference, `docs/reference/metrics.md`.

use std::fmt::Write as _;

use super::METRICS;

const ABOUT: &str = "# Metrics

Generated from the table of metrics; do not edit.

With `http.listen` configured (see [config.md](config.md)), `GET /metrics` gives these, as Prometheus text or, where the
scraper accepts it, as OpenMetrics; `GET /healthz` and `GET /readyz` give JSON with status 200, or 503 and the reasons.
Every metric is always announced; a sample is there once there is something to tell. What the deciding thread tells is
up to a second old, the whole page as well.

| metric | type | unit | labels | meaning |
| --- | --- | --- | --- | --- |
";

/// Every metric, as Markdown.
pub fn markdown() -> String {
    let mut page = ABOUT.to_owned();
    for metric in METRICS {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let (name, kind, unit) = (metric.name, metric.kind.name(), metric.unit());
        let (labels, help) = (labels.join(", "), metric.help());
        let written = writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {help} |");
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
    page
}
