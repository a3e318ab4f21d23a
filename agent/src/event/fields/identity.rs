//! Fields of who: `user.*`, `group.*`, `container.*`, `k8s.*`.

use super::FieldType::{Bool, Duration, Int64, Text, Time, Uint32};
use super::{ArgKind, Availability, Field, FieldArg, FieldValue, Scope};
use crate::event::{Container, ContainerDetails, Membership, Mount, Pod, User};

/// What details of containers wait for.
const RUNTIME: &str = "the container runtime's answer (CRI)";
const LATER: Availability = Availability::Later(RUNTIME);
const GONE: Availability =
    Availability::Never("not delivered by the reference implementation either");

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("user.uid", Uint32, |s, _| Some(FieldValue::Uint(s.event.task.euid.into())), "Effective user id."),
    Field::one("user.name", Text, |s, _| Some(user_name(s, s.event.task.euid)),
        "Name of the effective user in the passwd file the process sees; uid 0 is always root; else the text `<NA>`."),
    Field::one("user.homedir", Text, |s, _| Some(account(s, |user| user.home)), "Home directory of the user; `<NA>` if unknown."),
    Field::one("user.shell", Text, |s, _| Some(account(s, |user| user.shell)), "Login shell of the user; `<NA>` if unknown."),
    Field::one("user.loginuid", Int64, |s, _| Some(login_id(s)), "Audit user id: who logged in; -1 if unset."),
    Field::one("user.loginname", Text, |s, _| Some(user_name(s, s.event.task.loginuid)), "Name of `user.loginuid`."),
    Field::one("group.gid", Uint32, |s, _| Some(FieldValue::Uint(s.event.task.egid.into())), "Effective group id."),
    Field::one("group.name", Text, |s, _| Some(group_name(s)), "Name of the effective group; gid 0 is always root; else the text `<NA>`."),
    Field::one("container.id", Text, |s, _| id(s, Container::short_id),
        "First 12 characters of the container id; `host` outside of containers.").suggested(),
    Field::one("container.full_id", Text, |s, _| id(s, |container| &container.id), "Whole container id; `host` outside of containers."),
    Field::one("container.name", Text, |s, _| detail(s, "host", |d| &d.name), "Name of the container.").suggested().later(RUNTIME),
    Field::one("container.image", Text, |s, _| detail(s, "", |d| &d.image), "Image as given to the runtime.").later(RUNTIME),
    Field::one("container.image.id", Text, |s, _| detail(s, "", |d| &d.image_id), "Id of the image.").later(RUNTIME),
    Field::one("container.image.repository", Text, |s, _| detail(s, "", |d| &d.image_repository),
        "Image name without tag and digest; empty on the host.").suggested().later(RUNTIME),
    Field::one("container.image.tag", Text, |s, _| detail(s, "", |d| &d.image_tag), "Image tag.").suggested().later(RUNTIME),
    Field::one("container.image.digest", Text, |s, _| detail(s, "", |d| &d.image_digest), "Image digest.").later(RUNTIME),
    Field::one("container.type", Text, |s, _| runtime(s), "Runtime that manages the container; `host` outside."),
    Field::one("container.privileged", Bool, |s, _| privileged(s), "Whether the container runs privileged.").later(RUNTIME),
    Field::one("container.mounts", Text, |s, _| mounts(s), "Mounts as `source:dest:mode:rdrw:propagation`, joined with commas.").later(RUNTIME),
    Field::one("container.mount", Text, |s, a| mount(s, a).map(|m| FieldValue::Bytes(mount_text(s, m))),
        "One mount, by number or source.").arg(ArgKind::Required).later(RUNTIME),
    Field::one("container.mount.source", Text, |s, a| mount(s, a).map(|m| FieldValue::text(&m.source)),
        "Source of a mount, by number or destination.").arg(ArgKind::Required).later(RUNTIME),
    Field::one("container.mount.dest", Text, |s, a| mount(s, a).map(|m| FieldValue::text(&m.destination)),
        "Destination of a mount, by number or source (a glob).").arg(ArgKind::Required).later(RUNTIME),
    Field::one("container.mount.mode", Text, |s, a| mount(s, a).map(|m| FieldValue::text(&m.mode)),
        "Options of a mount, by number or source.").arg(ArgKind::Required).later(RUNTIME),
    Field::one("container.mount.rdwr", Text, |s, a| mount(s, a).map(|m| FieldValue::text(if m.writable { "true" } else { "false" })),
        "Whether a mount is writable, by number or source.").arg(ArgKind::Required).later(RUNTIME),
    Field::one("container.mount.propagation", Text, |s, a| mount(s, a).map(|m| FieldValue::text(&m.propagation)),
        "Propagation of a mount, by number or source.").arg(ArgKind::Required).later(RUNTIME),
    Field::one("container.start_ts", Time, |s, _| started(s).map(FieldValue::Uint), "When init of the pid namespace started."),
    Field::one("container.duration", Duration, |s, _| started(s).map(|t| FieldValue::Uint(s.event.time.saturating_sub(t))),
        "Nanoseconds since `container.start_ts`."),
    Field::absent("container.healthcheck", Text, LATER, "Health check command."),
    Field::absent("container.liveness_probe", Text, LATER, "Liveness probe command."),
    Field::absent("container.readiness_probe", Text, LATER, "Readiness probe command."),
    Field::absent("container.ip", Text, LATER, "Address of the container."),
    Field::absent("container.cni.json", Text, LATER, "CNI result of the container."),
    Field::absent("container.host_pid", Bool, LATER, "Whether the container shares the host's pid namespace."),
    Field::absent("container.host_network", Bool, LATER, "Whether it shares the host's network."),
    Field::absent("container.host_ipc", Bool, LATER, "Whether it shares the host's IPC namespace."),
    Field::absent("container.labels", Text, LATER, "All labels of the container."),
    Field::absent("container.label", Text, LATER, "One label of the container.").arg(ArgKind::Suffix),
    Field::one("k8s.pod.name", Text, |s, _| pod(s, |p| p.name.as_deref()), "Name of the pod.").suggested().later(RUNTIME),
    Field::one("k8s.ns.name", Text, |s, _| pod(s, |p| p.namespace.as_deref()), "Namespace of the pod.").suggested().later(RUNTIME),
    Field::one("k8s.pod.uid", Text, |s, _| pod(s, |p| p.uid.as_deref()), "Unique id of the pod."),
    Field::one("k8s.pod.id", Text, |s, _| pod(s, |p| p.uid.as_deref()), "The same as `k8s.pod.uid`."),
    Field::one("k8s.pod.sandbox_id", Text, |s, _| pod(s, |p| p.sandbox_id.as_deref().map(|id| id.get(..Container::SHORT_ID).unwrap_or(id))),
        "First 12 characters of the sandbox id.").later(RUNTIME),
    Field::one("k8s.pod.full_sandbox_id", Text, |s, _| pod(s, |p| p.sandbox_id.as_deref()), "Whole sandbox id.").later(RUNTIME),
    Field::one("k8s.pod.labels", Text, |s, _| labels(s), "All labels of the pod, `key:value` joined with commas.").later(RUNTIME),
    Field::one("k8s.pod.label", Text, label, "One label of the pod, its key behind a dot or in brackets.")
        .arg(ArgKind::Suffix).later(RUNTIME),
    Field::absent("k8s.pod.ip", Text, LATER, "Address of the pod."),
    Field::absent("k8s.pod.cni.json", Text, LATER, "CNI result of the pod."),
    Field::absent("k8s.rc.name", Text, GONE, "Name of the replication controller.").deprecated(),
    Field::absent("k8s.rc.id", Text, GONE, "Id of the replication controller.").deprecated(),
    Field::absent("k8s.svc.name", Text, GONE, "Name of the service.").deprecated(),
    Field::absent("k8s.svc.id", Text, GONE, "Id of the service.").deprecated(),
    Field::absent("k8s.ns.id", Text, GONE, "Id of the namespace.").deprecated(),
    Field::absent("k8s.rs.name", Text, GONE, "Name of the replica set.").deprecated(),
    Field::absent("k8s.rs.id", Text, GONE, "Id of the replica set.").deprecated(),
    Field::absent("k8s.deployment.name", Text, GONE, "Name of the deployment.").deprecated(),
    Field::absent("k8s.deployment.id", Text, GONE, "Id of the deployment.").deprecated(),
];

