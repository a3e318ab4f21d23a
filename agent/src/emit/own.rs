//! Events of the agent itself, in the same stream: a reader must be able to tell silence from
//! blindness.

use serde_json::{Value, json};

use super::Alert;

/// `source` of own events.
pub const SOURCE: &str = "komainu";

/// Something that happened to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnEvent {
    /// It watches from now on.
    Started {
        /// Version of the agent.
        version: &'static str,
        /// Rules in force.
        rules: usize,
        /// Probes attached.
        attached: usize,
        /// Probes that could not be attached, `name: reason`.
        degraded: Vec<String>,
    },
    /// Another rule set is in force.
    Reloaded {
        /// Rules in force.
        rules: usize,
    },
    /// A reload failed; the old rule set stays.
    ReloadFailed {
        /// What was wrong, as the log has it.
        error: String,
    },
    /// Events were lost: nothing is known of what happened there then.
    Blind {
        /// Where it was lost: `ring`, `decode`, `stdout`.
        stage: &'static str,
        /// Event class, where known.
        class: Option<&'static str>,
        /// Container id, `host`, or the cgroup id where neither is known.
        place: Option<String>,
        /// Events (for `stdout`: alerts).
        count: u64,
        /// Nanoseconds since the epoch.
        first: u64,
        /// Nanoseconds since the epoch.
        last: u64,
    },
    /// It no longer watches.
    Stopped {
        /// Why.
        reason: String,
        /// Events seen by the user half.
        events: u64,
        /// Alerts made.
        alerts: u64,
        /// Alerts and events lost, all stages.
        lost: u64,
    },
}

impl OwnEvent {
    /// As a line of the stream at a time in nanoseconds since the epoch.
    pub fn into_alert(self, time: u64) -> Alert {
        let (name, priority) = match &self {
            Self::Started { degraded, .. } if !degraded.is_empty() => ("started", "Warning"),
            Self::Started { .. } => ("started", "Informational"),
            Self::Reloaded { .. } => ("reloaded", "Informational"),
            Self::ReloadFailed { .. } => ("reload_failed", "Error"),
            Self::Blind { .. } => ("blind", "Critical"),
            Self::Stopped { .. } => ("stopped", "Informational"),
        };
        let mut fields = vec![("komainu.event".to_owned(), Value::from(name))];
        let message =
            self.describe(&mut |key, value| fields.push((format!("komainu.{key}"), value)));
        Alert {
            time,
            rule: format!("Komainu {}", name.replace('_', " ")),
            priority,
            source: SOURCE,
            tags: vec!["komainu".into()],
            message,
            fields,
            ..Alert::default()
        }
    }

    /// One sentence, and its facts as fields.
    fn describe(self, field: &mut dyn FnMut(&str, Value)) -> String {
        match self {
            Self::Started {
                version,
                rules,
                attached,
                degraded,
            } => {
                field("version", version.into());
                field("rules", rules.into());
                field("probes_attached", attached.into());
                field("probes_failed", json!(degraded));
                let mut text = format!(
                    "Komainu {version} watches with {rules} rules, {attached} probes attached"
                );
                if !degraded.is_empty() {
                    text.push_str(", degraded: ");
                    text.push_str(&degraded.join("; "));
                }
                text
            }
            Self::Reloaded { rules } => {
                field("rules", rules.into());
                format!("Rules were reloaded, {rules} are in force")
            }
            Self::ReloadFailed { error } => {
                field("error", error.clone().into());
                format!("Reloading rules failed, the old ones stay in force: {error}")
            }
            Self::Blind {
                stage,
                class,
                place,
                count,
                first,
                last,
            } => {
                field("stage", stage.into());
                field("class", class.into());
                field("place", place.clone().into());
                field("count", count.into());
                field("first", first.into());
                field("last", last.into());
                let what = if stage == "stdout" {
                    "alerts"
                } else {
                    "events"
                };
                let class = class.map_or(String::new(), |c| format!("{c} "));
                let place = place.map_or(String::new(), |p| format!(" of {p}"));
                let (first, last) = (super::stream::utc(first), super::stream::utc(last));
                format!(
                    "{count} {class}{what}{place} were lost at {stage} between {first} and {last}"
                )
            }
            Self::Stopped {
                reason,
                events,
                alerts,
                lost,
            } => {
                field("reason", reason.clone().into());
                field("events", events.into());
                field("alerts", alerts.into());
                field("lost", lost.into());
                format!(
                    "Komainu stopped ({reason}) after {events} events and {alerts} alerts, {lost} lost"
                )
            }
        }
    }
}
