//! Containers and pods, of what CRI calls them.

use super::super::image::Told;
use super::super::{Found, text};
use super::info::Info;
use super::pods::Facts;
use super::v1;
use crate::event::{Container, ContainerDetails, Mount, Pod};

/// Name of the container that holds a pod's namespaces, which has none in CRI. Kubernetes' own metrics call it so; no other
/// can be called so, for names are lower-case.
const PAUSE: &str = "POD";

/// Labels that the kubelet adds to those of the pod.
const KUBELET: [&str; 3] = [
    "io.kubernetes.pod.name",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.pod.uid",
];

/// What a sandbox tells of the containers in it.
pub(super) fn facts(status: &v1::PodSandboxStatus) -> Facts {
    use v1::NamespaceMode as Mode;
    let options = status
        .linux
        .as_ref()
        .and_then(|linux| linux.namespaces.as_ref()?.options);
    let is_host = |mode: fn(&v1::NamespaceOption) -> Mode| {
        options.as_ref().map(|options| mode(options) == Mode::Node)
    };
    let ip = status.network.as_ref().map_or("", |network| &network.ip);
    Facts {
        pod: pod(status),
        ip: text::bounded(ip),
        host_pid: is_host(v1::NamespaceOption::pid),
        host_network: is_host(v1::NamespaceOption::network),
        host_ipc: is_host(v1::NamespaceOption::ipc),
    }
}

fn pod(status: &v1::PodSandboxStatus) -> Option<Pod> {
    let meta = status.metadata.as_ref()?;
    let some = |told: &str| (!told.is_empty()).then(|| text::bounded(told));
    let own = |(key, _): &(&String, &String)| !KUBELET.contains(&key.as_str());
    Some(Pod {
        uid: some(&meta.uid),
        name: some(&meta.name),
        namespace: some(&meta.namespace),
        labels: labels(status.labels.iter().filter(own)),
        annotations: labels(status.annotations.iter()),
        sandbox_id: some(&status.id),
        ip: status
            .network
            .as_ref()
            .and_then(|network| some(&network.ip)),
        cluster: None,
    })
}

fn labels<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> crate::event::Labels {
    // Only what can be kept is copied.
    let short = pairs.filter(|(key, value)| key.len().max(value.len()) <= text::MAX_VALUE);
    text::labels(short.map(|(key, value)| (key.as_str(), value.as_str())))
}

/// A container of a pod.
pub(super) fn container(
    id: &str,
    runtime: &str,
    status: &v1::ContainerStatus,
    info: &Info,
    facts: Option<&Facts>,
) -> Found {
    let name = status.metadata.as_ref().map_or("", |meta| &meta.name);
    let mut details = ContainerDetails {
        name: text::bounded(name),
        labels: labels(status.labels.iter()),
        mounts: status
            .mounts
            .iter()
            .take(text::MAX_MOUNTS)
            .map(mount)
            .collect(),
        ..common(info, status.created_at, facts)
    };
    image(status, info, &mut details);
    let facts = facts.cloned().unwrap_or_default();
    Found {
        settled: status.state() != v1::ContainerState::ContainerCreated,
        container: Container {
            id: id.into(),
            runtime: Some(runtime.into()),
            details: Some(details),
            pod: facts.pod,
        },
    }
}

/// The pause container of a sandbox.
pub(super) fn pause(
    id: &str,
    runtime: &str,
    status: &v1::PodSandboxStatus,
    info: &Info,
    facts: &Facts,
) -> Found {
    let mut details = ContainerDetails {
        name: PAUSE.into(),
        ..common(info, status.created_at, Some(facts))
    };
    let [a, b, c] = info.image_names();
    let told = Told {
        names: &[info.image(), a, b, c],
        reference: "",
        ids: &[info.image_ref()],
    };
    told.describe(&mut details);
    Found {
        settled: status.state() == v1::PodSandboxState::SandboxReady,
        container: Container {
            id: id.into(),
            runtime: Some(runtime.into()),
            details: Some(details),
            pod: facts.pod.clone(),
        },
    }
}

fn common(info: &Info, created: i64, facts: Option<&Facts>) -> ContainerDetails {
    ContainerDetails {
        privileged: info.privileged(),
        host_pid: facts.and_then(|facts| facts.host_pid),
        host_network: facts.and_then(|facts| facts.host_network),
        host_ipc: facts.and_then(|facts| facts.host_ipc),
        pid: info.pid(),
        created: text::time(created),
        ip: facts.map_or_else(Box::default, |facts| facts.ip.clone()),
        ..ContainerDetails::default()
    }
}

/// The order of names is Falco's; what the user wrote, which it does not ask for, comes last.
fn image(status: &v1::ContainerStatus, info: &Info, details: &mut ContainerDetails) {
    let spec = status.image.as_ref();
    let given = spec.map_or("", |spec| &spec.image);
    let written = spec.map_or("", |spec| &spec.user_specified_image);
    let [containerd, crio_name, crio] = info.image_names();
    let told = Told {
        names: &[given, containerd, crio_name, crio, written],
        reference: &status.image_ref,
        ids: &[&status.image_id, info.image(), info.image_ref(), given],
    };
    told.describe(details);
}

fn mount(mount: &v1::Mount) -> Mount {
    use v1::MountPropagation as Propagation;
    let propagation = match mount.propagation() {
        Propagation::PropagationPrivate => "private",
        Propagation::PropagationHostToContainer => "rslave",
        Propagation::PropagationBidirectional => "rshared",
    };
    Mount {
        source: text::bounded(&mount.host_path),
        destination: text::bounded(&mount.container_path),
        // CRI has none.
        mode: Box::default(),
        writable: !mount.readonly,
        propagation: propagation.into(),
    }
}
