//! Alerts that repeat: the first of a window are shown, the others counted and told together.
//!
//! Runs on the deciding thread, before an alert is made: a lookup in a bounded table, no I/O, no clock of its own. What
//! "the same" is are the rule and the values of some fields. The first is never held back, and where the table is
//! full nothing is: shown + told = made.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::lost::{Held, Repeats};
use crate::event::{Event, World};
use crate::rules::{Output, Rule, name_matches};

#[cfg(test)]
mod tests;

/// Bytes of one value in a key. Of longer ones the beginning and a hash of the whole are compared.
const MAX_VALUE: usize = 256;

/// What is held back, and when.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time from the first until the others are told.
    pub window: Duration,
    /// How many are shown in a window, at least 1.
    pub burst: u64,
    /// Windows that are open at once at most.
    pub max_keys: usize,
    /// Fields whose values must be the same, beside the rule.
    pub keys: Output,
    /// Rules that it concerns, by name (`*` stands for any text) or tag; empty: all.
    pub rules: Vec<String>,
    /// Rules that it does not concern.
    pub except: Vec<String>,
}

/// What was shown and held back since windows began.
#[derive(Debug)]
pub struct Throttle {
    settings: Settings,
    open: HashMap<Arc<str>, Window>,
    /// In the order in which they end: all are equally long.
    ends: VecDeque<(Instant, Arc<str>)>,
    /// Names the rules that were in force the last time.
    rules: Option<Arc<str>>,
}

/// One key's.
#[derive(Clone, Debug)]
struct Window {
    rule: Arc<str>,
    priority: &'static str,
    began: Instant,
    shown: u64,
    held: Held,
}

impl Throttle {
    /// Nothing has been shown yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            open: HashMap::new(),
            ends: VecDeque::new(),
            rules: None,
        }
    }

    /// Whether the alert of this rule is shown; else it was counted. `now` is the batch's time.
    pub fn admits(
        &mut self,
        rule: &Rule,
        event: &Event<'_>,
        world: &dyn World,
        now: Instant,
    ) -> bool {
        if !self.concerns(&rule.name, &rule.tags) {
            return true;
        }
        let key = key(self.settings.keys.output_fields(event, world));
        self.pass(&rule.name, rule.priority.name(), &key, event.time, now)
    }

    fn concerns(&self, name: &str, tags: &[String]) -> bool {
        let named = |list: &[String]| {
            list.iter()
                .any(|one| tags.contains(one) || name_matches(one, name))
        };
        let Settings { rules, except, .. } = &self.settings;
        (rules.is_empty() || named(rules)) && !named(except)
    }

    fn pass(
        &mut self,
        rule: &str,
        priority: &'static str,
        key: &str,
        time: u64,
        now: Instant,
    ) -> bool {
        // No name of a rule has a NUL in it, and no JSON.
        let key: Arc<str> = format!("{rule}\0{key}").into();
        if let Some(window) = self.open.get_mut(&key) {
            if window.shown < self.settings.burst {
                window.shown += 1;
                return true;
            }
            window.held.add(time);
            return false;
        }
        if self.open.len() < self.settings.max_keys {
            let window = Window {
                rule: rule.into(),
                priority,
                began: now,
                shown: 1,
                held: Held::default(),
            };
            self.ends
                .push_back((now + self.settings.window, Arc::clone(&key)));
            self.open.insert(key, window);
        }
        true
    }

    /// Ends the windows whose time is over, all of them where other rules are in force, which `rules` names; what
    /// was held back in them goes to `tell`.
    pub fn settle(&mut self, rules: &Arc<str>, now: Instant, tell: impl FnMut(Repeats)) {
        let before = self.rules.replace(Arc::clone(rules));
        let is_same = before.is_none_or(|before| Arc::ptr_eq(&before, rules));
        self.end(now, |end| !is_same || end <= now, tell);
    }

    /// Ends all windows.
    pub fn finish(&mut self, now: Instant, tell: impl FnMut(Repeats)) {
        self.end(now, |_| true, tell);
    }

    fn end(
        &mut self,
        now: Instant,
        is_over: impl Fn(Instant) -> bool,
        mut tell: impl FnMut(Repeats),
    ) {
        while let Some((_, key)) = self.ends.pop_front_if(|(end, _)| is_over(*end)) {
            let Some(window) = self.open.remove(&key) else {
                continue;
            };
            if window.held.count > 0 {
                let values = key.split_once('\0').map_or("", |(_, values)| values);
                tell(Repeats {
                    rule: (*window.rule).into(),
                    priority: window.priority,
                    key: shown(values),
                    held: window.held,
                    seconds: seconds(now.saturating_duration_since(window.began)),
                });
            }
        }
    }

    /// Windows that are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// Whole seconds, at least 1.
fn seconds(time: Duration) -> u64 {
    (time + Duration::from_millis(500)).as_secs().max(1)
}

/// Values as JSON, which no value can break out of. Long ones are cut, with a hash of the whole.
fn key(mut fields: Map<String, Value>) -> String {
    for value in fields.values_mut() {
        let text = match &*value {
            Value::String(text) => text.clone(),
            Value::Array(_) => value.to_string(),
            _ => continue,
        };
        if text.len() > MAX_VALUE {
            let hash = Sha256::digest(text.as_bytes());
            let hash = hash.first_chunk().copied().map_or(0, u64::from_be_bytes);
            *value = format!("{} (sha256 {hash:016x})", super::cut(&text, MAX_VALUE)).into();
        }
    }
    Value::Object(fields).to_string()
}

/// `NAME=VALUE` for each value of a key.
fn shown(key: &str) -> Vec<String> {
    let values: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
    let one = |(name, value): (String, Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        Value::Null => format!("{name}=<NA>"),
        other => format!("{name}={other}"),
    };
    values.into_iter().map(one).collect()
}
