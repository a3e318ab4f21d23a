//! What is known of a container and its pod.

/// Where a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership<'a> {
    /// Outside of every container.
    Host,
    /// In this container.
    Container(&'a Container),
    /// Not known: the cgroup is new and has not been looked at.
    Unknown,
}

/// One container. Only the id is always known; the rest arrives from the container runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Full id, usually 64 hexadecimal digits.
    pub id: Box<str>,
    /// Runtime that manages it: `docker`, `containerd`, `cri-o`, `podman`.
    pub runtime: Option<Box<str>>,
    /// Facts from the container runtime; `None` until it has answered.
    pub details: Option<ContainerDetails>,
    /// The pod it belongs to, as far as known.
    pub pod: Option<Pod>,
}

impl Container {
    /// Digits of the id that `container.id` shows.
    pub const SHORT_ID: usize = 12;

    /// First [`Self::SHORT_ID`] characters of the id, as `container.id` shows it.
    pub fn short_id(&self) -> &str {
        self.id.get(..Self::SHORT_ID).unwrap_or(&self.id)
    }
}

/// What the container runtime tells about a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerDetails {
    /// Name.
    pub name: Box<str>,
    /// Image as given to the runtime, with tag or digest.
    pub image: Box<str>,
    /// Image name without tag and digest.
    pub image_repository: Box<str>,
    /// Image tag.
    pub image_tag: Box<str>,
    /// Image digest, `sha256:...`.
    pub image_digest: Box<str>,
    /// Image id.
    pub image_id: Box<str>,
    /// Runs privileged; `None` where the runtime does not say.
    pub privileged: Option<bool>,
    /// Shares the host's pid namespace; `None` where the runtime does not say.
    pub host_pid: Option<bool>,
    /// Shares the host's network namespace; `None` where the runtime does not say.
    pub host_network: Option<bool>,
    /// Shares the host's IPC namespace; `None` where the runtime does not say.
    pub host_ipc: Option<bool>,
    /// Process id of its init on the host; 0 where not known.
    pub pid: u32,
    /// When it was made, nanoseconds since the Unix epoch; 0 where not known.
    pub created: u64,
    /// Its own address, where it has one of its own.
    pub ip: Box<str>,
    /// Labels of the container (not of the pod), sorted by key.
    pub labels: Labels,
    /// Mounts.
    pub mounts: Vec<Mount>,
}

/// Labels or annotations, sorted by key.
pub type Labels = Vec<(Box<str>, Box<str>)>;

/// One mount of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// Path on the host.
    pub source: Box<str>,
    /// Path in the container.
    pub destination: Box<str>,
    /// Mount options.
    pub mode: Box<str>,
    /// Writable.
    pub writable: bool,
    /// Propagation: `private`, `rslave`, ...
    pub propagation: Box<str>,
}

/// The pod a container belongs to. Each part may arrive at a different time: uid from the cgroup, what is marked
/// *runtime* from the container runtime, what is marked *cluster* from the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Unique id of the pod object, with dashes.
    pub uid: Option<Box<str>>,
    /// Name. Runtime.
    pub name: Option<Box<str>>,
    /// Namespace. Runtime.
    pub namespace: Option<Box<str>>,
    /// Labels. Runtime, as of the pod's start; cluster, as of now.
    pub labels: Labels,
    /// Annotations, likewise.
    pub annotations: Labels,
    /// Id of the sandbox the runtime made for the pod. Runtime.
    pub sandbox_id: Option<Box<str>>,
    /// Address. Runtime or cluster.
    pub ip: Option<Box<str>>,
    /// What the API server adds; `None` until it has told.
    pub cluster: Option<PodObject>,
}

/// What only the API server knows of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodObject {
    /// What somebody made so that this pod exists: the Deployment, not its ReplicaSet; the CronJob, not its Job.
    /// `None` for a pod that was made by itself.
    pub owner: Option<Owner>,
    /// Service account it runs as.
    pub service_account: Box<str>,
    /// Labels of its namespace, sorted by key.
    pub namespace_labels: Labels,
    /// Labels of the node, sorted by key.
    pub node_labels: Labels,
}

/// The object that stands behind a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `Deployment`, `DaemonSet`, `StatefulSet`, `CronJob`, `Job`, `ReplicaSet`, `Node` (static pods), ...
    pub kind: Box<str>,
    /// Name.
    pub name: Box<str>,
}
