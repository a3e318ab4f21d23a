//! Fields of the container: `container.*`.
//!
//! In a container of which the runtime has told nothing, all but id, type and times are absent. The kernel's filter
//! relies on what they are on the host (`rules::plan`).

use super::FieldType::{Bool, Duration, Text, Time};
use super::{ArgKind, Availability, Field, FieldArg, FieldValue, Scope, labels};
use crate::event::{Container, ContainerDetails, Membership, Mount};

const HEALTH: Availability = Availability::Never(
    "CRI knows no health checks, and the command of a probe may be anybody's: see docs/exec-sessions.md",
);
const CNI: Availability =
    Availability::Never("part of the runtime's debugging output, which has no stable form");

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("container.id", Text, |s, _| id(s, Container::short_id),
        "First 12 characters of the container id; `host` outside of containers.").suggested(),
    Field::one("container.full_id", Text, |s, _| id(s, |container| &container.id), "Whole container id; `host` outside of containers."),
    Field::one("container.name", Text, |s, _| detail(s, "host", |d| &d.name), "Name of the container; `host` outside of containers.").suggested(),
    Field::one("container.image", Text, |s, _| detail(s, "", |d| &d.image), "Image as given to the runtime; empty on the host."),
    Field::one("container.image.id", Text, |s, _| detail(s, "", |d| &d.image_id), "Id of the image; empty on the host."),
    Field::one("container.image.repository", Text, |s, _| detail(s, "", |d| &d.image_repository),
        "Image name without tag and digest; empty on the host.").suggested(),
    Field::one("container.image.tag", Text, |s, _| detail(s, "", |d| &d.image_tag), "Image tag; empty on the host.").suggested(),
    Field::one("container.image.digest", Text, |s, _| detail(s, "", |d| &d.image_digest),
        "Digest of the image in its registry, `sha256:...`; empty on the host."),
    Field::one("container.type", Text, |s, _| runtime(s), "Runtime that manages the container; `host` outside."),
    Field::one("container.privileged", Bool, |s, _| flag(s, |d| d.privileged), "Whether the container runs privileged; false on the host."),
    Field::one("container.mounts", Text, |s, _| mounts(s), "Mounts as `source:dest:mode:rdrw:propagation`, joined with commas."),
    Field::one("container.mount", Text, |s, a| by_source(s, a).map(|m| FieldValue::Bytes(mount_text(s, m))),
        "One mount, by number or source (a glob).").arg(ArgKind::Required),
    Field::one("container.mount.source", Text, |s, a| by_destination(s, a).map(|m| FieldValue::text(&m.source)),
        "Source of a mount, by number or destination (a glob).").arg(ArgKind::Required),
    Field::one("container.mount.dest", Text, |s, a| by_source(s, a).map(|m| FieldValue::text(&m.destination)),
        "Destination of a mount, by number or source (a glob).").arg(ArgKind::Required),
    Field::one("container.mount.mode", Text, |s, a| by_source(s, a).map(|m| FieldValue::text(&m.mode)),
        "Options of a mount, by number or source (a glob).").arg(ArgKind::Required),
    Field::one("container.mount.rdwr", Text, |s, a| by_source(s, a).map(|m| FieldValue::text(if m.writable { "true" } else { "false" })),
        "Whether a mount is writable, by number or source (a glob).").arg(ArgKind::Required),
    Field::one("container.mount.propagation", Text, |s, a| by_source(s, a).map(|m| FieldValue::text(&m.propagation)),
        "Propagation of a mount, by number or source (a glob).").arg(ArgKind::Required),
    Field::one("container.start_ts", Time, |s, _| started(s).map(FieldValue::Uint), "When init of the pid namespace started."),
    Field::one("container.duration", Duration, |s, _| started(s).map(|t| FieldValue::Uint(s.event.time.saturating_sub(t))),
        "Nanoseconds since `container.start_ts`."),
    Field::one("container.created", Time, |s, _| details(s).map(|d| d.created).filter(|time| *time != 0).map(FieldValue::Uint),
        "When the runtime made the container."),
    Field::absent("container.healthcheck", Text, HEALTH, "Health check command."),
    Field::absent("container.liveness_probe", Text, HEALTH, "Liveness probe command."),
    Field::absent("container.readiness_probe", Text, HEALTH, "Readiness probe command."),
    Field::one("container.ip", Text, |s, _| address(s), "Address of the container, which in a pod is that of the pod."),
    Field::absent("container.cni.json", Text, CNI, "CNI result of the container."),
    Field::one("container.host_pid", Bool, |s, _| flag(s, |d| d.host_pid),
        "Whether the container shares the host's pid namespace; false on the host."),
    Field::one("container.host_network", Bool, |s, _| flag(s, |d| d.host_network),
        "Whether it shares the host's network; false on the host."),
    Field::one("container.host_ipc", Bool, |s, _| flag(s, |d| d.host_ipc),
        "Whether it shares the host's IPC namespace; false on the host."),
    Field::one("container.labels", Text, |s, _| details(s).map(|d| labels::joined(s, &d.labels)),
        "Labels of the container, `key:value` joined with a comma and a blank, without `io.kubernetes.*`."),
    Field::one("container.label", Text, |s, a| labels::one(&details(s)?.labels, a),
        "One label of the container, its key behind a dot or in brackets.").arg(ArgKind::Suffix),
];

