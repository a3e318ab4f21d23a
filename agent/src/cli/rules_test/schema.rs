//! JSON Schema of test files. Its keys are those of the types in `case`; a test compares them.

use serde_json::{Value, json};

use super::record::{OPEN_FACTS, OPEN_FLAGS};
use crate::event::event_types;

/// The schema (draft 2020-12) of a file of rule tests.
pub(in crate::cli) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule tests",
        "description": "Events, and the rules that must hold for them.",
        "type": "object",
        "properties": {
            "rules": texts("Rule files in loading order, relative to this file."),
            "tests": { "type": "array", "items": { "$ref": "#/$defs/test" } },
        },
        "additionalProperties": false,
        "required": ["rules", "tests"],
        "$defs": {
            "test": test(),
            "event": event(),
            "process": process(),
            "container": container(),
            "mount": mount(),
            "pod": pod(),
            "owner": object(&["kind", "name"], &json!({ "kind": text("k8s.owner.kind"), "name": text("k8s.owner.name") })),
            "session": session(),
            "file": file(),
            "socket": socket(),
        },
    })
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "required": required,
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX, "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn one_of(names: &[&str], description: &str) -> Value {
    json!({ "enum": names, "description": description })
}

fn test() -> Value {
    object(
        &["test", "event", "expect"],
        &json!({
            "test": text("What is tried, unique in the file."),
            "event": { "$ref": "#/$defs/event" },
            "process": { "$ref": "#/$defs/process" },
            "parents": { "type": "array", "items": { "$ref": "#/$defs/process" },
                "description": "Ancestors, nearest first." },
            "container": { "$ref": "#/$defs/container" },
            "pod": { "$ref": "#/$defs/pod" },
            "session": { "$ref": "#/$defs/session" },
            "file": { "$ref": "#/$defs/file" },
            "socket": { "$ref": "#/$defs/socket" },
            "expect": texts("Names of exactly the rules that hold."),
            "output": texts("Texts, each in the output of one of the expected rules."),
        }),
    )
}

fn event() -> Value {
    let delivered = event_types().filter(|ty| ty.is_delivered());
    let names: Vec<&str> = delivered.map(|ty| ty.name).collect();
    object(
        &["type"],
        &json!({
            "type": one_of(&names, "Event type, as in evt.type."),
            "result": { "type": ["integer", "string"],
                "description": "Return value: a number, or the name of an error such as EACCES." },
            "args": { "type": "object", "description": "Parameters of a system call, as in evt.arg.",
                "additionalProperties": {
                    "type": ["integer", "string", "array"], "items": { "type": "string" },
                    "description": "A number, a text, or names of flags." } },
        }),
    )
}

fn process() -> Value {
    object(
        &[],
        &json!({
            "name": text("proc.name; `test` if left out."),
            "exepath": text("proc.exepath; /usr/bin/ and the name if left out."),
            "exe": text("argv[0]; the name if left out."),
            "args": texts("Arguments after argv[0]."),
            "cwd": text("Current directory; / if left out."),
            "pid": number("Process id; 1000 if left out."),
            "vpid": number("Process id in the container; the pid if left out."),
            "uid": number("User id; 0 if left out."),
            "gid": number("Group id; 0 if left out."),
            "loginuid": number("Login user id; unset if left out."),
            "user": text("Name of the user id."),
            "tty": number("Device number of the terminal, 0 for none."),
            "layer": one_of(&["upper", "lower"], "Layer of the executable on an overlay."),
            "memfd": flag("The executable is only in memory."),
        }),
    )
}

fn container() -> Value {
    object(
        &["id"],
        &json!({
            "id": text("First 12 digits of the id."),
            "name": text("container.name"),
            "image": text("Image without tag."),
            "tag": text("Tag of the image."),
            "digest": text("Digest of the image."),
            "privileged": flag("Runs privileged."),
            "host_pid": flag("Shares the host's pid namespace."),
            "host_network": flag("Shares the host's network."),
            "host_ipc": flag("Shares the host's IPC namespace."),
            "labels": labels("container.label"),
            "mounts": { "type": "array", "items": { "$ref": "#/$defs/mount" }, "description": "Its mounts." },
        }),
    )
}

