//! What happened, and the rule that says so.

use serde_json::{Value, json};

use super::super::attack;
use super::super::key::{Key, Kind, Need, Row};
use super::super::severity;
use super::super::source::{Source, ancestors, fields, some, text, texts};
use crate::emit::alert::{Resolution, SCHEMA};
use crate::emit::own;

const KINDS: fn() -> Vec<&'static str> = || vec!["alert", "event", "state", "pipeline_error"];
const CATEGORIES: fn() -> Vec<&'static str> = || {
    vec![
        "configuration",
        "driver",
        "file",
        "host",
        "network",
        "process",
        "session",
    ]
};
const TYPES: fn() -> Vec<&'static str> = || {
    vec![
        "access",
        "change",
        "connection",
        "creation",
        "deletion",
        "end",
        "info",
        "start",
    ]
};
const OUTCOMES: fn() -> Vec<&'static str> = || vec!["failure", "success", "unknown"];
const DATASETS: fn() -> Vec<&'static str> = || vec!["komainu.agent", "komainu.alert"];
const LEVELS: fn() -> Vec<&'static str> = || {
    vec![
        "emergency",
        "alert",
        "critical",
        "error",
        "warning",
        "notice",
        "informational",
        "debug",
    ]
};

/// Keys that ECS has.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row::always("@timestamp", Kind::Time, "Time of the event.", |s| text(s.stamp.time)),
    Row::always("ecs.version", Kind::Is(super::VERSION), "Version of the schema.", |_| text(super::VERSION)),
    Row::always("event.kind", Kind::OneOf(KINDS),
        "`alert` for rules; of own events `pipeline_error` where something is missing, `state` where something is not watched, else `event`.",
        |s| text(s.own().map_or("alert", |own| of_own(own).0))),
    Row::always("event.category", Kind::SomeOf(CATEGORIES), "From the type of the event.", |s| texts([classes(s).0])),
    Row::always("event.type", Kind::SomeOf(TYPES), "From the type of the event; of opened files from how they were opened.",
        |s| texts(classes(s).1.iter().copied())),
    Row::maybe("event.action", Kind::Text, "`evt.type`; of own events what happened, `komainu.event`.",
        |s| text(s.own().or_else(|| s.fact_str("evt.type"))?)),
    Row::maybe("event.outcome", Kind::OneOf(OUTCOMES), "From `evt.res`.", outcome),
    Row::maybe("event.reason", Kind::Text, "Name of the error of a call that failed.",
        |s| text(s.fact_str("evt.res").filter(|result| *result != "SUCCESS")?)),
    Row::always("event.id", Kind::Text, "`id`: unique over runs and nodes.", |s| text(s.stamp.id)),
    Row::always("event.sequence", Kind::Number, "`seq`: number of the line in this run, without gaps.", |s| Some(s.stamp.seq.into())),
    Row::always("event.severity", Kind::Number, "Severity as in syslog: 0 is the most serious, 7 the least.",
        |s| Some(severity::syslog(s.alert.priority).into())),
    Row::always("event.module", Kind::Is("komainu"), "Constant.", |_| text("komainu")),
    Row::always("event.dataset", Kind::OneOf(DATASETS), "Alerts of rules, or what the agent says of itself.",
        |s| text(if s.own().is_some() { "komainu.agent" } else { "komainu.alert" })),
    Row::always("event.provider", Kind::OneOf(|| vec![own::SOURCE, "syscall"]), "`source`.", |s| text(s.alert.source)),
    Row::always("log.level", Kind::OneOf(LEVELS), "Priority, in small letters.", |s| text(&s.alert.priority.to_lowercase())),
    Row::always("log.syslog.severity.code", Kind::Number, "The same as `event.severity`.",
        |s| Some(severity::syslog(s.alert.priority).into())),
    Row::always("message", Kind::Text, "The rule's output.", |s| text(&s.alert.message)),
    Row::maybe("tags", Kind::Texts, "Tags of the rule.", |s| texts(s.alert.tags.iter().map(String::as_str))),
    Row::maybe("error.message", Kind::Text, "What was wrong with rules that were not loaded.", |s| text(s.own_field("komainu.error")?)),
    Row::maybe("rule.name", Kind::Text, "Name of the rule; own events have none.",
        |s| text(s.own().is_none().then_some(&s.alert.rule)?)),
    Row::maybe("rule.description", Kind::Text, "What the rule is for.",
        |s| text(&s.alert.facts.as_ref().filter(|facts| !facts.description.is_empty())?.description)),
    Row::maybe("rule.ruleset", Kind::Is("komainu"), "Constant.", |s| text(s.own().is_none().then_some("komainu")?)),
    Row::maybe("rule.version", Kind::Text, "Hash of the rule set that judged.", |s| text(s.alert.rules_hash.as_deref()?)),
    Row::maybe("threat.framework", Kind::Is("MITRE ATT&CK"), "Where tags name tactics or techniques.",
        |s| text((!attack::tactics(&s.alert.tags).is_empty() || !attack::techniques(&s.alert.tags).is_empty()).then_some("MITRE ATT&CK")?)),
    Row::maybe("threat.tactic.id", Kind::Texts, "Tags such as `mitre_execution` and `TA0002`.",
        |s| texts(attack::tactics(&s.alert.tags).iter().map(|tactic| tactic.id))),
    Row::maybe("threat.tactic.name", Kind::Texts, "Their names.",
        |s| texts(attack::tactics(&s.alert.tags).iter().map(|tactic| tactic.name))),
    Row::maybe("threat.technique.id", Kind::Texts, "Tags such as `T1059`; of `T1059.004` the part before the dot.", techniques),
    Row::maybe("threat.technique.subtechnique.id", Kind::Texts, "Tags such as `T1059.004`.",
        |s| texts(attack::techniques(&s.alert.tags).iter().filter_map(|technique| technique.sub))),
];

