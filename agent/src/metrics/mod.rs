//! What the agent tells of itself in numbers: one [table](table) of metrics, and the page that a scrape gets.
//!
//! The page is written by hand, 60 lines, because the vetted crate (`prometheus-client`) writes the OpenMetrics
//! format only, whose counters the older text format, and so `promtool check metrics`, does not know.
//! Every name is a row of the table, so that its documentation cannot be forgotten, and every label has few values:
//! classes, programs, reasons, rules.

pub mod exposition;
mod histogram;
mod reference;
pub mod table;

pub use exposition::{Format, Page, Value};
pub use histogram::{BOUNDS, Histogram};
pub use reference::markdown;
pub use table::{METRICS, Metric};
