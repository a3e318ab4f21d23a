//! Events of the agent itself, in the same stream: a reader must be able to tell silence from
//! blindness.

use serde_json::Value;

use super::Alert;
use super::lost::Repeats;
use super::stream::utc;

/// `source` of own events.
pub const SOURCE: &str = "komainu";

/// Field that says what happened.
const EVENT: &str = "komainu.event";

/// What happened to the agent itself, by name, empty where that is not told; `None` for alerts.
pub(super) fn event_of(alert: &Alert) -> Option<&str> {
    if alert.source != SOURCE {
        return None;
    }
    let event = alert.fields.iter().find(|(name, _)| name == EVENT);
    Some(
        event
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default(),
    )
}

/// Something that happened to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnEvent {
    /// It watches from now on.
    Started {
        /// Version of the agent.
        version: &'static str,
        /// Rules in force.
        rules: usize,
        /// Hash of their files.
        rules_hash: String,
        /// Probes attached.
        attached: usize,
        /// Probes that could not be attached, `name: reason`.
        degraded: Vec<String>,
    },
    /// Another rule set is in force.
    Reloaded {
        /// Rules in force.
        rules: usize,
        /// Hash of their files.
        rules_hash: String,
    },
    /// A reload failed; the old rule set stays.
    ReloadFailed {
        /// What was wrong: every error with file, line and column.
        error: String,
        /// Hash of the files of the rules that stay in force.
        rules_hash: String,
    },
    /// To keep its CPU budget the agent does without a class of events from now on.
    Degraded {
        /// The class.
        class: &'static str,
        /// Per cent of a core that it took.
        cpu_percent: u64,
        /// Per cent of a core that it may take.
        budget_percent: u64,
    },
    /// Acts of the canary did not come back as events: nothing is known of what others do.
    CoverageLost {
        /// Event classes.
        classes: Vec<&'static str>,
        /// How long they were waited for.
        seconds: u64,
    },
    /// They come back again.
    CoverageRestored {
        /// Event classes.
        classes: Vec<&'static str>,
    },
    /// Events were lost: nothing is known of what happened there then.
    Blind {
        /// Where it was lost: `ring` (no room), `share` (no room for that
        /// cgroup: it took the most), `internal` (the kernel half could not make the
        /// record), `entry` (the kernel did not run the program), `decode`, the sink (`stdout`, `file`,
        /// `webhook`, `syslog`), `spool` (what a sink had put on disk cannot be read), `governor` (they were
        /// done without); `sessions` and `session_processes`, where exec sessions or processes of
        /// such were not followed for want of room: their events are there, but do not name the session.
        stage: &'static str,
        /// Event class, where known.
        class: Option<&'static str>,
        /// Container and pod, cgroup of the host, or cgroup where it is not known which; at `entry` the
        /// program and the classes it serves, at `spool` the sink.
        place: Option<String>,
        /// Events (for a sink: alerts, for `spool`: lines, for `sessions` and `session_processes`: these); 0 at `governor`, where
        /// nobody counts.
        count: u64,
        /// Nanoseconds since the epoch; 0 where unknown.
        first: u64,
        /// Nanoseconds since the epoch.
        last: u64,
    },
    /// Alerts were not shown, because they repeat others that were.
    Throttled(Repeats),
    /// It no longer watches.
    Stopped {
        /// Why.
        reason: String,
        /// Events seen by the user half.
        events: u64,
        /// Alerts made.
        alerts: u64,
        /// Those among them that were not shown, because they repeat others.
        throttled: u64,
        /// Alerts and events lost, all stages.
        lost: u64,
        /// cgroups whose events waited for the identity of their container, and got it.
        identified: u64,
        /// Those that went on without, by reason: `RESOLUTION COUNT`.
        unidentified: Vec<String>,
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
            Self::Degraded { .. } => ("degraded", "Critical"),
            Self::CoverageLost { .. } => ("coverage_lost", "Critical"),
            Self::CoverageRestored { .. } => ("coverage_restored", "Notice"),
            Self::Blind { .. } => ("blind", "Critical"),
            // Who reads alerts of that priority only must learn how many there were.
            Self::Throttled(repeats) => ("throttled", repeats.priority),
            Self::Stopped { .. } => ("stopped", "Informational"),
        };
        let message = self.sentence();
        let mut fields = vec![(EVENT.to_owned(), Value::from(name))];
        let facts = self.facts().into_iter();
        fields.extend(facts.map(|(key, value)| (format!("komainu.{key}"), value)));
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

    fn facts(self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Started {
                version,
                rules,
                rules_hash,
                attached,
                degraded,
            } => vec![
                ("version", version.into()),
                ("rules", rules.into()),
                ("rules_hash", rules_hash.into()),
                ("probes_attached", attached.into()),
                ("probes_failed", degraded.into()),
            ],
            Self::Reloaded { rules, rules_hash } => {
                vec![("rules", rules.into()), ("rules_hash", rules_hash.into())]
            }
            Self::ReloadFailed { error, rules_hash } => {
                vec![("error", error.into()), ("rules_hash", rules_hash.into())]
            }
            Self::Degraded {
                class,
                cpu_percent,
                budget_percent,
            } => vec![
                ("class", class.into()),
                ("cpu_percent", cpu_percent.into()),
                ("budget_percent", budget_percent.into()),
            ],
            Self::CoverageLost { classes, seconds } => {
                vec![("classes", classes.into()), ("seconds", seconds.into())]
            }
            Self::CoverageRestored { classes } => vec![("classes", classes.into())],
            Self::Blind { .. } => self.loss(),
            Self::Throttled(repeats) => held(repeats),
            Self::Stopped {
                reason,
                events,
                alerts,
                throttled,
                lost,
                identified,
                unidentified,
            } => vec![
                ("reason", reason.into()),
                ("events", events.into()),
                ("alerts", alerts.into()),
                ("throttled", throttled.into()),
                ("lost", lost.into()),
                ("identified", identified.into()),
                ("unidentified", unidentified.into()),
            ],
        }
    }

    /// Facts of a loss.
    fn loss(self) -> Vec<(&'static str, Value)> {
        let Self::Blind {
            stage,
            class,
            place,
            count,
            first,
            last,
        } = self
        else {
            return Vec::new();
        };
        vec![
            ("stage", stage.into()),
            ("class", class.into()),
            ("place", place.into()),
            ("count", count.into()),
            ("first", first.into()),
            ("last", last.into()),
        ]
    }

    fn sentence(&self) -> String {
        match self {
            Self::Started {
                version,
                rules,
                attached,
                degraded,
                ..
            } => started(version, *rules, *attached, degraded),
            Self::Reloaded { rules, .. } => format!("Rules were reloaded, {rules} are in force"),
            Self::ReloadFailed { error, .. } => {
                format!("Reloading rules failed, the old ones stay in force: {error}")
            }
            Self::Degraded {
                class,
                cpu_percent,
                budget_percent,
            } => format!(
                "Events of class {class} are not watched from now on: the agent takes {cpu_percent} % of a CPU core, {budget_percent} % are allowed"
            ),
            Self::CoverageLost { classes, seconds } => format!(
                "The agent does not see its own acts within {seconds} s: {}",
                classes.join(", ")
            ),
            Self::CoverageRestored { classes } => {
                format!("The agent sees its own acts again: {}", classes.join(", "))
            }
            Self::Blind {
                stage,
                class,
                place,
                count,
                first,
                last,
            } => lost(stage, *class, place.as_deref(), *count, (*first, *last)),
            Self::Throttled(repeats) => repeated(repeats),
            Self::Stopped {
                reason,
                events,
                alerts,
                lost,
                ..
            } => {
                format!(
                    "Komainu stopped ({reason}) after {events} events and {alerts} alerts, {lost} lost"
                )
            }
        }
    }
}