fn id<'a>(scope: &Scope<'a>, read: fn(&Container) -> &str) -> Option<FieldValue<'a>> {
    match scope.membership() {
        Membership::Host => Some(FieldValue::text("host")),
        Membership::Container(container) => Some(FieldValue::text(read(container))),
        Membership::Unknown => None,
    }
}

fn runtime<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    match scope.membership() {
        Membership::Host => Some(FieldValue::text("host")),
        Membership::Container(container) => container.runtime.as_deref().map(FieldValue::text),
        Membership::Unknown => None,
    }
}

fn details<'a>(scope: &Scope<'a>) -> Option<&'a ContainerDetails> {
    match scope.membership() {
        Membership::Container(container) => container.details.as_ref(),
        _ => None,
    }
}

fn detail<'a>(
    scope: &Scope<'a>,
    on_host: &'static str,
    read: fn(&ContainerDetails) -> &str,
) -> Option<FieldValue<'a>> {
    match scope.membership() {
        Membership::Host => Some(FieldValue::text(on_host)),
        _ => details(scope).map(|details| FieldValue::text(read(details))),
    }
}

fn flag<'a>(
    scope: &Scope<'a>,
    read: fn(&ContainerDetails) -> Option<bool>,
) -> Option<FieldValue<'a>> {
    match scope.membership() {
        Membership::Host => Some(FieldValue::Bool(false)),
        _ => read(details(scope)?).map(FieldValue::Bool),
    }
}

/// Containers of a pod have its address, which the runtime tells for the pod only.
fn address<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let Membership::Container(container) = scope.membership() else {
        return None;
    };
    let own = container.details.as_ref().map(|details| &*details.ip);
    let of_pod = || container.pod.as_ref()?.ip.as_deref();
    own.filter(|ip| !ip.is_empty())
        .or_else(of_pod)
        .map(FieldValue::text)
}

fn mount_text<'a>(scope: &Scope<'a>, mount: &Mount) -> &'a [u8] {
    let Mount {
        source,
        destination,
        mode,
        writable,
        propagation,
    } = mount;
    scope.format(format_args!(
        "{source}:{destination}:{mode}:{writable}:{propagation}"
    ))
}

fn mounts<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    for mount in &details(scope)?.mounts {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(mount_text(scope, mount));
    }
    Some(FieldValue::Bytes(out.into_bump_slice()))
}

fn by_source<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<&'a Mount> {
    mount(scope, arg, |mount| &mount.source)
}

fn by_destination<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<&'a Mount> {
    mount(scope, arg, |mount| &mount.destination)
}

/// The mount that an argument names: its number, or a glob over one of its paths.
fn mount<'a>(scope: &Scope<'a>, arg: &FieldArg, path: fn(&Mount) -> &str) -> Option<&'a Mount> {
    let mounts = &details(scope)?.mounts;
    match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => mounts.get(usize::try_from(*index).ok()?),
        FieldArg::Key(glob) => mounts.iter().find(|mount| matches_glob(glob, path(mount))),
    }
}

/// Glob with `*` and `?` only, as mount arguments use it; linear in the product of both lengths.
fn matches_glob(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut at, mut pos, mut star) = (0, 0, None);
    while pos < text.len() {
        match glob.get(at) {
            Some(b'*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == text.get(pos) => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((star_at, star_pos)) = star else {
                    return false;
                };
                star = Some((star_at, star_pos + 1));
                at = star_at + 1;
                pos = star_pos + 1;
            }
        }
    }
    glob.iter().skip(at).all(|byte| *byte == b'*')
}

fn started(scope: &Scope<'_>) -> Option<u64> {
    Some(scope.process()?.pidns_init_time).filter(|time| *time != 0)
}
