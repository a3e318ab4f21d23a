//! Container id, runtime and pod from a cgroup path.
//!
//! Runtimes differ in the name of the last directories only, so a path is read from its end: the
//! deepest segment that names a container wins. That gives the inner container of docker in
//! docker and of kind, and the container itself where its init made groups of its own below.
//!
//! | runtime | cgroupfs driver | systemd driver |
//! | --- | --- | --- |
//! | docker | `docker/ID` | `docker-ID.scope` |
//! | containerd (CRI) | `podUID/ID` | `cri-containerd-ID.scope`, `PARENT:cri-containerd:ID` |
//! | CRI-O | `crio-ID` | `crio-ID.scope` |
//! | podman | `libpod-ID` | `libpod-ID.scope`, `libpod-payload-ID` |
//!
//! `crio-conmon-ID` and `libpod-conmon-ID` hold the monitor, which runs on the host.

use super::Runtime;

/// Hexadecimal digits of a container id.
const ID_LEN: usize = 64;
/// Longest pod UID accepted: that of a UUID with dashes.
const POD_UID_MAX: usize = 36;

/// What precedes the id in a segment that names its runtime.
const PREFIXES: &[(&str, Runtime)] = &[
    ("docker-", Runtime::Docker),
    ("nerdctl-", Runtime::Containerd),
    ("cri-containerd-", Runtime::Containerd),
    ("crio-", Runtime::Crio),
    ("libpod-payload-", Runtime::Podman),
    ("libpod-", Runtime::Podman),
];

/// What a cgroup path tells of a container. Borrows from the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// Full id, 64 hexadecimal digits.
    pub id: &'a str,
    /// Whose naming the path follows.
    pub runtime: Runtime,
    /// UID of the Kubernetes pod, with dashes where it is a UUID.
    pub pod_uid: Option<Box<str>>,
}

/// The container that a process in this cgroup is in; `None` on the host.
///
/// Total: any bytes are a valid path.
pub fn container(path: &[u8]) -> Option<Named<'_>> {
    let text = str::from_utf8(path).ok()?;
    let segments: Vec<&str> = text.split('/').filter(|s| !s.is_empty()).collect();
    for (index, segment) in segments.iter().enumerate().rev() {
        let above = segments.get(..index).unwrap_or_default();
        if let Some((id, runtime)) = named(segment).or_else(|| bare(segment, above)) {
            return Some(Named {
                id,
                runtime,
                pod_uid: pod_uid(segment, above),
            });
        }
    }
    None
}

/// A segment that names the runtime before the id.
fn named(segment: &str) -> Option<(&str, Runtime)> {
    // containerd with the cgroupfs driver below a systemd kubelet: `PARENT:cri-containerd:ID`.
    if let Some((rest, id)) = segment.rsplit_once(':') {
        let runtime = match rest.rsplit_once(':').map_or(rest, |(_, name)| name) {
            "cri-containerd" => Runtime::Containerd,
            "crio" => Runtime::Crio,
            "docker" => Runtime::Docker,
            _ => Runtime::Unknown,
        };
        return is_id(id).then_some((id, runtime));
    }
    let stem = segment.strip_suffix(".scope").unwrap_or(segment);
    PREFIXES.iter().find_map(|(prefix, runtime)| {
        let id = stem.strip_prefix(prefix)?;
        is_id(id).then_some((id, *runtime))
    })
}

/// A segment that is nothing but an id; the directory above tells the runtime.
fn bare<'a>(segment: &'a str, above: &[&str]) -> Option<(&'a str, Runtime)> {
    if !is_id(segment) {
        return None;
    }
    let runtime = match above.last() {
        Some(&"docker" | &"moby") => Runtime::Docker,
        Some(&"k8s.io") => Runtime::Containerd,
        Some(&"libpod_parent") => Runtime::Podman,
        Some(parent) if pod_in(parent).is_some() => Runtime::Cri,
        _ => Runtime::Unknown,
    };
    Some((segment, runtime))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// UID of the pod whose directory is nearest above the container, or within its own segment.
fn pod_uid(segment: &str, above: &[&str]) -> Option<Box<str>> {
    let own = segment
        .split_once(':')
        .and_then(|(parent, _)| pod_in(parent));
    own.or_else(|| above.iter().rev().find_map(|s| pod_in(s)))
}

/// `podUID`, `kubepods-burstable-podUID.slice`; systemd writes the dashes of the UID as `_`.
fn pod_in(segment: &str) -> Option<Box<str>> {
    let stem = segment.strip_suffix(".slice").unwrap_or(segment);
    let uid = match stem.rsplit_once("-pod") {
        // The UID's own dashes are underscores here, so the last `-pod` is the separator.
        Some((_, uid)) if stem.len() < segment.len() => uid,
        _ => stem.strip_prefix("pod")?,
    };
    let plausible = |b: u8| b.is_ascii_hexdigit() || b == b'-' || b == b'_';
    let whole = uid.len() == 32 || uid.len() == POD_UID_MAX;
    (whole && uid.bytes().all(plausible)).then(|| uid.replace('_', "-").into_boxed_str())
}

#[cfg(test)]
mod tests;
