//! Which container a process is in, told by its cgroup.
//!
//! The path of a cgroup names container, runtime and pod at once ([`path`]); it is learned from
//! fork and exec records and, for processes older than the agent, from `/proc/PID/cgroup`. Later
//! events carry only the cgroup id, which [`Containers`] maps back.

mod cache;
pub mod path;

pub use cache::{Containers, Membership};

/// A container, as far as its cgroup path tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Full id as the runtime gave it, 64 hexadecimal digits.
    pub id: Box<str>,
    /// Which runtime's naming the path follows.
    pub runtime: Runtime,
    /// UID of the Kubernetes pod, with dashes where it is a UUID.
    pub pod_uid: Option<Box<str>>,
}

impl Container {
    /// What Falco calls `container.id`: the first 12 characters.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// Container runtimes that a cgroup path can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd through CRI.
    Containerd,
    /// CRI-O.
    Crio,
    /// podman (libpod).
    Podman,
    /// Some runtime behind CRI: the cgroupfs driver of containerd and of cri-dockerd look alike.
    Cri,
    /// A bare container id below a parent that names no runtime.
    Unknown,
}

impl Runtime {
    /// Lower-case name for alerts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Crio => "cri-o",
            Self::Podman => "podman",
            Self::Cri => "cri",
            Self::Unknown => "unknown",
        }
    }
}
