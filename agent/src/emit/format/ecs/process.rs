//! Who did it to what: process, user, file, connection.

use serde_json::Value;

use super::super::key::{Kind, Row};
use super::super::source::{End, Source, base, brief, directory, text, texts};
use crate::emit::alert::SessionPlace;
use crate::emit::stream::utc;

const FILE_TYPES: fn() -> Vec<&'static str> = || vec!["dir", "file"];
const DIRECTIONS: fn() -> Vec<&'static str> = || vec!["egress", "ingress"];
const FAMILIES: fn() -> Vec<&'static str> = || vec!["ipv4", "ipv6"];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row::fact("process.pid", Kind::Number, "proc.pid"),
    Row::fact("process.vpid", Kind::Number, "proc.vpid"),
    Row::fact("process.name", Kind::Text, "proc.name"),
    Row::fact("process.executable", Kind::Text, "proc.exepath"),
    Row::fact("process.command_line", Kind::Text, "proc.cmdline"),
    Row::maybe("process.args", Kind::Texts, "Arguments from `argv[0]`, at most 64; left out where a secret is among them.",
        |s| texts(s.args().iter().map(String::as_str))),
    Row::fact("process.working_directory", Kind::Text, "proc.cwd"),
    Row::maybe("process.start", Kind::Time, "`proc.pid.ts`.", |s| text(&utc(s.fact("proc.pid.ts")?.as_u64()?))),
    Row::fact("process.thread.id", Kind::Number, "thread.tid"),
    Row::fact_text("process.user.id", "user.uid"),
    Row::fact("process.user.name", Kind::Text, "user.name"),
    Row::fact("process.parent.pid", Kind::Number, "proc.ppid"),
    Row::fact("process.parent.name", Kind::Text, "proc.pname"),
    Row::fact("process.parent.executable", Kind::Text, "proc.pexepath"),
    Row::fact("process.parent.command_line", Kind::Text, "proc.pcmdline"),
    Row::maybe("process.entry_leader.pid", Kind::Number, "Root of the exec session.", |s| Some(session(s)?.root.pid.into())),
    Row::maybe("process.entry_leader.name", Kind::Text, "Its name.", |s| known(&session(s)?.root.name, 0)),
    Row::maybe("process.entry_leader.executable", Kind::Text, "Its executable.", |s| known(&session(s)?.root.exepath, 0)),
    Row::maybe("process.entry_leader.command_line", Kind::Text, "Beginning of its command line.",
        |s| { let root = &session(s)?.root; known(&root.cmdline, root.missing) }),
    Row::maybe("process.entry_leader.interactive", Kind::Bool, "It had a terminal.", |s| Some(session(s)?.tty.into())),
    Row::maybe("process.entry_leader.start", Kind::Time, "When it began.",
        |s| text(&utc(Some(session(s)?.start).filter(|start| *start != 0)?))),
    Row::maybe("process.entry_leader.user.id", Kind::Text, "Its user.", |s| text(&session(s)?.uid.to_string())),
    Row::maybe("process.entry_leader.entry_meta.type", Kind::Is("container"), "Constant.", |s| { session(s)?; text("container") }),
    Row::fact_text("user.id", "user.uid"),
    Row::fact("user.name", Kind::Text, "user.name"),
    Row::fact_text("user.group.id", "group.gid"),
    Row::fact("user.group.name", Kind::Text, "group.name"),
    Row::maybe("file.path", Kind::Text, "File as the program named it, absolute: `fs.path.name`, `fs.path.target`, or `fd.name` of a file.",
        |s| text(s.file()?)),
    Row::maybe("file.name", Kind::Text, "Last part of it.", |s| text(base(s.file()?))),
    Row::maybe("file.directory", Kind::Text, "The rest.", |s| text(&directory(s.file()?)?)),
    Row::maybe("file.target_path", Kind::Text, "`resolved_path`: the kernel's path of the file, where it is another.",
        |s| { s.file()?; text(s.alert.resolved_path.as_deref()?) }),
    Row::maybe("file.type", Kind::OneOf(FILE_TYPES), "`fd.type`.", |s| { s.file()?; file_type(s) }),
    Row::maybe("file.inode", Kind::Text, "`fd.ino`.", |s| { s.file()?; text(&s.fact("fd.ino")?.to_string()) }),
    Row::maybe("source.ip", Kind::Ip, "`fd.cip`; `fd.lip` where it is not known who began.", |s| Some(s.end(End::Source)?.0.clone())),
    Row::maybe("source.port", Kind::Port, "`fd.cport` or `fd.lport`.", |s| s.end(End::Source)?.1.cloned()),
    Row::maybe("destination.ip", Kind::Ip, "`fd.sip`; `fd.rip` where it is not known who began.", |s| Some(s.end(End::Destination)?.0.clone())),
    Row::maybe("destination.port", Kind::Port, "`fd.sport` or `fd.rport`.", |s| s.end(End::Destination)?.1.cloned()),
    Row::fact("network.transport", Kind::Text, "fd.l4proto"),
    Row::maybe("network.type", Kind::OneOf(FAMILIES), "Of the addresses.",
        |s| text(if s.ip_version()? == 4 { "ipv4" } else { "ipv6" })),
    Row::maybe("network.direction", Kind::OneOf(DIRECTIONS), "`fd.is_server`, as the host sees it.",
        |s| text(if s.is_server()? { "ingress" } else { "egress" })),
];

fn session<'a>(s: &Source<'a>) -> Option<&'a SessionPlace> {
    s.alert.session.as_ref()
}

fn known(text: &str, missing: usize) -> Option<Value> {
    (!text.is_empty()).then(|| brief(text, missing))
}

fn file_type(s: &Source<'_>) -> Option<Value> {
    match s.fact_str("fd.type")? {
        "file" => text("file"),
        "directory" => text("dir"),
        _ => None,
    }
}
