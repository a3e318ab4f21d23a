//! The page of a scrape, in either of Prometheus's text formats.
//!
//! [Text 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/) and
//! [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/) differ in how a counter is announced, in
//! the unit, and in the last line.

use std::fmt::{self, Write as _};

use super::Histogram;
use super::table::{Kind, Metric};

/// Which of the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text.
    Text,
    /// OpenMetrics.
    OpenMetrics,
}

const OPEN_METRICS: &str = "application/openmetrics-text";

impl Format {
    /// Value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What an `Accept` header asks for: OpenMetrics where it is wanted no less than text (RFC 9110, 12.5.1).
    pub fn accepted(header: &str) -> Self {
        let (mut open_metrics, mut text) = (0.0_f32, 0.0_f32);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let wanted = match parts.next().unwrap_or_default() {
                OPEN_METRICS => &mut open_metrics,
                "text/plain" | "text/*" | "*/*" => &mut text,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(Ok(1.0), str::parse).unwrap_or(0.0);
            *wanted = wanted.max(weight);
        }
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// Any other.
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<std::time::Duration> for Value {
    fn from(value: std::time::Duration) -> Self {
        Self::Real(value.as_secs_f64())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
        }
    }
}

/// A page under way.
#[derive(Debug)]
pub struct Page {
    format: Format,
    text: String,
}

impl Page {
    /// An empty page.
    pub fn new(format: Format) -> Self {
        let text = String::with_capacity(32 << 10);
        Self { format, text }
    }

    /// Announces a metric, whose samples follow. Once for each metric.
    pub fn family(&mut self, metric: &'static Metric) -> Samples<'_> {
        let name = match self.format {
            Format::Text => metric.name,
            Format::OpenMetrics => metric.family(),
        };
        let (kind, unit, help) = (metric.kind.name(), metric.unit(), metric.help());
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        if self.format == Format::OpenMetrics && !unit.is_empty() {
            self.line(format_args!("# UNIT {name} {unit}\n"));
        }
        Samples { page: self, metric }
    }

    /// A metric without labels.
    pub fn one(&mut self, metric: &'static Metric, value: impl Into<Value>) {
        self.family(metric).add(&[], value);
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        let written = self.text.write_fmt(text);
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
}

/// The samples of one metric.
#[derive(Debug)]
pub struct Samples<'p> {
    page: &'p mut Page,
    metric: &'static Metric,
}

impl Samples<'_> {
    /// Adds a sample; the values of the labels in the order of the table.
    pub fn add(&mut self, labels: &[&str], value: impl Into<Value>) {
        debug_assert_ne!(self.metric.kind, Kind::Histogram, "{}", self.metric.name);
        self.sample("", labels, "", value.into());
    }

    /// Adds a histogram.
    pub fn add_histogram(&mut self, labels: &[&str], times: &Histogram) {
        debug_assert_eq!(self.metric.kind, Kind::Histogram, "{}", self.metric.name);
        let mut so_far = 0;
        for (bound, count) in times.buckets() {
            so_far += count;
            let bound = bound.map_or("+Inf".into(), |bound| float(bound.as_secs_f64()));
            self.sample("_bucket", labels, &bound, so_far.into());
        }
        self.sample("_sum", labels, "", times.sum().into());
        self.sample("_count", labels, "", so_far.into());
    }

    fn sample(&mut self, suffix: &str, labels: &[&str], bound: &str, value: Value) {
        let names = self.metric.labels;
        debug_assert_eq!(names.len(), labels.len(), "{}", self.metric.name);
        self.page.text.push_str(self.metric.name);
        self.page.text.push_str(suffix);
        let bucket = (!bound.is_empty()).then_some(("le", bound));
        let pairs = names.iter().copied().zip(labels.iter().copied());
        let mut separator = '{';
        for (name, value) in pairs.chain(bucket) {
            self.page
                .line(format_args!("{separator}{name}=\"{}\"", Escaped(value)));
            separator = ',';
        }
        if separator == ',' {
            self.page.text.push('}');
        }
        self.page.line(format_args!(" {value}\n"));
    }
}

/// A bound as OpenMetrics wants it: with a decimal point.
fn float(value: f64) -> String {
    format!("{value:?}")
}

/// The value of a label, in quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::table;
    use super::*;

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        let mut matches = page.family(&table::RULE_MATCHES);
        matches.add(&["a \"quoted\\\n rule", "Error"], 3_u64);
        matches.add(&["b", "Debug"], 0_u64);
        let mut times = Histogram::default();
        times.add(Duration::from_millis(3));
        times.add(Duration::from_mins(1));
        page.family(&table::LAG).add_histogram(&[], &times);
        page.one(&table::CPU, 0.25);
        page.finish()
    }

    #[test]
    fn text() {
        let page = page(Format::Text);
        let expected = [
            "# TYPE komainu_rule_matches_total counter\n",
            "komainu_rule_matches_total{rule=\"a \\\"quoted\\\\\\n rule\",priority=\"Error\"} 3\n",
            "# TYPE komainu_event_lag_seconds histogram\nkomainu_event_lag_seconds_bucket{le=\"0.001\"} 0\n",
            "komainu_event_lag_seconds_bucket{le=\"0.005\"} 1\n",
            "komainu_event_lag_seconds_bucket{le=\"10.0\"} 1\n",
            "komainu_event_lag_seconds_bucket{le=\"+Inf\"} 2\n",
            "komainu_event_lag_seconds_sum 60.003\nkomainu_event_lag_seconds_count 2\n",
            "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 0.25\n",
        ];
        for part in expected {
            assert!(page.contains(part), "{part}\nnot in\n{page}");
        }
        assert!(!page.contains("# EOF") && !page.contains("# UNIT"));
    }

    #[test]
    fn open_metrics() {
        let page = page(Format::OpenMetrics);
        assert!(
            page.contains("# TYPE komainu_rule_matches counter\n"),
            "{page}"
        );
        assert!(
            page.contains("\nkomainu_rule_matches_total{rule=\"b\""),
            "{page}"
        );
        assert!(
            page.contains(
                "# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\n"
            )
        );
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn what_a_scraper_accepts() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                          text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (header, format) in [
            (prometheus, Format::OpenMetrics),
            (
                "application/openmetrics-text; version=1.0.0",
                Format::OpenMetrics,
            ),
            (
                "text/plain, application/openmetrics-text;q=0.5",
                Format::Text,
            ),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=x, */*", Format::Text),
            ("*/*", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::accepted(header), format, "{header}");
        }
    }
}
