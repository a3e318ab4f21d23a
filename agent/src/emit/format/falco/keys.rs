//! The keys of the line, as schema and reference tell them. A test holds them against lines.

use super::super::key::Key;
use super::super::key::Kind::{Bool, Fields, Number, Objects, OneOf, Text, Texts, Time};
use super::super::key::Need::{Always, Maybe, Within};
use super::super::severity::priorities;
use crate::emit::alert::Resolution;
use crate::emit::own;

/// In the order of the line.
#[rustfmt::skip]
pub(in crate::emit::format) const KEYS: &[Key] = &[
    Key::new("ancestry", Objects(ANCESTOR), Maybe, "Ancestors of the process, nearest first."),
    Key::new("boot_id", Text, Maybe, "What the kernel drew at random for this boot, `/proc/sys/kernel/random/boot_id`."),
    Key::new("container.id", Text, Within, "The container, where there is one: its whole id."),
    Key::new("container.image", Text, Maybe, "Image, as given to the runtime."),
    Key::new("container.image_digest", Text, Maybe, "Digest of the image."),
    Key::new("container.name", Text, Maybe, "Name."),
    Key::new("container.pod_uid", Text, Maybe, "The same as `pod.uid`."),
    Key::new("container.runtime", Text, Maybe, "Runtime."),
    Key::new("hostname", Text, Always, "Falco's: name of the host; in a pod, of the node."),
    Key::new("id", Text, Always, "Id of the line: id of the run, a dash, `seq`. Unique over runs and nodes."),
    Key::new("node", Text, Always, "Name of the node (`output.node`)."),
    Key::new("omitted", Texts, Maybe, "Keys that were left out because the line was too long."),
    Key::new("output", Text, Always, "Falco's: local time, priority, and the rule's output."),
    Key::new("output_fields", Fields, Maybe, "Falco's: the fields that the rule's output names, and `evt.time`; of own events, `komainu.*`."),
    Key::new("pod.name", Text, Maybe, "The pod, as far as it is known: its name."),
    Key::new("pod.namespace", Text, Maybe, "Namespace."),
    Key::new("pod.owner_kind", Text, Maybe, "Kind of what stands behind it, `Deployment`."),
    Key::new("pod.owner_name", Text, Maybe, "Name of that."),
    Key::new("pod.uid", Text, Maybe, "UID."),
    Key::new("priority", OneOf(priorities), Always, "Falco's."),
    Key::new("resolution", OneOf(|| Resolution::ALL.iter().map(|r| r.name()).collect()), Maybe,
        "How far container and pod are known, or why not. Own events have none."),
    Key::new("resolution_detail", Text, Maybe, "More on why not."),
    Key::new("resolved_path", Text, Maybe, "The kernel's path of the file, where it is not the one that the program asked for."),
    Key::new("rule", Text, Always, "Falco's: name of the rule; of own events `Komainu` and what happened."),
    Key::new("rules_hash", Text, Maybe, "Hash of the rule set that judged; own events have none."),
    Key::new("schema", Number, Always, "Version of this schema, 1. Keys may be added under the same number; a change of meaning or a removal raises it."),
    Key::new("seq", Number, Always, "Number of the line in this run of the agent, from 1, without gaps."),
    Key::new("session.cmdline", Text, Within, "The exec session, where it happened in one: beginning of its root's command line."),
    Key::new("session.exepath", Text, Within, "Executable of its root."),
    Key::new("session.id", Text, Within, "Id of the session."),
    Key::new("session.kind", Text, Within, "`exec`."),
    Key::new("session.name", Text, Within, "Name of its root (`comm`)."),
    Key::new("session.pid", Number, Within, "Process id of its root on the host."),
    Key::new("session.start", Time, Maybe, "When it began."),
    Key::new("session.tty", Bool, Within, "Its root had a terminal."),
    Key::new("session.uid", Number, Within, "User of its root."),
    Key::new("source", OneOf(|| vec![own::SOURCE, "syscall"]), Always, "Falco's: `syscall`; of own events `komainu`."),
    Key::new("tags", Texts, Always, "Falco's: tags of the rule, sorted."),
    Key::new("time", Time, Always, "Falco's: time of the event."),
    Key::new("truncated", Bool, Maybe, "true where texts of the event were longer than a record holds, or could not be read whole."),
];

const ANCESTOR: &[Key] = &[
    Key::new("cmdline", Text, Within, "Beginning of the command line."),
    Key::new(
        "exepath",
        Text,
        Within,
        "Path of the executable; empty where unknown.",
    ),
    Key::new("name", Text, Within, "`comm`."),
    Key::new("pid", Number, Within, "Process id on the host."),
];
