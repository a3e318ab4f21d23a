//! Paths as they are met on real nodes, per runtime, driver and cgroup version.

use proptest::prelude::*;

use super::super::Runtime;
use super::container;

const A: &str = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
const B: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const UID: &str = "8dbc5577-d0e2-4706-8787-57d52c03ddf2";
const STATIC: &str = "8a7b6c5d4e3f2a1b0c9d8e7f60123456";

/// Path with `A`, `B`, `UID`, `UID_` (underscores) and `STATIC` filled in.
fn fill(pattern: &str) -> String {
    pattern
        .replace("{A}", A)
        .replace("{B}", B)
        .replace("{UID}", UID)
        .replace("{UID_}", &UID.replace('-', "_"))
        .replace("{STATIC}", STATIC)
}

use Runtime::{Containerd, Cri, Crio, Docker, Podman, Unknown};

const POD: Option<&str> = Some(UID);

/// Path, runtime, container, pod.
const REAL: &[(&str, Runtime, &str, Option<&str>)] = &[
    // docker: cgroupfs; systemd; v2; swarm-like parent; systemd inside the container
    ("/docker/{A}", Docker, A, None),
    ("/system.slice/docker-{A}.scope", Docker, A, None),
    ("/system.slice/docker-{A}.scope/init.scope", Docker, A, None),
    ("/docker/{A}/system.slice/nginx.service", Docker, A, None),
    ("/actions_job/{A}", Unknown, A, None),
    (
        "/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{A}.scope",
        Docker,
        A,
        None,
    ),
    // docker in docker, kind
    ("/docker/{A}/docker/{B}", Docker, B, None),
    (
        "/docker/{A}/kubelet/kubepods/besteffort/pod{UID}/{B}",
        Cri,
        B,
        POD,
    ),
    (
        "/system.slice/docker-{A}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UID_}.slice/cri-containerd-{B}.scope",
        Containerd,
        B,
        POD,
    ),
    // containerd below a kubelet, both drivers, all QoS classes
    ("/kubepods/burstable/pod{UID}/{A}", Cri, A, POD),
    ("/kubepods/besteffort/pod{UID}/{A}", Cri, A, POD),
    ("/kubepods/pod{UID}/{A}", Cri, A, POD),
    ("/kubepods/pod{STATIC}/{A}", Cri, A, Some(STATIC)),
    ("/labpods/pod{UID}/{A}", Cri, A, POD),
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
        Containerd,
        A,
        POD,
    ),
    (
        "/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{A}.scope",
        Containerd,
        A,
        POD,
    ),
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{A}.scope",
        Containerd,
        A,
        Some(STATIC),
    ),
    (
        "/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{A}",
        Containerd,
        A,
        POD,
    ),
    ("/system.slice:cri-containerd:{A}", Containerd, A, None),
    ("/k8s.io/{A}", Containerd, A, None),
    ("/default/{A}", Unknown, A, None),
    ("/system.slice/nerdctl-{A}.scope", Containerd, A, None),
    // docker below a kubelet
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/docker-{A}.scope",
        Docker,
        A,
        POD,
    ),
    // CRI-O; crun makes a group of its own below
    ("/kubepods/burstable/pod{UID}/crio-{A}", Crio, A, POD),
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{A}.scope",
        Crio,
        A,
        POD,
    ),
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{A}.scope/container",
        Crio,
        A,
        POD,
    ),
    // podman: root, rootless, pods
    ("/libpod_parent/libpod-{A}", Podman, A, None),
    ("/libpod_parent/{A}", Podman, A, None),
    ("/machine.slice/libpod-{A}.scope", Podman, A, None),
    ("/machine.slice/libpod-{A}.scope/container", Podman, A, None),
    (
        "/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container",
        Podman,
        A,
        None,
    ),
    (
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container",
        Podman,
        A,
        None,
    ),
    (
        "/user.slice/user-0.slice/session-3.scope/libpod-payload-{A}",
        Podman,
        A,
        None,
    ),
    // the beginning of a long path was cut
    (
        "epods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
        Containerd,
        A,
        POD,
    ),
];

#[test]
fn real_paths() {
    for (pattern, runtime, id, pod) in REAL {
        let path = fill(pattern);
        let found = container(path.as_bytes()).unwrap_or_else(|| panic!("host: {path}"));
        assert_eq!(found.id, *id, "{path}");
        assert_eq!(found.runtime, *runtime, "{path}");
        assert_eq!(found.pod_uid.as_deref(), *pod, "{path}");
    }
}

#[test]
fn host_paths() {
    let table = [
        "",
        "/",
        "/init.scope",
        "/system.slice/sshd.service",
        "/user.slice/user-1000.slice/session-1.scope",
        "/system.slice/containerd.service",
        "/system.slice/docker.service",
        "/docker",
        "/docker/short",
        "/process_api/0a34ceb0eaff32e63e5bc11b79fb763f",
        "/kubepods.slice/kubepods-burstable.slice",
        "/kubepods/burstable/pod{UID}",
        "/machine.slice/libpod-conmon-{A}.scope",
        "/kubepods.slice/kubepods-besteffort-pod{UID_}.slice/crio-conmon-{A}.scope",
        "/machine.slice/machine-libpod_pod_{A}.slice",
        "/docker-{A}.scope.d",
        "/x{A}",
        "/{A}0",
    ];
    for pattern in table {
        let path = fill(pattern);
        assert_eq!(container(path.as_bytes()), None, "{path}");
    }
    assert_eq!(container(&[b'/', 0xff, 0xfe]), None);
    assert_eq!(
        container(A.to_uppercase().as_bytes()),
        None,
        "ids are lower case"
    );
}

/// Inside a container anybody may make a group with a name that is no text.
#[test]
fn names_that_are_no_text() {
    let below = [format!("/docker/{A}/").as_bytes(), b"\xff\xfe"].concat();
    assert_eq!(container(&below).unwrap().id, A);
    let parent = [b"/\xff:cri-containerd:", A.as_bytes()].concat();
    let found = container(&parent).unwrap();
    assert_eq!((found.id, found.runtime), (A, Containerd));
    let pod = [b"/\xff/pod", UID.as_bytes(), b"/", A.as_bytes(), b"/\x80"].concat();
    assert_eq!(container(&pod).unwrap().pod_uid.as_deref(), POD);
}

proptest! {
    #[test]
    fn any_bytes(path in prop::collection::vec(any::<u8>(), 0..2048)) {
        drop(container(&path));
    }

    #[test]
    fn any_segments(parts in prop::collection::vec("[a-z:._-]{0,12}|pod[0-9a-f_-]{30,40}|[0-9a-f]{64}", 0..20)) {
        let path = parts.join("/");
        let named = parts.iter().flat_map(|p| p.split('/')).any(|p| p.len() == 64 && p.bytes().all(|b| b.is_ascii_hexdigit()));
        prop_assert!(!named || container(path.as_bytes()).is_some());
    }
}
