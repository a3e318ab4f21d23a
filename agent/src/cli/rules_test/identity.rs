//! Container and pod of a rule test, and what the runtime and the API server would tell of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::event::{Container, ContainerDetails, Labels, Mount, Owner, Pod, PodObject};

/// A container.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct ContainerFacts {
    /// Id.
    pub(super) id: String,
    /// Name.
    name: Option<String>,
    /// Image without tag.
    image: Option<String>,
    /// Tag of the image.
    tag: Option<String>,
    /// Digest of the image.
    digest: Option<String>,
    /// Runs privileged.
    privileged: Option<bool>,
    /// Shares the host's pid namespace.
    host_pid: Option<bool>,
    /// Shares the host's network.
    host_network: Option<bool>,
    /// Shares the host's IPC namespace.
    host_ipc: Option<bool>,
    /// Its labels.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Its mounts.
    #[serde(default)]
    mounts: Vec<MountFacts>,
}

/// A mount of a container.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct MountFacts {
    /// Path on the host.
    source: String,
    /// Path in the container.
    destination: String,
    /// Cannot be written to.
    #[serde(default)]
    read_only: bool,
}

/// A pod.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PodFacts {
    /// Name.
    name: Option<String>,
    /// Namespace.
    namespace: Option<String>,
    /// UID.
    uid: Option<String>,
    /// Address.
    ip: Option<String>,
    /// Labels.
    labels: BTreeMap<String, String>,
    /// Annotations.
    annotations: BTreeMap<String, String>,
    /// What stands behind it.
    owner: Option<OwnerFacts>,
    /// Service account.
    service_account: Option<String>,
    /// Labels of the namespace.
    namespace_labels: BTreeMap<String, String>,
    /// Labels of the node.
    node_labels: BTreeMap<String, String>,
}

/// The object behind a pod.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerFacts {
    /// Kind.
    kind: String,
    /// Name.
    name: String,
}

impl ContainerFacts {
    /// As the agent would know it: without details where the test gives none.
    pub(super) fn container(&self, pod: Option<&PodFacts>) -> Container {
        let bare = Self {
            id: self.id.clone(),
            ..Self::default()
        };
        Container {
            id: self.id.as_str().into(),
            details: (*self != bare).then(|| self.details()),
            pod: pod.map(PodFacts::pod),
            ..Container::default()
        }
    }

    fn details(&self) -> ContainerDetails {
        let repository = self.image.as_deref().unwrap_or_default();
        let tag = self.tag.as_deref().unwrap_or_default();
        let image = match tag {
            "" => repository.to_owned(),
            tag => format!("{repository}:{tag}"),
        };
        ContainerDetails {
            name: text(self.name.as_ref()),
            image: image.into(),
            image_repository: repository.into(),
            image_tag: tag.into(),
            image_digest: text(self.digest.as_ref()),
            privileged: self.privileged,
            host_pid: self.host_pid,
            host_network: self.host_network,
            host_ipc: self.host_ipc,
            labels: labels(&self.labels),
            mounts: self.mounts.iter().map(MountFacts::mount).collect(),
            ..ContainerDetails::default()
        }
    }
}

impl MountFacts {
    fn mount(&self) -> Mount {
        Mount {
            source: self.source.as_str().into(),
            destination: self.destination.as_str().into(),
            mode: Box::default(),
            writable: !self.read_only,
            propagation: "private".into(),
        }
    }
}

impl PodFacts {
    fn pod(&self) -> Pod {
        let optional = |text: &Option<String>| text.as_deref().map(Into::into);
        let by_runtime = Self {
            owner: None,
            service_account: None,
            namespace_labels: BTreeMap::new(),
            node_labels: BTreeMap::new(),
            ..self.clone()
        };
        Pod {
            uid: optional(&self.uid),
            name: optional(&self.name),
            namespace: optional(&self.namespace),
            labels: labels(&self.labels),
            annotations: labels(&self.annotations),
            ip: optional(&self.ip),
            cluster: (*self != by_runtime).then(|| self.object()),
            ..Pod::default()
        }
    }

    fn object(&self) -> PodObject {
        let owner = self.owner.as_ref();
        PodObject {
            owner: owner.map(|owner| Owner {
                kind: owner.kind.as_str().into(),
                name: owner.name.as_str().into(),
            }),
            service_account: text(self.service_account.as_ref()),
            namespace_labels: labels(&self.namespace_labels),
            node_labels: labels(&self.node_labels),
        }
    }
}

fn text(text: Option<&String>) -> Box<str> {
    text.map(String::as_str).unwrap_or_default().into()
}

fn labels(labels: &BTreeMap<String, String>) -> Labels {
    let pairs = labels.iter();
    pairs
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect()
}
