//! Which container a process is in, told by its cgroup.
//!
//! The path of a cgroup names container, runtime and pod at once ([`path`]); it is learned from
//! fork and exec records and, for processes older than the agent, from `/proc/PID/cgroup`. Later
//! events carry only the cgroup id, which [`Containers`] maps back. What runtime and API server tell
//! of the container, whenever they do, is added to it there.

mod cache;
mod key;
mod known;
pub mod path;

pub(in crate::enrich) use cache::Where;
pub use cache::{Containers, LINGER, Wait};
pub(in crate::enrich) use key::ContainerKey;
pub use known::GivenUp;

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
    /// Lower-case name for alerts; `None` where the path does not tell.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Docker => Some("docker"),
            Self::Containerd => Some("containerd"),
            Self::Crio => Some("cri-o"),
            Self::Podman => Some("podman"),
            Self::Cri => Some("cri"),
            Self::Unknown => None,
        }
    }
}
