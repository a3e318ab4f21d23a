//! The alert, before it is a line.

use serde_json::Value;

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
    /// The rule's output, without time and priority.
    pub message: String,
    /// Fields that the output names, typed.
    pub fields: Vec<(String, Value)>,
    /// Where it happened.
    pub place: Place,
    /// The kernel's path of the file, where it differs from what the program asked for.
    pub resolved_path: Option<String>,
    /// The event's strings were longer than a record holds, or could not be read whole.
    pub truncated: bool,
    /// Nearest first.
    pub ancestry: Vec<Ancestor>,
    /// Bytes that it takes of those that may wait for the sink; 0 where none are counted.
    pub queued: usize,
}

impl Alert {
    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| size_of::<(String, Value)>() + name.len() + value_bytes(value));
        let ancestry = self.ancestry.iter().map(|ancestor| {
            let texts = ancestor.name.len() + ancestor.exepath.len() + ancestor.cmdline.len();
            size_of::<Ancestor>() + texts
        });
        let place = &self.place;
        size_of::<Self>()
            + self.rule.len()
            + self.message.len()
            + self
                .tags
                .iter()
                .map(|tag| size_of::<String>() + tag.len())
                .sum::<usize>()
            + text(&self.resolved_path)
            + text(&place.container_id)
            + text(&place.runtime)
            + text(&place.pod_uid)
            + fields.sum::<usize>()
            + ancestry.sum::<usize>()
    }
}

/// Fields are texts, numbers and lists of these.
fn value_bytes(value: &Value) -> usize {
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
    /// Full container id.
    pub container_id: Option<String>,
    /// Container runtime.
    pub runtime: Option<String>,
    /// UID of the pod.
    pub pod_uid: Option<String>,
}

/// How far the identity of container and pod is known, and if not entirely, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A process of the host: there is nothing to resolve.
    Host,
    /// Container and pod are known by name.
    Complete,
    /// A container outside of Kubernetes: no pod to name.
    NotAPod,
    /// A pod, known by its UID; this build asks neither runtime nor API server for its name.
    ContainerOnly,
    /// The path of the cgroup was not seen, so container or host is open.
    CgroupUnknown,
}

impl Resolution {
    /// Text of the key `resolution`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Complete => "complete",
            Self::NotAPod => "not_a_pod",
            Self::ContainerOnly => "container_only",
            Self::CgroupUnknown => "cgroup_unknown",
        }
    }
}

/// An ancestor process in an alert.
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
