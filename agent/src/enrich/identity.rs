//! What runtimes and API server tell about containers and pods, on its way to the thread that decides.
//!
//! Whoever asks them (`enrich::runtime`, `enrich::cluster`) runs on the async side and may wait, be
//! refused and start anew; what comes out is a stream of [`News`]. The deciding thread owns what they add up to.

use crate::event::{Container, Labels, PodObject};

/// Who is asked about identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The node's container runtime.
    Runtime,
    /// The API server.
    Cluster,
}

/// Whether a source can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// There is none, or it is not to be asked: nobody waits for it.
    Off,
    /// Not asked yet, or its first whole answer is under way.
    Starting,
    /// It answers.
    Up,
    /// It does not answer; the text says why.
    Down(Box<str>),
}

impl Source {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Runtime, Self::Cluster];

    /// Name for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Cluster => "cluster",
        }
    }
}

impl Reach {
    /// Names of all states, for metrics.
    pub const NAMES: [&str; 4] = ["off", "starting", "up", "down"];

    /// Name for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Down(_) => "down",
        }
    }
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A source can be reached now, or not any more.
    Reach(Source, Reach),
    /// What the runtime knows of a container, whether asked or on its own account. `details` are there; so is `pod` with
    /// name and namespace, if it belongs to one.
    Container(Box<Container>),
    /// The runtime was asked for this container (full id) and has none of that name.
    NoContainer(Box<str>),
    /// The container (full id) was removed. Late events may still name it.
    Removed(Box<str>),
    /// A pod of this node as the API server has it.
    Pod(Box<PodNews>),
    /// The API server has this pod (uid) no more.
    PodGone(Box<str>),
}

/// A pod as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodNews {
    /// Unique id of the object: what cgroups name. For a static pod the one that the kubelet gave
    /// (`kubernetes.io/config.hash`), not that of its mirror.
    pub uid: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// Namespace.
    pub namespace: Box<str>,
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Address, once it has one.
    pub ip: Option<Box<str>>,
    /// The rest.
    pub object: PodObject,
}