/// What ECS has no key for.
#[rustfmt::skip]
pub(super) const OWN: &[Row] = &[
    Row::always("komainu.schema", Kind::Number, "Version of the alert schema.", |_| Some(SCHEMA.into())),
    Row::always("komainu.priority", Kind::OneOf(severity::priorities), "Priority, as Falco spells it.", |s| text(s.alert.priority)),
    Row::maybe("komainu.output_fields", Kind::Fields, "Fields that the rule's output names. Map it as `flattened`.", |s| fields(&s.alert.fields)),
    Row::maybe("komainu.resolution", Kind::OneOf(|| Resolution::ALL.iter().map(|r| r.name()).collect()),
        "How far container and pod are known.", |s| text(s.alert.place.resolution?.name())),
    Row::maybe("komainu.resolution_detail", Kind::Text, "More on why not.", |s| some(s.alert.place.resolution_detail.as_ref())),
    Row::maybe("komainu.pod.owner_name", Kind::Text, "Name of what stands behind the pod; its kind is `orchestrator.resource.parent.type`.",
        |s| some(s.pod()?.owner_name.as_ref())),
    Row::maybe("komainu.session.id", Kind::Text, "Id of the exec session; its root is `process.entry_leader`.",
        |s| text(&s.alert.session.as_ref()?.id)),
    Row::within("komainu.session.kind", Kind::Text, "`exec`.", |s| text(s.alert.session.as_ref()?.kind)),
    Row::maybe("komainu.ancestry", Kind::Objects(ANCESTOR), "Ancestors of the process, nearest first.", ancestry),
    Row::maybe("komainu.truncated", Kind::Bool, "Texts of the event were longer than a record holds.",
        |s| s.alert.truncated.then_some(true.into())),
    Row::maybe("komainu.omitted", Kind::Texts, "Keys that were left out because the line was too long.", |_| None),
];

