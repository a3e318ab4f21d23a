//! Definitions as they stand after merging.

use std::collections::BTreeSet;

use crate::rules::source::Span;
use crate::rules::text::Text;

/// How serious a match is, most serious first, as in syslog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// System is unusable.
    Emergency,
    /// Act at once.
    Alert,
    /// Critical condition.
    Critical,
    /// Error condition.
    Error,
    /// Warning condition.
    Warning,
    /// Normal but significant.
    Notice,
    /// Worth knowing.
    Informational,
    /// For debugging.
    #[default]
    Debug,
}

impl Priority {
    /// Every priority, most serious first.
    pub const ALL: &'static [Self] = &[
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// Name as alerts print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// The priority called `name`, in any case; `info` is Informational.
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL
            .iter()
            .copied()
            .find(|priority| priority.name().eq_ignore_ascii_case(name))
    }
}

/// A list.
#[derive(Clone, Debug)]
pub(in crate::rules) struct ListDef {
    pub(in crate::rules) name: String,
    pub(in crate::rules) at: Span,
    pub(in crate::rules) items: Vec<Text>,
    /// Number of the last definition that changed it; it sees what came before.
    pub(in crate::rules) visibility: u32,
    /// Number of its first definition.
    pub(in crate::rules) index: u32,
}

/// A macro.
#[derive(Clone, Debug)]
pub(in crate::rules) struct MacroDef {
    pub(in crate::rules) name: String,
    pub(in crate::rules) at: Span,
    pub(in crate::rules) condition: Text,
    pub(in crate::rules) condition_at: Span,
    pub(in crate::rules) visibility: u32,
    pub(in crate::rules) index: u32,
}

/// A rule.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of the language"
)]
#[derive(Clone, Debug)]
pub(in crate::rules) struct RuleDef {
    pub(in crate::rules) name: String,
    pub(in crate::rules) at: Span,
    pub(in crate::rules) condition: Text,
    pub(in crate::rules) condition_at: Span,
    pub(in crate::rules) output: Text,
    pub(in crate::rules) output_at: Span,
    pub(in crate::rules) desc: String,
    pub(in crate::rules) priority: Priority,
    pub(in crate::rules) source: String,
    pub(in crate::rules) enabled: bool,
    pub(in crate::rules) tags: BTreeSet<String>,
    pub(in crate::rules) exceptions: Vec<ExceptionDef>,
    pub(in crate::rules) warn_evttypes: bool,
    pub(in crate::rules) skip_if_unknown: bool,
    /// Its source is not known; it is kept by name only.
    pub(in crate::rules) unknown_source: bool,
}

/// An exception of a rule.
#[derive(Clone, Debug)]
pub(in crate::rules) struct ExceptionDef {
    pub(in crate::rules) name: String,
    pub(in crate::rules) at: Span,
    pub(in crate::rules) fields: Entry,
    pub(in crate::rules) comps: Entry,
    pub(in crate::rules) values: Vec<Entry>,
}

/// A scalar or a list of them, in exceptions.
#[derive(Clone, Debug)]
pub(in crate::rules) enum Entry {
    One(Text),
    Many(Vec<Entry>),
}
