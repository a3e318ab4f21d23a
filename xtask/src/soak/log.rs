//! What the agent's log says, by level and message.

use std::collections::BTreeMap;

use serde_json::Value;

/// Lines of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Errors and warnings, and how often each was said.
    pub(super) said: BTreeMap<(String, String), u64>,
    /// Lines that are none of the log's: a panic, for example.
    pub(super) other: Vec<String>,
}

impl Log {
    /// Of a log in JSON.
    pub(super) fn parse(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines() {
            match parse(line) {
                None => log.other.push(line.to_owned()),
                Some((level, message)) if matches!(level.as_str(), "ERROR" | "WARN") => {
                    *log.said.entry((level, message)).or_default() += 1;
                }
                Some(_) => {}
            }
        }
        log
    }

    /// How often the agent could not say something of itself, which the log says each time.
    pub(super) fn own_events_lost(&self) -> u64 {
        let key = (
            "WARN".to_owned(),
            "standard output does not take the agent's own events".to_owned(),
        );
        self.said.get(&key).copied().unwrap_or_default()
    }

    /// What must not be in it.
    pub(super) fn faults(&self) -> Vec<String> {
        let errors = self.said.iter().filter(|((level, _), _)| level == "ERROR");
        let errors = errors.map(|((_, message), count)| format!("{count} × {message}"));
        errors.chain(self.other.iter().cloned()).collect()
    }
}

fn parse(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let level = line.get("level")?.as_str()?;
    let message = line.get("fields")?.get("message")?.as_str()?;
    Some((level.to_owned(), message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_panics_are_faults() {
        let log = Log::parse(
            "{\"level\":\"INFO\",\"fields\":{\"message\":\"a\"}}\n\
             {\"level\":\"WARN\",\"fields\":{\"message\":\"b\"}}\n\
             {\"level\":\"ERROR\",\"fields\":{\"message\":\"c\"}}\n\
             {\"level\":\"ERROR\",\"fields\":{\"message\":\"c\"}}\n\
             thread 'main' panicked\n",
        );
        assert_eq!(log.faults(), ["2 × c", "thread 'main' panicked"]);
        assert_eq!(log.said.len(), 2);
        assert_eq!(Log::default().faults(), [""; 0]);
    }
}
