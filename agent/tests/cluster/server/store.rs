//! What the server knows: objects, their history, and what it was told to do wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Break, Fault};

/// Kinds that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    Namespace,
}

/// One change, as a watch tells it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) kind: Kind,
    pub(super) r#type: &'static str,
    pub(super) object: Value,
}

/// Everything known.
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) version: u64,
    pub(super) objects: BTreeMap<(Kind, String), Value>,
    pub(super) history: Vec<Change>,
    /// A bookmark that running watches are to send.
    pub(super) bookmark: u64,
    pub(super) faults: Vec<(String, Fault)>,
    pub(super) breaks: u64,
    pub(super) how: Break,
    pub(super) requests: Vec<String>,
    pub(super) agents: Vec<String>,
    /// Versions before this one are gone.
    pub(crate) oldest: u64,
    /// Tells that in an event, not by the status.
    pub(crate) gone_in_event: bool,
    /// The token that is taken; any, if none.
    pub(crate) token: Option<String>,
    /// Labels of the only node; without them nobody may read it.
    pub(crate) node: Option<Value>,
    /// Answers go out in pieces of so many bytes.
    pub(crate) piece: usize,
    /// Takes no notice of field selectors.
    pub(crate) no_selector: bool,
    /// Every page has another one.
    pub(crate) endless: bool,
    /// Every watch ends at once.
    pub(crate) no_patience: bool,
    /// Paths that nobody may read.
    pub(crate) forbidden: Vec<&'static str>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            version: 100,
            objects: BTreeMap::new(),
            history: Vec::new(),
            bookmark: 0,
            faults: Vec::new(),
            breaks: 0,
            how: Break::End,
            requests: Vec::new(),
            agents: Vec::new(),
            oldest: 0,
            gone_in_event: false,
            token: None,
            node: None,
            piece: usize::MAX,
            no_selector: false,
            endless: false,
            no_patience: false,
            forbidden: Vec::new(),
        }
    }
}

impl Store {
    /// The next version.
    pub(crate) fn step(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Adds or replaces an object.
    pub(crate) fn put(&mut self, kind: Kind, mut object: Value) {
        let version = self.step();
        object["metadata"]["resourceVersion"] = version.to_string().into();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let old = self.objects.insert((kind, name), object.clone());
        let r#type = if old.is_some() { "MODIFIED" } else { "ADDED" };
        self.history.push(Change {
            version,
            kind,
            r#type,
            object,
        });
    }

    /// Takes an object away.
    pub(crate) fn remove(&mut self, kind: Kind, name: &str) {
        let mut object = self.objects.remove(&(kind, name.to_owned())).unwrap();
        let version = self.step();
        object["metadata"]["resourceVersion"] = version.to_string().into();
        self.history.push(Change {
            version,
            kind,
            r#type: "DELETED",
            object,
        });
    }

    /// Has every watch of now end so.
    pub(crate) fn breaks(&mut self, how: Break) {
        self.breaks += 1;
        self.how = how;
    }

    /// Forgets all history: whoever asks for what came after an older version is told that it is gone.
    pub(crate) fn compact(&mut self, gone_in_event: bool) {
        self.oldest = self.step();
        self.gone_in_event = gone_in_event;
        self.history.clear();
    }

    /// Has running watches send a bookmark of a new version.
    pub(crate) fn mark(&mut self) -> u64 {
        self.bookmark = self.step();
        self.bookmark
    }

    /// The `User-Agent` of all requests so far.
    pub(crate) fn agents(&self) -> &[String] {
        &self.agents
    }

    /// The objects of a kind that a selector `spec.nodeName=` admits, after the key `after`.
    pub(super) fn select(
        &self,
        kind: Kind,
        node: Option<&str>,
        after: &str,
    ) -> Vec<(&str, &Value)> {
        let all = self
            .objects
            .iter()
            .filter(|((k, name), _)| *k == kind && name.as_str() > after);
        all.filter(|(_, object)| self.admits(node, object))
            .map(|((_, name), object)| (name.as_str(), object))
            .collect()
    }

    pub(super) fn admits(&self, node: Option<&str>, object: &Value) -> bool {
        self.no_selector || node.is_none_or(|node| object["spec"]["nodeName"] == node)
    }
}

/// A `Status`.
pub(super) fn status(code: u16, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Because", "code": code,
    })
}
