//! containerd's configuration: everything of it in one directory.

use std::{fs, path::Path, process::Command};

use super::{image, place::Place};

/// Debian's, and Docker's.
const RUNC: [&str; 2] = ["/usr/sbin/runc", "/usr/bin/runc"];

/// The one that is there.
pub(super) fn runc() -> Option<&'static str> {
    RUNC.into_iter().find(|path| Path::new(path).exists())
}

/// Writes the files that containerd is started with.
pub(super) fn write(place: &Place) {
    let dir = place.dir().to_str().unwrap();
    fs::create_dir_all(place.dir().join("cni.d")).unwrap();
    fs::write(place.dir().join("cni.d/10-test.conflist"), network(dir)).unwrap();
    let version = Command::new("/usr/bin/containerd")
        .arg("--version")
        .output()
        .unwrap();
    let first = String::from_utf8_lossy(&version.stdout).contains(" 1.");
    let text = if first { config_1(dir) } else { config_2(dir) };
    fs::write(place.config_file(), text).unwrap();
}

/// One address for each pod, reached by a route; no masquerading, so no firewall rule of ours.
fn network(dir: &str) -> String {
    let third = std::process::id() % 250;
    format!(
        r#"{{
  "cniVersion": "0.4.0",
  "name": "komainu-test",
  "plugins": [{{
    "type": "ptp",
    "ipMasq": false,
    "ipam": {{
      "type": "host-local",
      "dataDir": "{dir}/ipam",
      "ranges": [[{{"subnet": "10.199.{third}.0/24"}}]]
    }}
  }}]
}}"#
    )
}

/// What does not depend on the version. Without `restrict_oom_score_adj` runc needs `CAP_SYS_RESOURCE`, which root may
/// lack.
const RELAXED: &str = "disable_apparmor = true
tolerate_missing_hugetlb_controller = true
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true";

fn config_1(dir: &str) -> String {
    let (pause, runc) = (image::PAUSE, runc().unwrap());
    format!(
        r#"version = 2
root = "{dir}/root"
state = "{dir}/state"
[grpc]
address = "{dir}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{dir}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
stream_server_address = "127.0.0.1"
{RELAXED}
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{dir}/cni.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{runc}"
Root = "{dir}/runc"
SystemdCgroup = false
"#
    )
}

fn config_2(dir: &str) -> String {
    let (pause, runc) = (image::PAUSE, runc().unwrap());
    format!(
        r#"version = 3
root = "{dir}/root"
state = "{dir}/state"
[grpc]
address = "{dir}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{dir}/opt"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"
[plugins."io.containerd.grpc.v1.cri"]
stream_server_address = "127.0.0.1"
[plugins."io.containerd.cri.v1.runtime"]
{RELAXED}
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{dir}/cni.d"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
Root = "{dir}/runc"
SystemdCgroup = false
"#
    )
}
