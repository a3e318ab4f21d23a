//! What the rule was about: process, file, connection, container.

use serde_json::Value;

use super::super::key::{Key, Kind, Need, Row};
use super::super::source::{End, Source, ancestors, base, some, text};
use crate::emit::alert::{ContainerPlace, SessionPlace};
use crate::emit::stream::utc;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row::fact("evidences[].process.pid", Kind::Number, "proc.pid").within_object(),
    Row::fact("evidences[].process.namespace_pid", Kind::Number, "proc.vpid"),
    Row::fact("evidences[].process.name", Kind::Text, "proc.name"),
    Row::fact("evidences[].process.cmd_line", Kind::Text, "proc.cmdline"),
    Row::fact("evidences[].process.working_directory", Kind::Text, "proc.cwd"),
    Row::maybe("evidences[].process.created_time", Kind::Number, "`proc.pid.ts` in milliseconds.", |s| milliseconds(s.fact("proc.pid.ts")?)),
    Row::maybe("evidences[].process.created_time_dt", Kind::Time, "`proc.pid.ts`.", |s| text(&utc(s.fact("proc.pid.ts")?.as_u64()?))),
    Row::maybe("evidences[].process.file.path", Kind::Text, "`proc.exepath`.", |s| s.fact("proc.exepath").cloned()),
    Row::within("evidences[].process.file.name", Kind::Text, "Last part of it.", |s| text(base(s.fact_str("proc.exepath")?))),
    Row::within("evidences[].process.file.type_id", Kind::Id(&[8]), "Executable File.", |s| { s.fact("proc.exepath")?; Some(8.into()) }),
    Row::fact_text("evidences[].process.user.uid", "user.uid"),
    Row::fact("evidences[].process.user.name", Kind::Text, "user.name"),
    Row::fact("evidences[].process.parent_process.pid", Kind::Number, "proc.ppid").within_object(),
    Row::maybe("evidences[].process.parent_process.name", Kind::Text, "`proc.pname`.", |s| of_parent(s, "proc.pname")),
    Row::maybe("evidences[].process.parent_process.cmd_line", Kind::Text, "`proc.pcmdline`.", |s| of_parent(s, "proc.pcmdline")),
    Row::maybe("evidences[].process.parent_process.file.path", Kind::Text, "`proc.pexepath`.", |s| of_parent(s, "proc.pexepath")),
    Row::within("evidences[].process.parent_process.file.name", Kind::Text, "Last part of it.",
        |s| text(base(of_parent(s, "proc.pexepath")?.as_str()?))),
    Row::within("evidences[].process.parent_process.file.type_id", Kind::Id(&[8]), "Executable File.",
        |s| { of_parent(s, "proc.pexepath")?; Some(8.into()) }),
    Row::maybe("evidences[].process.ancestry", Kind::Objects(ANCESTOR), "Ancestors, nearest first.", ancestry),
    Row::maybe("evidences[].process.session.uid", Kind::Text, "Id of the exec session.", |s| text(&session(s)?.id)),
    Row::maybe("evidences[].process.session.created_time", Kind::Number, "When it began.",
        |s| milliseconds(&session(s).filter(|session| session.start != 0)?.start.into())),
    Row::maybe("evidences[].process.session.created_time_dt", Kind::Time, "The same with all digits.",
        |s| text(&utc(session(s).filter(|session| session.start != 0)?.start))),
    Row::maybe("evidences[].file.path", Kind::Text, "File as the program named it, absolute: `fs.path.name`, `fs.path.target`, or `fd.name` of a file.",
        |s| text(s.file()?)),
    Row::within("evidences[].file.name", Kind::Text, "Last part of it.", |s| text(base(s.file()?))),
    Row::within("evidences[].file.type_id", Kind::Id(&[0, 1, 2]), "`fd.type`.", |s| { s.file()?; Some(file_type(s).into()) }),
    Row::maybe("evidences[].src_endpoint.ip", Kind::Ip, "`fd.cip`; `fd.lip` where it is not known who began.", |s| Some(s.end(End::Source)?.0.clone())),
    Row::maybe("evidences[].src_endpoint.port", Kind::Port, "`fd.cport` or `fd.lport`.", |s| s.end(End::Source)?.1.cloned()),
    Row::maybe("evidences[].dst_endpoint.ip", Kind::Ip, "`fd.sip`; `fd.rip` where it is not known who began.", |s| Some(s.end(End::Destination)?.0.clone())),
    Row::maybe("evidences[].dst_endpoint.port", Kind::Port, "`fd.sport` or `fd.rport`.", |s| s.end(End::Destination)?.1.cloned()),
    Row::maybe("evidences[].connection_info.protocol_name", Kind::Text, "`fd.l4proto`.", |s| { s.ip_version()?; s.fact("fd.l4proto").cloned() }),
    Row::maybe("evidences[].connection_info.protocol_ver_id", Kind::Id(&[4, 6]), "Of the addresses.", |s| Some(s.ip_version()?.into())),
    Row::within("evidences[].connection_info.direction_id", Kind::Id(&[0, 1, 2]), "`fd.is_server`: 1 inbound, 2 outbound, 0 not known.",
        |s| { s.ip_version()?; Some(direction(s).into()) }),
];