/// Facts of alerts that were not shown.
fn held(repeats: Repeats) -> Vec<(&'static str, Value)> {
    vec![
        ("rule", repeats.rule.into()),
        ("key", repeats.key.into()),
        ("count", repeats.held.count.into()),
        ("first", repeats.held.first.into()),
        ("last", repeats.held.last.into()),
        ("seconds", repeats.seconds.into()),
    ]
}

fn repeated(repeats: &Repeats) -> String {
    let Repeats { rule, seconds, .. } = repeats;
    let (count, key) = (repeats.held.count, repeats.key.join(" "));
    let of = if key.is_empty() { "" } else { ": " };
    format!("and {count} more of {rule} in {seconds} s{of}{key}")
}

fn started(version: &str, rules: usize, attached: usize, degraded: &[String]) -> String {
    let failed = if degraded.is_empty() {
        ""
    } else {
        ", degraded: "
    };
    let which = degraded.join("; ");
    format!(
        "Komainu {version} watches with {rules} rules, {attached} probes attached{failed}{which}"
    )
}

fn lost(
    stage: &str,
    class: Option<&str>,
    place: Option<&str>,
    count: u64,
    (first, last): (u64, u64),
) -> String {
    if stage == "governor" {
        let (class, first, last) = (class.unwrap_or_default(), utc(first), utc(last));
        return format!("Events of class {class} were not watched between {first} and {last}");
    }
    let what = match stage {
        "stdout" | "file" | "webhook" | "syslog" => "alerts",
        "spool" => "lines",
        "sessions" => "exec sessions",
        "session_processes" => "processes of exec sessions",
        _ => "events",
    };
    let class = class.map_or(String::new(), |class| format!("{class} "));
    let place = place.map_or(String::new(), |place| format!(" of {place}"));
    let when = if first == 0 {
        String::new()
    } else {
        format!(" between {} and {}", utc(first), utc(last))
    };
    format!("{count} {class}{what}{place} were lost at {stage}{when}")
}
