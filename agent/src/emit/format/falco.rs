//! Falco's keys as they are, ours beside them, sorted, under 64 KiB.

mod keys;

pub(super) use keys::KEYS;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::super::alert::{Alert, Ancestor, Place, PodPlace, Resolution, SCHEMA, SessionPlace};
use super::super::cut::{Cut, cut};
use super::super::escape::SafeJson;
use super::super::stream::utc;
use super::Stamp;
use super::source::PROCESS;
use super::tree::{FEW_TAGS, LAST_LIMITS, LIMITS, MAX_LINE, Short};

/// Appends the alert as one line.
pub(super) fn line(out: &mut Vec<u8>, alert: &Alert, stamp: &Stamp<'_>) -> serde_json::Result<()> {
    let start = out.len();
    let whole = LIMITS.iter().map(|limit| whole(alert, stamp, *limit));
    let stripped = LAST_LIMITS
        .iter()
        .map(|limit| stripped(alert, stamp, *limit));
    for line in whole.chain(stripped) {
        out.truncate(start);
        write(out, &line)?;
        if out.len() - start <= MAX_LINE {
            break;
        }
    }
    Ok(())
}

fn write(out: &mut Vec<u8>, line: &Line<'_>) -> serde_json::Result<()> {
    line.serialize(&mut serde_json::Serializer::with_formatter(
        &mut *out, SafeJson,
    ))?;
    out.push(b'\n');
    Ok(())
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ancestry: Option<Ancestry<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    boot_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Container<'a>>,
    hostname: Cut<'a>,
    id: &'a str,
    node: Cut<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    omitted: &'static [&'static str],
    output: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_fields: Option<Fields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<Pod<'a>>,
    priority: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution_detail: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_path: Option<Cut<'a>>,
    rule: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules_hash: Option<&'a str>,
    schema: u32,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session<'a>>,
    source: &'static str,
    tags: Vec<Cut<'a>>,
    time: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// `pod_uid` is there since before `pod` was.
#[derive(Serialize)]
struct Container<'a> {
    id: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_uid: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<Cut<'a>>,
}

#[derive(Serialize)]
struct Pod<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_kind: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_name: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Cut<'a>>,
}

#[derive(Serialize)]
struct Session<'a> {
    cmdline: Cut<'a>,
    exepath: Cut<'a>,
    id: &'a str,
    kind: &'static str,
    name: Cut<'a>,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    tty: bool,
    uid: u32,
}

fn session(session: &SessionPlace, limit: usize) -> Session<'_> {
    let (root, limit) = (&session.root, limit.min(PROCESS));
    Session {
        cmdline: cut(&root.cmdline, limit).and(root.missing),
        exepath: cut(&root.exepath, limit),
        id: &session.id,
        kind: session.kind,
        name: cut(&root.name, limit),
        pid: root.pid,
        start: (session.start != 0).then(|| utc(session.start)),
        tty: session.tty,
        uid: session.uid,
    }
}

/// A text that may be missing.
fn some(text: Option<&String>, limit: usize) -> Option<Cut<'_>> {
    text.map(|text| cut(text, limit))
}

fn container(place: &Place, limit: usize) -> Option<Container<'_>> {
    let container = place.container.as_ref()?;
    Some(Container {
        id: cut(&container.id, limit),
        image: some(container.image.as_ref(), limit),
        image_digest: some(container.image_digest.as_ref(), limit),
        name: some(container.name.as_ref(), limit),
        pod_uid: some(place.pod.as_ref().and_then(|pod| pod.uid.as_ref()), limit),
        runtime: some(container.runtime.as_ref(), limit),
    })
}

fn pod(pod: &PodPlace, limit: usize) -> Pod<'_> {
    Pod {
        name: some(pod.name.as_ref(), limit),
        namespace: some(pod.namespace.as_ref(), limit),
        owner_kind: some(pod.owner_kind.as_ref(), limit),
        owner_name: some(pod.owner_name.as_ref(), limit),
        uid: some(pod.uid.as_ref(), limit),
    }
}

fn whole<'a>(alert: &'a Alert, stamp: &'a Stamp<'a>, limit: usize) -> Line<'a> {
    let place = &alert.place;
    let ancestry = &alert.ancestry;
    Line {
        ancestry: (!ancestry.is_empty()).then_some(Ancestry {
            of: ancestry,
            limit,
        }),
        boot_id: stamp.boot,
        container: container(place, limit),
        hostname: cut(stamp.hostname, limit),
        id: stamp.id,
        node: cut(stamp.node, limit),
        omitted: &[],
        output: cut(stamp.output, limit),
        output_fields: Some(Fields {
            of: &alert.fields,
            limit,
        }),
        pod: place.pod.as_ref().map(|place| pod(place, limit)),
        priority: alert.priority,
        resolution: place.resolution.map(Resolution::name),
        resolution_detail: some(place.resolution_detail.as_ref(), limit),
        resolved_path: alert.resolved_path.as_deref().map(|path| cut(path, limit)),
        rule: cut(&alert.rule, limit),
        rules_hash: alert.rules_hash.as_deref(),
        schema: SCHEMA,
        seq: stamp.seq,
        session: alert.session.as_ref().map(|of| session(of, limit)),
        source: alert.source,
        tags: alert.tags.iter().map(|tag| cut(tag, limit)).collect(),
        time: stamp.time,
        truncated: alert.truncated,
    }
}

/// What is left where so many values exist that even short ones do not fit.
fn stripped<'a>(alert: &'a Alert, stamp: &'a Stamp<'a>, limit: usize) -> Line<'a> {
    let mut line = whole(alert, stamp, limit);
    line.tags.truncate(FEW_TAGS);
    Line {
        ancestry: None,
        output_fields: None,
        omitted: &["ancestry", "output_fields", "tags"],
        ..line
    }
}

struct Ancestry<'a> {
    of: &'a [Ancestor],
    limit: usize,
}

impl Serialize for Ancestry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct One<'a> {
            cmdline: Cut<'a>,
            exepath: Cut<'a>,
            name: Cut<'a>,
            pid: u32,
        }
        let limit = self.limit.min(PROCESS);
        serializer.collect_seq(self.of.iter().map(|ancestor| One {
            cmdline: cut(&ancestor.cmdline, limit).and(ancestor.missing),
            exepath: cut(&ancestor.exepath, limit),
            name: cut(&ancestor.name, limit),
            pid: ancestor.pid,
        }))
    }
}

struct Fields<'a> {
    of: &'a [(String, Value)],
    limit: usize,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.of {
            map.serialize_entry(
                &cut(name, 256).to_string(),
                &Short {
                    value,
                    limit: self.limit,
                },
            )?;
        }
        map.end()
    }
}
