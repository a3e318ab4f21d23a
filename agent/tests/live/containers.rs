//! Real containers: a real containerd and runc run them.

use std::{fs, path::Path};

use crate::{
    Test,
    node::{Node, Pod, Spec},
    watch::Watch,
};

pub(crate) const TESTS: &[Test] = &[("containers_leave_no_trace", leave_no_trace)];

/// What the tests below stand on: a node runs pods, outlives a crash of containerd, and goes away whole.
fn leave_no_trace(_: &mut Watch) {
    let mut node = Node::start();
    let pod = node.pod(&Pod {
        host_network: false,
        ..Pod::default()
    });
    let id = node.container(&pod, &Spec::default());
    let said = node.exec(&id, &["sh", "-c", "hostname; exit 3"]);
    assert_eq!((said.code, said.stdout.as_str()), (3, "pod-0\n"));
    node.kill();
    node.restart();
    let said = node.exec(&id, &["ls", "/"]);
    assert!(said.stdout.contains("etc"), "{said:?}");
    let dir = node.socket().parent().unwrap().to_owned();
    node.stop();

    let name = dir.file_name().unwrap().to_str().unwrap();
    assert!(!dir.exists());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(name), "{mounts}");
    for root in [
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/pids",
        "/sys/fs/cgroup/unified",
    ] {
        assert!(!Path::new(root).join(name).exists());
    }
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        assert!(!line.contains(name), "{line}");
    }
}
