//! What is known of a container and its pod.

/// Where a process runs.
#[derive(Clone, Copy, Debug)]
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
    /// Mounts.
    pub mounts: Vec<Mount>,
}

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

/// The pod a container belongs to. Each part may arrive at a different time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Unique id of the pod object, with dashes.
    pub uid: Option<Box<str>>,
    /// Name.
    pub name: Option<Box<str>>,
    /// Namespace.
    pub namespace: Option<Box<str>>,
    /// Labels, sorted by key.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Id of the sandbox the runtime made for the pod.
    pub sandbox_id: Option<Box<str>>,
}