const ANCESTOR: &[Key] = &[
    Key::new("pid", Kind::Number, Need::Within, "Process id on the host."),
    Key::new("name", Kind::Text, Need::Maybe, "`comm`."),
    Key::new(
        "executable",
        Kind::Text,
        Need::Maybe,
        "Path of the executable.",
    ),
    Key::new(
        "command_line",
        Kind::Text,
        Need::Maybe,
        "Beginning of the command line.",
    ),
];

fn ancestry(s: &Source<'_>) -> Option<Value> {
    ancestors(s.alert, ["pid", "name", "executable", "command_line"])
}

fn techniques(s: &Source<'_>) -> Option<Value> {
    let mut ids: Vec<&str> = attack::techniques(&s.alert.tags)
        .iter()
        .map(|technique| technique.id)
        .collect();
    ids.dedup();
    texts(ids)
}

fn outcome(s: &Source<'_>) -> Option<Value> {
    match s.own() {
        Some("reload_failed") => Some(json!("failure")),
        Some(_) => None,
        None => match s.fact_str("evt.res") {
            Some("SUCCESS") => Some(json!("success")),
            Some(_) => Some(json!("failure")),
            None => Some(json!("unknown")),
        },
    }
}

/// Category and types.
fn classes(s: &Source<'_>) -> (&'static str, &'static [&'static str]) {
    if let Some(own) = s.own() {
        let (_, category, types) = of_own(own);
        return (category, types);
    }
    let ty = s.fact_str("evt.type").unwrap_or_default();
    match ty {
        "sessionend" => ("session", &["end"]),
        "init_module" | "finit_module" => ("driver", &["start"]),
        "delete_module" => ("driver", &["end"]),
        _ => match s.fact_str("evt.category") {
            Some("file") => ("file", of_file(s, ty)),
            Some("net") => ("network", of_network(ty)),
            _ => ("process", of_process(ty)),
        },
    }
}

fn of_file(s: &Source<'_>, ty: &str) -> &'static [&'static str] {
    match ty {
        _ if s.is("evt.is_open_create") => &["creation"],
        _ if s.is("evt.is_open_write") => &["change"],
        "open" | "openat" | "openat2" | "creat" | "open_by_handle_at" | "read" => &["access"],
        "unlink" | "unlinkat" | "rmdir" => &["deletion"],
        "mkdir" | "mkdirat" | "mknod" | "mknodat" | "link" | "linkat" | "symlink" | "symlinkat"
        | "memfd_create" => &["creation"],
        _ if ty.starts_with("rename") || ty.contains("chmod") || ty.contains("chown") => {
            &["change"]
        }
        "mount" | "umount" | "umount2" | "move_mount" | "fsconfig" | "pivot_root" | "pwrite" => {
            &["change"]
        }
        _ => &["info"],
    }
}

fn of_network(ty: &str) -> &'static [&'static str] {
    match ty {
        "connect" | "accept" | "accept4" => &["connection", "start"],
        "shutdown" => &["connection", "end"],
        _ if ty.starts_with("send") || ty.starts_with("recv") => &["connection"],
        _ => &["info"],
    }
}

fn of_process(ty: &str) -> &'static [&'static str] {
    match ty {
        "execve" | "execveat" | "clone" | "clone3" | "fork" | "vfork" => &["start"],
        "procexit" => &["end"],
        "ptrace" | "process_vm_writev" | "pidfd_getfd" => &["access"],
        "setns" | "unshare" | "setsid" | "prctl" | "capset" => &["change"],
        _ if ty.starts_with("set") => &["change"],
        _ => &["info"],
    }
}

/// Kind, category and types of an own event.
fn of_own(event: &str) -> (&'static str, &'static str, &'static [&'static str]) {
    match event {
        "started" => ("event", "process", &["start"]),
        "stopped" => ("event", "process", &["end"]),
        "reloaded" | "reload_failed" => ("event", "configuration", &["change"]),
        "degraded" | "coverage_lost" | "coverage_restored" => ("state", "host", &["info"]),
        "throttled" => ("event", "host", &["info"]),
        _ => ("pipeline_error", "host", &["info"]),
    }
}
