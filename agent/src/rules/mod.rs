//! Rules: from YAML text to verdicts.
//!
//! ```text
//! files ──► yaml ──► load ──► syntax ──► check, compile ──► set ──► hits
//!           (places)  (merge)  (tree)     (types, graph)     (index) ──► plan
//! ```
//!
//! The language is Falco's. Everything here is pure: whoever has the files reads them and hands over
//! names and bytes. A load finds every error of every file, each with its place in the original text.

mod catalog;
mod check;
mod compile;
pub mod diagnostics;
mod eval;
mod format;
mod load;
mod loading;
pub mod plan;
mod set;
mod source;
pub mod syntax;
mod text;
mod why;
mod yaml;

pub use catalog::{Catalog, ExceptionText, RuleText, Used};
pub use diagnostics::Diagnostic;
pub use eval::Scratch;
pub use format::{Output, OutputOptions};
pub use load::{DefKind, Operation, Origin, Priority, Version, rule_file_schema};
pub use loading::{
    ENGINE_VERSION, LoadOptions, LoadResult, MAX_SHOWN, PROVIDED_PLUGINS, infer_event_types, load,
};
pub use plan::Plan;
pub use set::{MAX_PRINTED, Matching, Rule, RuleId, RuleSet, name_matches};
pub use source::{Files, Position, Source, Span};
pub use why::{Explanation, Outcome, Seen, Step, Tree, WhyError, why};
