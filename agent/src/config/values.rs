//! Types of values that check themselves while they are read, so that an error has a position.

use std::net::SocketAddr;

use komainu_common::Class;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Deserialize as FromText, Serialize};

use crate::rules::{self, Priority};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Count<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> Count<MIN, MAX> {
    /// As a size in memory; saturates where that is smaller.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Count<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&number) {
            return Ok(Self(number));
        }
        Err(D::Error::custom(format!(
            "{number} is not from {MIN} to {MAX}"
        )))
    }
}

/// A power of two from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PowerOfTwo<const MIN: u64, const MAX: u64>(pub u64);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for PowerOfTwo<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Count(number) = Count::<MIN, MAX>::deserialize(deserializer)?;
        if number.is_power_of_two() {
            return Ok(Self(number));
        }
        Err(D::Error::custom(format!("{number} is no power of two")))
    }
}

/// A regular expression for redaction.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Pattern {
    text: String,
    #[serde(skip)]
    regex: regex::Regex,
}

impl Pattern {
    /// Compiled.
    pub fn regex(&self) -> &regex::Regex {
        &self.regex
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let regex = crate::emit::redact::compile(&text).map_err(D::Error::custom)?;
        if regex.is_match("") {
            let message =
                format!("pattern {text:?} matches the empty text, so it would match everywhere");
            return Err(D::Error::custom(message));
        }
        Ok(Self { text, regex })
    }
}

/// A field that rules may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldName(String);

impl FieldName {
    /// These, which must be fields.
    pub(super) fn of(names: &[&str]) -> Vec<Self> {
        names.iter().map(|name| Self((*name).to_owned())).collect()
    }

    /// With its argument, as rules have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        rules::Output::of_fields([name.as_str()]).map_err(D::Error::custom)?;
        Ok(Self(name))
    }
}

/// Least severity of rules that are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastPriority(pub Priority);

impl std::str::FromStr for LeastPriority {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || {
            Priority::ALL
                .iter()
                .map(|p| p.name().to_lowercase())
                .collect::<Vec<_>>()
        };
        Priority::parse(name)
            .map(Self)
            .ok_or_else(|| format!("{name:?} is no priority; they are: {}", names().join(", ")))
    }
}

impl<'de> Deserialize<'de> for LeastPriority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl Serialize for LeastPriority {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.name().to_lowercase())
    }
}

/// How many rules alert on one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// The first that matches, in the order of definition.
    #[default]
    First,
    /// Every one that matches.
    All,
}

impl From<Matching> for rules::Matching {
    fn from(matching: Matching) -> Self {
        match matching {
            Matching::First => Self::First,
            Matching::All => Self::All,
        }
    }
}

/// Whether to do what may not be possible here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// If it is possible.
    #[default]
    Auto,
    /// Yes, and tell if it is not possible.
    On,
    /// No.
    Off,
}

/// When rules are read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reload {
    /// When their files change, and on SIGHUP.
    #[default]
    Auto,
    /// On SIGHUP.
    Signal,
}

/// An address to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(|_| {
            let example = "0.0.0.0:9476 or [::]:9476";
            D::Error::custom(format!(
                "{text:?} is no address with a port, such as {example}"
            ))
        })?;
        Ok(Self(Some(address)))
    }
}

impl Serialize for Listen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(&address),
            None => serializer.serialize_str(""),
        }
    }
}

/// A class of events that can be done without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheddable(pub Class);

impl<'de> Deserialize<'de> for Sheddable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let can = |class: &&Class| ![Class::EXEC, Class::FORK, Class::EXIT].contains(class);
        let classes = || Class::ALL.iter().filter(can);
        let found = classes().find(|class| class.name() == name);
        found.map(|class| Self(*class)).ok_or_else(|| {
            let names: Vec<&str> = classes().map(|class| class.name()).collect();
            let names = names.join(", ");
            D::Error::custom(format!(
                "{name:?} is no class of events that can be done without; these are: {names}"
            ))
        })
    }
}

impl Serialize for Sheddable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also into files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// Least level of the agent's own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What stops it from working.
    Error,
    /// What makes it work less well.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// For finding faults.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As a directive of `RUST_LOG`.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Format of the agent's own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object per line.
    Json,
}
