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
const PREFIXES: &[(&[u8], Runtime)] = &[
    (b"docker-", Runtime::Docker),
    (b"nerdctl-", Runtime::Containerd),
    (b"cri-containerd-", Runtime::Containerd),
    (b"crio-", Runtime::Crio),
    (b"libpod-payload-", Runtime::Podman),
    (b"libpod-", Runtime::Podman),
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
/// Total: any bytes are a valid path. Names are bytes: whoever may make groups inside a container
/// may give them names that are no text, and stays in the container.
pub fn container(path: &[u8]) -> Option<Named<'_>> {
    containers(path).next()
}

/// All containers that the path names, the deepest first: each runs in the next.
pub fn containers(path: &[u8]) -> impl Iterator<Item = Named<'_>> {
    let segments: Vec<&[u8]> = path
        .split(|&b| b == b'/')
        .filter(|s| !s.is_empty())
        .collect();
    (0..segments.len()).rev().filter_map(move |index| {
        let segment = *segments.get(index)?;
        let above = segments.get(..index)?;
        let (id, runtime) = named(segment).or_else(|| bare(segment, above))?;
        Some(Named {
            id,
            runtime,
            pod_uid: pod_uid(segment, above),
        })
    })
}

/// A segment that names the runtime before the id.
fn named(segment: &[u8]) -> Option<(&str, Runtime)> {
    // containerd with the cgroupfs driver below a systemd kubelet: `PARENT:cri-containerd:ID`.
    let mut parts = segment.rsplitn(3, |&b| b == b':');
    if let (Some(id), Some(name)) = (parts.next(), parts.next()) {
        let runtime = match name {
            b"cri-containerd" => Runtime::Containerd,
            b"crio" => Runtime::Crio,
            b"docker" => Runtime::Docker,
            _ => Runtime::Unknown,
        };
        return Some((as_id(id)?, runtime));
    }
    let stem = segment.strip_suffix(b".scope").unwrap_or(segment);
    PREFIXES
        .iter()
        .find_map(|(prefix, runtime)| Some((as_id(stem.strip_prefix(*prefix)?)?, *runtime)))
}

/// A segment that is nothing but an id; the directory above tells the runtime.
fn bare<'a>(segment: &'a [u8], above: &[&[u8]]) -> Option<(&'a str, Runtime)> {
    let id = as_id(segment)?;
    let runtime = match above.last().copied() {
        Some(b"docker" | b"moby") => Runtime::Docker,
        Some(b"k8s.io") => Runtime::Containerd,
        Some(b"libpod_parent") => Runtime::Podman,
        Some(parent) if pod_in(parent).is_some() => Runtime::Cri,
        _ => Runtime::Unknown,
    };
    Some((id, runtime))
}

fn as_id(bytes: &[u8]) -> Option<&str> {
    let digits = bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (bytes.len() == ID_LEN && digits).then(|| str::from_utf8(bytes).ok())?
}

/// UID of the pod whose directory is nearest above the container, or within its own segment.
fn pod_uid(segment: &[u8], above: &[&[u8]]) -> Option<Box<str>> {
    let own = segment
        .iter()
        .position(|&b| b == b':')
        .and_then(|end| pod_in(segment.get(..end)?));
    own.or_else(|| above.iter().rev().find_map(|s| pod_in(s)))
}

/// `podUID`, `kubepods-burstable-podUID.slice`; systemd writes the dashes of the UID as `_`.
fn pod_in(segment: &[u8]) -> Option<Box<str>> {
    let stem = segment.strip_suffix(b".slice").unwrap_or(segment);
    let uid = match memchr::memmem::rfind(stem, b"-pod") {
        // The UID's own dashes are underscores here, so the last `-pod` is the separator.
        Some(at) if stem.len() < segment.len() => stem.get(at + b"-pod".len()..)?,
        _ => stem.strip_prefix(b"pod")?,
    };
    let plausible = |b: &u8| b.is_ascii_hexdigit() || *b == b'-' || *b == b'_';
    let whole = uid.len() == 32 || uid.len() == POD_UID_MAX;
    if !whole || !uid.iter().all(plausible) {
        return None;
    }
    Some(str::from_utf8(uid).ok()?.replace('_', "-").into())
}

#[cfg(test)]
mod tests;
