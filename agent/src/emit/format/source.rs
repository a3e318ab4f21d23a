//! What the rows of a format read.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::super::alert::{Alert, Ancestor, ContainerPlace, PodPlace};
use super::super::cut::cut;
use super::super::own;
use super::Stamp;

/// Bytes of one value of an ancestor or session: context must not outweigh the alert.
pub(super) const PROCESS: usize = 256;

/// One alert and what the stream adds to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) alert: &'a Alert,
    pub(super) stamp: &'a Stamp<'a>,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// Who began it; where that is unknown, this side.
    Source,
    /// The other one.
    Destination,
}

impl<'a> Source<'a> {
    /// What happened to the agent itself; `None` for alerts.
    pub(super) fn own(&self) -> Option<&'a str> {
        own::event_of(self.alert)
    }

    /// A field of an own event.
    pub(super) fn own_field(&self, name: &str) -> Option<&'a str> {
        self.own()?;
        let mut fields = self.alert.fields.iter();
        let (_, value) = fields.find(|(own, _)| own == name)?;
        value.as_str()
    }

    /// The value of a field of the event, where known.
    pub(super) fn fact(&self, name: &str) -> Option<&'a Value> {
        self.alert.facts.as_ref()?.get(name)
    }

    /// The same as text.
    pub(super) fn fact_str(&self, name: &str) -> Option<&'a str> {
        self.fact(name)?.as_str()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.fact(name) == Some(&Value::Bool(true))
    }

    /// `argv`.
    pub(super) fn args(&self) -> &'a [String] {
        let facts = self.alert.facts.as_ref();
        facts.map_or(&[], |facts| &facts.args)
    }

    pub(super) fn container(&self) -> Option<&'a ContainerPlace> {
        self.alert.place.container.as_ref()
    }

    /// The pod, where anything names it.
    pub(super) fn pod(&self) -> Option<&'a PodPlace> {
        let pod = self.alert.place.pod.as_ref();
        pod.filter(|pod| pod.uid.is_some() || pod.name.is_some())
    }

    /// Id of the run of the agent.
    pub(super) fn run(&self) -> &'a str {
        let id = self.stamp.id;
        id.rsplit_once('-').map_or(id, |(run, _)| run)
    }

    /// The file that the event is about, as the program named it.
    pub(super) fn file(&self) -> Option<&'a str> {
        let kind = self.fact_str("fd.type");
        let is_file = matches!(kind, None | Some("file" | "directory"))
            && self.fact_str("evt.category") == Some("file");
        let of_descriptor = || self.fact_str("fd.name").filter(|_| is_file);
        self.fact_str("fs.path.name")
            .or_else(|| self.fact_str("fs.path.target"))
            .or_else(of_descriptor)
            .filter(|path| path.starts_with('/'))
    }

    /// Address and port of an end of the connection.
    pub(super) fn end(&self, end: End) -> Option<(&'a Value, Option<&'a Value>)> {
        let roles_known = self.fact("fd.cip").is_some() || self.fact("fd.sip").is_some();
        let (ip, port) = match (end, roles_known) {
            (End::Source, true) => ("fd.cip", "fd.cport"),
            (End::Source, false) => ("fd.lip", "fd.lport"),
            (End::Destination, true) => ("fd.sip", "fd.sport"),
            (End::Destination, false) => ("fd.rip", "fd.rport"),
        };
        Some((self.fact(ip)?, self.fact(port)))
    }

    /// Whether the process is the server of the connection, where that is known.
    pub(super) fn is_server(&self) -> Option<bool> {
        self.fact("fd.cip").or_else(|| self.fact("fd.sip"))?;
        self.fact("fd.is_server")?.as_bool()
    }

    /// 4 or 6.
    pub(super) fn ip_version(&self) -> Option<u8> {
        let of = |end| self.end(end).and_then(|(ip, _)| ip.as_str());
        let ip = of(End::Source).or_else(|| of(End::Destination))?;
        Some(match ip.parse().ok()? {
            IpAddr::V4(_) => 4,
            IpAddr::V6(_) => 6,
        })
    }
}

/// Text that is there.
#[expect(
    clippy::unnecessary_wraps,
    reason = "rows of a table that may have no value"
)]
pub(super) fn text(text: &str) -> Option<Value> {
    Some(text.into())
}

/// Text that may be missing.
pub(super) fn some(text: Option<&String>) -> Option<Value> {
    text.map(|text| text.as_str().into())
}

/// Texts, if there is any.
pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Value> {
    let all: Vec<Value> = texts.into_iter().map(Value::from).collect();
    (!all.is_empty()).then_some(Value::Array(all))
}

/// Text of a process that is context only.
pub(super) fn brief(text: &str, missing: usize) -> Value {
    cut(text, PROCESS).and(missing).to_string().into()
}

/// A process that is context only, with these names for pid, name, executable and command line.
pub(super) fn process(of: &Ancestor, [pid, name, exe, cmdline]: [&str; 4]) -> Value {
    let mut object = Map::new();
    object.insert(pid.to_owned(), of.pid.into());
    let texts = [
        (name, &of.name, 0),
        (exe, &of.exepath, 0),
        (cmdline, &of.cmdline, of.missing),
    ];
    for (key, text, missing) in texts {
        if !text.is_empty() {
            object.insert(key.to_owned(), brief(text, missing));
        }
    }
    Value::Object(object)
}

/// The processes that an alert's comes from, nearest first, with the same names; `None` where none is known.
pub(super) fn ancestors(alert: &Alert, names: [&str; 4]) -> Option<Value> {
    let all: Vec<Value> = alert.ancestry.iter().map(|of| process(of, names)).collect();
    (!all.is_empty()).then_some(all.into())
}

/// Fields by name.
pub(super) fn fields(of: &[(String, Value)]) -> Option<Value> {
    let map: Map<String, Value> = of.iter().cloned().collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

/// Last part of a path; the path itself where there is none.
pub(super) fn base(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((_, name)) if !name.is_empty() => name,
        _ => path,
    }
}

/// The directory of a path.
pub(super) fn directory(path: &str) -> Option<Cow<'_, str>> {
    let (directory, _) = path.trim_end_matches('/').rsplit_once('/')?;
    Some(if directory.is_empty() { "/" } else { directory }.into())
}