fn mount() -> Value {
    object(
        &["source", "destination"],
        &json!({
            "source": text("Path on the host."),
            "destination": text("Path in the container."),
            "read_only": flag("Cannot be written to."),
        }),
    )
}

fn pod() -> Value {
    object(
        &[],
        &json!({
            "name": text("k8s.pod.name"),
            "namespace": text("k8s.ns.name"),
            "uid": text("k8s.pod.uid"),
            "ip": text("k8s.pod.ip"),
            "labels": labels("k8s.pod.labels"),
            "annotations": labels("k8s.pod.annotations"),
            "owner": { "$ref": "#/$defs/owner" },
            "service_account": text("k8s.sa.name"),
            "namespace_labels": labels("k8s.ns.labels"),
            "node_labels": labels("k8s.node.labels"),
        }),
    )
}

fn labels(description: &str) -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": description })
}

fn session() -> Value {
    object(
        &[],
        &json!({
            "id": text("session.id; `0` if left out."),
            "tty": flag("Its root command had a terminal."),
            "root": { "$ref": "#/$defs/process" },
            "commands": texts("Command lines run in it so far."),
            "processes": number("Processes in it so far; 1 if left out."),
            "alerts": number("Alerts about it so far."),
            "status": number("Exit status of the root command; it runs if left out."),
            "partial": flag("It began before the agent."),
        }),
    )
}

fn file() -> Value {
    let flags = OPEN_FLAGS.iter().chain(OPEN_FACTS);
    let names: Vec<&str> = flags.map(|(name, _)| *name).collect();
    object(
        &["name"],
        &json!({
            "name": text("Path as the program asked for it."),
            "resolved": text("The kernel's path; the name if left out."),
            "flags": { "type": "array", "items": { "enum": names },
                "description": "As in evt.arg.flags." },
            "mode": number("Mode of a file that is created."),
        }),
    )
}

fn socket() -> Value {
    object(
        &["family"],
        &json!({
            "family": one_of(&["ipv4", "ipv6", "unix", "netlink", "packet"], "Address family."),
            "type": one_of(&["tcp", "udp", "stream", "dgram", "raw"],
                "Type; tcp, or stream for others than IP, if left out."),
            "local": text("Own address:port, IPv6 in brackets."),
            "peer": text("Peer's address:port, IPv6 in brackets."),
            "path": text("Path of a unix socket's peer; of a listening one, its own."),
            "role": one_of(&["client", "server"],
                "Which end sends or receives; client if left out."),
            "data": text("Data that is sent or received."),
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{case, identity, session};
    use super::*;

    /// The keys that a type reads, from what it says about an unknown one.
    fn keys<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let error = serde_json::from_value::<T>(json!({ "?": 0 }))
            .err()
            .unwrap();
        let text = error.to_string();
        let (_, expected) = text.split_once("expected ").unwrap();
        let mut keys: Vec<String> = expected
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        keys.sort();
        keys
    }

    fn properties(schema: &Value) -> Vec<String> {
        let mut keys: Vec<String> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn keys_are_those_that_are_read() {
        let schema = schema();
        let defs = &schema["$defs"];
        assert_eq!(properties(&schema), keys::<case::TestFile>());
        assert_eq!(properties(&defs["test"]), keys::<case::Case>());
        assert_eq!(properties(&defs["event"]), keys::<case::EventFacts>());
        assert_eq!(properties(&defs["process"]), keys::<case::ProcessFacts>());
        assert_eq!(
            properties(&defs["container"]),
            keys::<identity::ContainerFacts>()
        );
        assert_eq!(properties(&defs["mount"]), keys::<identity::MountFacts>());
        assert_eq!(properties(&defs["pod"]), keys::<identity::PodFacts>());
        assert_eq!(properties(&defs["owner"]), keys::<identity::OwnerFacts>());
        assert_eq!(
            properties(&defs["session"]),
            keys::<session::SessionFacts>()
        );
        assert_eq!(properties(&defs["file"]), keys::<case::FileFacts>());
        assert_eq!(properties(&defs["socket"]), keys::<case::SocketFacts>());
    }
}
