//! One alert, as the demo sees it.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use crate::agent::{self, Line};

/// An alert of the agent's JSON stream.
#[derive(Debug)]
pub(super) struct Alert {
    json: Value,
    at: Timestamp,
}

impl Alert {
    /// `None` for lines that are no alerts: the agent's reports about itself.
    pub(super) fn from_line(line: Line) -> Option<Self> {
        if agent::own_event(&line.json).is_some() {
            return None;
        }
        line.json.get("rule")?.as_str()?;
        line.json.get("output_fields")?.as_object()?;
        Some(Self {
            json: line.json,
            at: line.at,
        })
    }

    /// Name of the rule.
    pub(super) fn rule(&self) -> &str {
        self.top("rule")
    }

    /// Process id.
    pub(super) fn pid(&self) -> Option<u64> {
        self.json.get("output_fields")?.get("proc.pid")?.as_u64()
    }

    /// An output field as text; empty where it is missing or null.
    pub(super) fn field(&self, name: &str) -> String {
        match self
            .json
            .get("output_fields")
            .and_then(|fields| fields.get(name))
        {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// The kernel's path of the file, where it differs from what the program asked for.
    pub(super) fn resolved_path(&self) -> &str {
        self.top("resolved_path")
    }

    /// For people: rule, priority, who, command, file, container, latency.
    pub(super) fn display(&self) -> String {
        let place = match self.field("container.id").as_str() {
            "" | "host" => "host".to_owned(),
            id => format!("container {id}"),
        };
        let mut text = format!(
            "{:8} {}\n         {} on {place}: {}[{}], started by {}\n         $ {}",
            self.top("priority"),
            self.rule(),
            self.field("user.name"),
            self.field("proc.name"),
            self.field("proc.pid"),
            self.field("proc.pname"),
            self.field("proc.cmdline"),
        );
        let (object, program) = (self.field("fd.name"), self.field("proc.exepath"));
        let details = [
            ("object", object.as_str()),
            ("really", self.resolved_path()),
            ("program", &program),
        ];
        for (label, value) in details.iter().filter(|(_, value)| !value.is_empty()) {
            write_line(&mut text, label, value);
        }
        if let Some(latency) = self.latency_ms() {
            write_line(
                &mut text,
                "latency",
                &format!("{latency:.1} ms from event to alert"),
            );
        }
        text
    }

    /// From the event's own time to the arrival of the line.
    fn latency_ms(&self) -> Option<f64> {
        let time: Timestamp = self.top("time").parse().ok()?;
        Some(self.at.duration_since(time).as_secs_f64() * 1e3)
    }

    fn top(&self, key: &str) -> &str {
        self.json
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

fn write_line(text: &mut String, label: &str, value: &str) {
    // Writing to a String cannot fail.
    write!(text, "\n         {label:8} {value}").ok();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(json: Value) -> Line {
        Line {
            json,
            at: "2026-11-22T10:00:00.0025Z".parse().unwrap(),
        }
    }

    #[test]
    fn an_alert_shows_who_did_what_where_and_how_late_we_know() {
        let alert = Alert::from_line(line(json!({
            "rule": "Sensitive file read", "priority": "Warning",
            "time": "2026-11-22T10:00:00.001Z",
            "output_fields": {
                "proc.pid": 7, "proc.name": "cat", "fd.name": "/tmp/a", "container.id": "host",
                "user.name": "root", "proc.pname": "sh", "proc.cmdline": "cat /tmp/a",
            },
            "resolved_path": "/etc/shadow",
        })))
        .unwrap();
        assert_eq!(
            alert.display(),
            "Warning  Sensitive file read\n         root on host: cat[7], started by sh\n         \
             $ cat /tmp/a\n         object   /tmp/a\n         \
             really   /etc/shadow\n         \
             latency  1.5 ms from event to alert"
        );
        assert_eq!(alert.pid(), Some(7));
    }

    #[test]
    fn reports_of_the_agent_about_itself_are_no_alerts() {
        assert!(
            Alert::from_line(line(json!({
                "rule": "Komainu started", "output_fields": {"komainu.event": "started"},
            })))
            .is_none()
        );
    }
}