/// What fields print for an unknown account: a real value, not absence.
const UNKNOWN: &str = "<NA>";

fn user<'a>(scope: &Scope<'a>, uid: u32) -> Option<User<'a>> {
    scope.world.user(scope.event.cgroup, uid)
}

fn user_name<'a>(scope: &Scope<'a>, uid: u32) -> FieldValue<'a> {
    let fallback = if uid == 0 { "root" } else { UNKNOWN };
    FieldValue::text(user(scope, uid).map_or(fallback, |user| user.name))
}

fn account<'a>(scope: &Scope<'a>, read: fn(User<'a>) -> &'a str) -> FieldValue<'a> {
    let uid = scope.event.task.euid;
    FieldValue::text(user(scope, uid).map_or(UNKNOWN, read))
}

fn login_id<'a>(scope: &Scope<'a>) -> FieldValue<'a> {
    match scope.event.task.loginuid {
        u32::MAX => FieldValue::Int(-1),
        id => FieldValue::Int(id.into()),
    }
}

fn group_name<'a>(scope: &Scope<'a>) -> FieldValue<'a> {
    let gid = scope.event.task.egid;
    let fallback = if gid == 0 { "root" } else { UNKNOWN };
    FieldValue::text(
        scope
            .world
            .group_name(scope.event.cgroup, gid)
            .unwrap_or(fallback),
    )
}

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

fn privileged<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    match scope.membership() {
        Membership::Host => Some(FieldValue::Bool(false)),
        _ => details(scope)?.privileged.map(FieldValue::Bool),
    }
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

/// The mount that an argument names: its number, or a glob over its source.
fn mount<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<&'a Mount> {
    let mounts = &details(scope)?.mounts;
    match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => mounts.get(usize::try_from(*index).ok()?),
        FieldArg::Key(glob) => mounts
            .iter()
            .find(|mount| matches_glob(glob, &mount.source)),
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

fn pod<'a>(scope: &Scope<'a>, read: fn(&Pod) -> Option<&str>) -> Option<FieldValue<'a>> {
    match scope.membership() {
        Membership::Container(container) => read(container.pod.as_ref()?).map(FieldValue::text),
        _ => None,
    }
}

fn pod_labels<'a>(scope: &Scope<'a>) -> Option<&'a [(Box<str>, Box<str>)]> {
    match scope.membership() {
        Membership::Container(container) => Some(&container.pod.as_ref()?.labels),
        _ => None,
    }
}

fn labels<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    let mut out = bumpalo::collections::Vec::new_in(scope.arena);
    for (key, value) in pod_labels(scope)? {
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(key.as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    Some(FieldValue::Bytes(out.into_bump_slice()))
}

fn label<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    let FieldArg::Key(wanted) = arg else {
        return None;
    };
    let mut labels = pod_labels(scope)?.iter();
    labels
        .find(|(key, _)| key == wanted)
        .map(|(_, value)| FieldValue::text(value))
}
