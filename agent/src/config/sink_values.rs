//! Types of values of sinks that check themselves while they are read.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Deserialize as FromText, Serialize};

use crate::emit::syslog::FACILITIES;
use crate::emit::writer::syslog::Address;

/// Where a webhook is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// The URL; `None` where there is none.
    pub fn get(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        let host = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
        match host {
            _ if text.is_empty() => Ok(Self(text)),
            // A password there would be in the configuration for all to read.
            Some(host) if host.contains('@') => {
                let message = "a URL has no user and password here: use token_file";
                Err(D::Error::custom(message))
            }
            Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(Self(text)),
            _ => {
                let message = format!("{text:?} is no URL that begins with http:// or https://");
                Err(D::Error::custom(message))
            }
        }
    }
}

/// Headers of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
        for (name, value) in &headers {
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(is_token) {
                return Err(D::Error::custom(format!("{name:?} is no name of a header")));
            }
            if name.eq_ignore_ascii_case("authorization") {
                let message = "a secret does not belong here: use token_file";
                return Err(D::Error::custom(message));
            }
            if value.chars().any(char::is_control) {
                let message = format!("the value of {name} has control characters");
                return Err(D::Error::custom(message));
            }
        }
        Ok(Self(headers))
    }
}

/// How a batch stands in the body of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromText, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestBody {
    /// A JSON array.
    #[default]
    Array,
    /// Line by line.
    Lines,
}

/// Where a syslog server is, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyslogAddress(pub Option<Address>);

impl<'de> Deserialize<'de> for SyslogAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse()
            .map(|address| Self(Some(address)))
            .map_err(D::Error::custom)
    }
}

impl Serialize for SyslogAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }
}

/// A facility of syslog, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(pub u8);

impl<'de> Deserialize<'de> for Facility {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = (0..).zip(FACILITIES).find(|(_, known)| *known == name);
        found.map(|(number, _)| Self(number)).ok_or_else(|| {
            let names = FACILITIES.join(", ");
            D::Error::custom(format!("{name:?} is no facility; they are: {names}"))
        })
    }
}

impl Serialize for Facility {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = FACILITIES.get(usize::from(self.0));
        serializer.serialize_str(name.copied().unwrap_or_default())
    }
}
