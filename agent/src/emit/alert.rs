//! The alert, before it is a line.

use std::sync::Arc;

use serde_json::Value;

use super::facts::Facts;
pub use crate::enrich::resolution::Resolution;

/// Version of the alert schema, key `schema`. Keys may be added under the same number; a change
/// of meaning or a removal raises it.
pub const SCHEMA: u32 = 1;

/// One rule that fired, or one event of the agent itself. Owns everything it says.
#[derive(Clone, Debug, Default)]
pub struct Alert {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Rule name; for own events `Komainu` and what happened.
    pub rule: String,
    /// Falco's spelling: `Emergency` … `Informational`, `Debug`.
    pub priority: &'static str,
    /// `syscall`, or `komainu` for own events.
    pub source: &'static str,
    /// Sorted.
    pub tags: Vec<String>,
    /// Hash of the rule set that judged; `None` for own events, which name it in a field.
    pub rules_hash: Option<Arc<str>>,
    /// The rule's output, without time and priority.
    pub message: String,
    /// Fields that the output names, typed.
    pub fields: Vec<(String, Value)>,
    /// Where it happened.
    pub place: Place,
    /// The exec session that it happened in.
    pub session: Option<SessionPlace>,
    /// The kernel's path of the file, where it differs from what the program asked for.
    pub resolved_path: Option<String>,
    /// The event's strings were longer than a record holds, or could not be read whole.
    pub truncated: bool,
    /// Nearest first.
    pub ancestry: Vec<Ancestor>,
    /// What formats other than Falco's need; `None` where none of these is written.
    pub facts: Option<Box<Facts>>,
    /// Number among all of this run, which `id` ends with; 0 where the stream gives it one.
    pub number: u64,
}

impl Alert {
    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| size_of::<(String, Value)>() + name.len() + value_bytes(value));
        let ancestry = self
            .ancestry
            .iter()
            .map(|ancestor| size_of::<Ancestor>() + ancestor.bytes());
        size_of::<Self>()
            + self.rule.len()
            + self.message.len()
            + self
                .tags
                .iter()
                .map(|tag| size_of::<String>() + tag.len())
                .sum::<usize>()
            + text(&self.resolved_path)
            + self.place.bytes()
            + self.session.as_ref().map_or(0, SessionPlace::bytes)
            + self.facts.as_ref().map_or(0, |facts| facts.bytes())
            + fields.sum::<usize>()
            + ancestry.sum::<usize>()
    }
}

/// Fields are texts, numbers and lists of these.
pub(super) fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => {
            let each = values.iter().map(|v| size_of::<Value>() + value_bytes(v));
            each.sum()
        }
        _ => 0,
    }
}

/// Container and pod of an alert.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// How far identity is known; `None` for own events.
    pub resolution: Option<Resolution>,
    /// More on why it is not known.
    pub resolution_detail: Option<String>,
    /// The container; `None` on the host.
    pub container: Option<ContainerPlace>,
    /// The pod, as far as known.
    pub pod: Option<PodPlace>,
}

/// A container, as an alert names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerPlace {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Runtime.
    pub runtime: Option<String>,
    /// Image, as given to the runtime.
    pub image: Option<String>,
    /// Digest of the image.
    pub image_digest: Option<String>,
}

/// A pod, as an alert names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodPlace {
    /// UID.
    pub uid: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Kind of what stands behind it, `Deployment`.
    pub owner_kind: Option<String>,
    /// Name of that.
    pub owner_name: Option<String>,
}

/// An exec session, as an alert names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPlace {
    /// Id.
    pub id: String,
    /// `exec`.
    pub kind: &'static str,
    /// Its root command had a terminal.
    pub tty: bool,
    /// When it began, nanoseconds since the Unix epoch; 0 where unknown.
    pub start: u64,
    /// User id of the root command.
    pub uid: u32,
    /// The root command.
    pub root: Ancestor,
}

impl SessionPlace {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.root.bytes()
    }
}

impl Place {
    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        let mut texts = vec![&self.resolution_detail];
        let mut sum = 0;
        if let Some(container) = &self.container {
            sum += size_of::<ContainerPlace>() + container.id.len();
            texts.extend([
                &container.name,
                &container.runtime,
                &container.image,
                &container.image_digest,
            ]);
        }
        if let Some(pod) = &self.pod {
            sum += size_of::<PodPlace>();
            let PodPlace {
                uid,
                name,
                namespace,
                owner_kind,
                owner_name,
            } = pod;
            texts.extend([uid, name, namespace, owner_kind, owner_name]);
        }
        sum + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

/// A process in an alert: an ancestor, or the root of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ancestor {
    /// Process id on the host.
    pub pid: u32,
    /// `comm`.
    pub name: String,
    /// Path of the executable; empty where unknown.
    pub exepath: String,
    /// Beginning of the command line.
    pub cmdline: String,
    /// Bytes of the command line after that.
    pub missing: usize,
}

impl Ancestor {
    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        self.name.len() + self.exepath.len() + self.cmdline.len()
    }
}
