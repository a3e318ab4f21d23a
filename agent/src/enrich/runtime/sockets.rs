//! Where runtimes listen.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::Settings;

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The Container Runtime Interface, over gRPC.
    Cri,
    /// The API of Docker, which podman speaks too, over HTTP.
    Docker,
}

/// A socket that may be a runtime's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// Below the host's root. CRI first: on a node it is what the kubelet uses, and Docker may be there besides. `/var/run`
/// is `/run`, and as a symbolic link leads out of a root that is mounted elsewhere.
const USUAL: [(&str, Kind); 9] = [
    ("run/containerd/containerd.sock", Kind::Cri),
    ("run/k3s/containerd/containerd.sock", Kind::Cri),
    ("run/k0s/containerd.sock", Kind::Cri),
    ("run/crio/crio.sock", Kind::Cri),
    ("run/cri-dockerd.sock", Kind::Cri),
    ("var/snap/microk8s/common/run/containerd.sock", Kind::Cri),
    ("run/docker.sock", Kind::Docker),
    ("run/podman/podman.sock", Kind::Docker),
    ("run/user/0/podman/podman.sock", Kind::Docker),
];

/// Sockets to be tried, in this order.
pub(super) fn candidates(settings: &Settings) -> Vec<Socket> {
    let Some(path) = &settings.socket else {
        let usual = USUAL.into_iter().map(|(path, kind)| Socket {
            path: settings.host_root.join(path),
            kind,
        });
        return usual.filter(|socket| is_socket(&socket.path)).collect();
    };
    // A name says nothing for sure, so both are tried.
    let kinds = [Kind::Cri, Kind::Docker].into_iter();
    kinds
        .map(|kind| Socket {
            path: path.clone(),
            kind,
        })
        .collect()
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_are_found_below_the_hosts_root() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            host_root: dir.path().into(),
            ..Settings::default()
        };
        assert_eq!(candidates(&settings), []);
        for name in ["run/containerd", "run/crio"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let crio = dir.path().join("run/crio/crio.sock");
        let docker = dir.path().join("run/docker.sock");
        let _listeners = [&docker, &crio].map(|path| UnixListener::bind(path).unwrap());
        fs::write(dir.path().join("run/containerd/containerd.sock"), "").unwrap();
        let expected = [(crio, Kind::Cri), (docker, Kind::Docker)];
        assert_eq!(
            candidates(&settings),
            expected.map(|(path, kind)| Socket { path, kind })
        );
    }
}