/// Container, with its pod.
#[rustfmt::skip]
pub(super) const PLACE: &[Row] = &[
    Row::maybe("evidences[].container.uid", Kind::Text, "Whole id.", |s| text(&container(s)?.id)),
    Row::maybe("evidences[].container.name", Kind::Text, "Name.", |s| some(container(s)?.name.as_ref())),
    Row::maybe("evidences[].container.runtime", Kind::Text, "Runtime.", |s| some(container(s)?.runtime.as_ref())),
    Row::maybe("evidences[].container.image.name", Kind::Text, "Image, as given to the runtime.", |s| some(container(s)?.image.as_ref())),
    Row::within("evidences[].container.image.uid", Kind::Text, "Digest of the image, or what it is called where there is none.", image),
    Row::within("evidences[].container.hash.value", Kind::Text, "Digest of the image, where it is a SHA-256.", digest),
    Row::within("evidences[].container.hash.algorithm_id", Kind::Id(&[3]), "SHA-256.", |s| { digest(s)?; Some(3.into()) }),
    Row::maybe("evidences[].container.pod_uuid", Kind::Text, "UID of the pod.", |s| { container(s)?; some(s.pod()?.uid.as_ref()) }),
    Row::maybe("evidences[].container.orchestrator", Kind::Is("kubernetes"), "Where there is a pod.",
        |s| { container(s)?; s.pod()?; text("kubernetes") }),
];

const ANCESTOR: &[Key] = &[
    Key::new("pid", Kind::Number, Need::Within, "Process id on the host."),
    Key::new("name", Kind::Text, Need::Maybe, "`comm`."),
    Key::new("path", Kind::Text, Need::Maybe, "Path of the executable."),
    Key::new(
        "cmd_line",
        Kind::Text,
        Need::Maybe,
        "Beginning of the command line.",
    ),
];

/// The container, where it is known whose it is: evidence is never a container alone.
fn container<'a>(s: &Source<'a>) -> Option<&'a ContainerPlace> {
    s.fact("proc.pid")?;
    s.container()
}

/// The exec session, likewise.
fn session<'a>(s: &Source<'a>) -> Option<&'a SessionPlace> {
    s.fact("proc.pid")?;
    s.alert.session.as_ref()
}

fn ancestry(s: &Source<'_>) -> Option<Value> {
    s.fact("proc.pid")?;
    ancestors(s.alert, ["pid", "name", "path", "cmd_line"])
}

/// A field of the parent, if it can be told which process that is.
fn of_parent(s: &Source<'_>, field: &str) -> Option<Value> {
    s.fact("proc.ppid")?;
    s.fact(field).cloned()
}

fn milliseconds(nanoseconds: &Value) -> Option<Value> {
    Some((nanoseconds.as_u64()? / 1_000_000).into())
}

fn file_type(s: &Source<'_>) -> u64 {
    match s.fact_str("fd.type") {
        Some("file") => 1,
        Some("directory") => 2,
        _ => 0,
    }
}

fn direction(s: &Source<'_>) -> u64 {
    match s.is_server() {
        Some(true) => 1,
        Some(false) => 2,
        None => 0,
    }
}

fn image(s: &Source<'_>) -> Option<Value> {
    let container = container(s)?;
    some(container.image_digest.as_ref().or(container.image.as_ref()))
}

fn digest(s: &Source<'_>) -> Option<Value> {
    let digest = container(s)?.image_digest.as_deref()?;
    text(digest.strip_prefix("sha256:")?)
}
