//! Versions: of the language, of plugins, and what rule files require of them.

use super::Checked;
use super::scalar::Mapping;
use crate::rules::diagnostics::{E0105, E0201, E0202, Item};
use crate::rules::yaml::{Kind, Node};

/// A version `X.Y.Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number; versions with different ones do not fit.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Version {
    /// A version of three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Reads `X.Y.Z`, with an optional `-PRERELEASE` or `+BUILD`, which are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(|part| {
            let plain = part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        });
        let version = Self::new(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }

    /// Whether something of this version can stand where `wanted` is required.
    pub fn satisfies(self, wanted: Self) -> bool {
        self.major == wanted.major && self >= wanted
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A required plugin with the alternatives to it: one of them must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PluginRequirement {
    /// Name and least version of each.
    pub any_of: Vec<(String, Version)>,
}

/// Checks a `required_engine_version` item.
pub(super) fn check_engine(mapping: &Mapping<'_>, node: &Node, engine: Version) -> Checked<()> {
    let text = node.scalar().unwrap_or_default();
    let wanted = match text.parse::<u32>() {
        Ok(minor) => Some(Version::new(0, minor, 0)),
        Err(_) => Version::parse(text),
    };
    let Some(wanted) = wanted else {
        let message = format!(
            "Unable to parse engine version '{text}' as a semver string. \
             Expected \"x.y.z\" semver format."
        );
        return Err(mapping.error(&E0105, message, node.span));
    };
    if engine.satisfies(wanted) {
        return Ok(());
    }
    let message = format!("Rules require engine version {wanted}, but engine version is {engine}");
    Err(mapping.error(&E0201, message, node.span))
}

/// Reads a `required_plugin_versions` item.
pub(super) fn plugins(mapping: &Mapping<'_>, node: &Node) -> Checked<Vec<PluginRequirement>> {
    let Kind::Sequence(entries) = &node.kind else {
        let message = "Value of required_plugin_versions must be a sequence";
        return Err(mapping.error(&crate::rules::diagnostics::E0101, message, node.span));
    };
    entries
        .iter()
        .map(|entry| requirement(mapping, entry))
        .collect()
}

fn requirement(mapping: &Mapping<'_>, node: &Node) -> Checked<PluginRequirement> {
    let item = |kind, name: String| Item {
        kind,
        name,
        span: node.span,
    };
    let entry = mapping.nested(node, item("required plugin versions entry", String::new()))?;
    let mut any_of = vec![plugin(&entry)?];
    if let Some(alternatives) = entry.get("alternatives") {
        let Kind::Sequence(nodes) = &alternatives.kind else {
            let message = "Value of plugin version alternatives must be a sequence";
            let code = &crate::rules::diagnostics::E0101;
            return Err(entry.error(code, message, alternatives.span));
        };
        for node in nodes {
            let kind = "required plugin versions alternative";
            let alternative = entry.nested(node, item(kind, String::new()))?;
            let wanted = plugin(&alternative)?;
            if any_of.iter().any(|(name, _)| *name == wanted.0) {
                let name = wanted.0;
                let message = format!(
                    "Defined multiple alternative version requirements for plugin '{name}'"
                );
                return Err(alternative.error(&E0202, message, node.span));
            }
            any_of.push(wanted);
        }
    }
    Ok(PluginRequirement { any_of })
}

fn plugin(mapping: &Mapping<'_>) -> Checked<(String, Version)> {
    let name = mapping.text("name")?.as_str().to_owned();
    let text = mapping.text("version")?;
    let Some(version) = Version::parse(text.as_str()) else {
        let message = format!(
            "Invalid required version '{}' for plugin '{name}'",
            text.as_str()
        );
        let span = text.span(0..text.as_str().len());
        return Err(mapping.error(&E0202, message, span));
    };
    Ok((name, version))
}
