//! The formats of a line. One file each, all of one shape: the bytes so far, the alert, and what the
//! stream adds to it.

mod attack;
mod ecs;
mod falco;
mod key;
mod ocsf;
mod reference;
mod schema;
pub(super) mod severity;
mod source;
mod text;
mod tree;

pub use reference::markdown;
use serde_json::Value;

use super::Alert;

/// Formats of the stream.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object per line, with Falco's keys.
    #[default]
    #[serde(alias = "json")]
    #[value(alias = "json")]
    Falco,
    /// One JSON object per line, in Elastic Common Schema.
    Ecs,
    /// One JSON object per line, in OCSF: Detection Finding.
    Ocsf,
    /// One line of text per alert, for people.
    Text,
}

impl Format {
    /// Every one that has a schema.
    pub const MACHINE: &[Self] = &[Self::Falco, Self::Ecs, Self::Ocsf];

    /// As configuration and command line name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Falco => "falco",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Text => "text",
        }
    }

    /// Whether it needs [`Facts`](super::Facts) of alerts.
    pub const fn needs_facts(self) -> bool {
        matches!(self, Self::Ecs | Self::Ocsf)
    }

    /// JSON Schema (draft 2020-12) of a line; `None` for text.
    pub fn schema(self) -> Option<Value> {
        match self {
            Self::Falco => Some(schema::falco()),
            Self::Ecs => Some(schema::ecs()),
            Self::Ocsf => Some(schema::ocsf()),
            Self::Text => None,
        }
    }

    /// Appends the alert as one line.
    pub(super) fn line(
        self,
        out: &mut Vec<u8>,
        alert: &Alert,
        stamp: &Stamp<'_>,
    ) -> serde_json::Result<()> {
        match self {
            Self::Falco => falco::line(out, alert, stamp),
            Self::Ecs => ecs::line(out, alert, stamp),
            Self::Ocsf => ocsf::line(out, alert, stamp),
            Self::Text => text::line(out, alert, stamp),
        }
    }
}

/// What the stream adds to an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    /// Number of the line in this run, from 1.
    pub(super) seq: u64,
    /// Tells the line from every other, of other runs and nodes too.
    pub(super) id: &'a str,
    /// UTC.
    pub(super) time: &'a str,
    /// Local time, priority and message, as Falco prints them.
    pub(super) output: &'a str,
    pub(super) hostname: &'a str,
    pub(super) node: &'a str,
    /// Of the machine, as the kernel drew it at random; empty where it cannot be read.
    pub(super) boot: &'a str,
    /// For a terminal.
    pub(super) colour: bool,
}

#[cfg(test)]
pub(super) mod tests;
