//! The pod of `deploy/manifests`, run by a real containerd and runc: without `privileged`, with the mounts, capabilities and
//! read-only root that the manifest gives it, the agent loads and says which pod did it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    Test,
    node::{Confined, Node, Pids, Pod, Sandbox, Spec},
    watch::Watch,
};

pub(crate) const TESTS: &[Test] = &[
    ("deployed_pod_alerts_without_privileged", as_it_is),
    (
        "deployed_pod_alerts_with_its_own_seccomp_profile",
        with_own_seccomp,
    ),
];

/// For the agent to load, and for an alert to be in the log.
const PATIENCE: Duration = Duration::from_secs(30);
const UID: &str = "7e1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

/// The objects of a manifest.
pub(crate) fn objects(name: &str) -> Vec<Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests");
    let text = fs::read_to_string(dir.join(name)).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// Specification of the agent's pod.
pub(crate) fn pod_spec() -> Value {
    let set = objects("daemonset.yaml").remove(0);
    set["spec"]["template"]["spec"].clone()
}

/// What its container may do.
pub(crate) fn context() -> Value {
    pod_spec()["containers"][0]["securityContext"].clone()
}

/// The names in a list of texts.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// Where a volume of the pod is on this machine: paths are the node's, config maps are files below `dir`.
fn source(volume: &Value, dir: &Path, node: &Node) -> PathBuf {
    let name = volume["name"].as_str().unwrap();
    match (volume["hostPath"]["path"].as_str(), name) {
        (Some("/run/containerd"), _) => node.socket().parent().unwrap().into(),
        (Some(path), _) => path.into(),
        (None, "config") => {
            let config = dir.join("komainu.yaml");
            let text = objects("config.yaml")[0]["data"]["komainu.yaml"].clone();
            fs::write(&config, text.as_str().unwrap()).unwrap();
            config
        }
        (None, "rules") => {
            let rules = dir.join("rules");
            fs::create_dir(&rules).unwrap();
            for object in objects("rules.yaml") {
                for (name, text) in object["data"].as_object().unwrap() {
                    fs::write(rules.join(name), text.as_str().unwrap()).unwrap();
                }
            }
            rules
        }
        (None, other) => panic!("nobody knows the volume {other}"),
    }
}

/// Host path, path inside, read-only: what the manifest mounts, and the program, which is linked with this machine's libraries.
fn mounts(spec: &Value, dir: &Path, node: &Node) -> Vec<(String, String, bool)> {
    let volumes = spec["volumes"].as_array().unwrap();
    let mounts = spec["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            let volume = volumes
                .iter()
                .find(|volume| volume["name"] == mount["name"])
                .unwrap();
            let path = source(volume, dir, node).to_str().unwrap().to_owned();
            (
                path,
                mount["mountPath"].as_str().unwrap().to_owned(),
                mount["readOnly"] == true,
            )
        });
    let libraries = ["/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"];
    let libraries = libraries
        .into_iter()
        .filter(|path| Path::new(path).exists());
    let libraries = libraries.map(|path| (path.to_owned(), path.to_owned(), true));
    let program = (
        env!("CARGO_BIN_EXE_komainu").to_owned(),
        "/komainu".to_owned(),
        true,
    );
    mounts.chain(libraries).chain([program]).collect()
}

/// Starts what the manifest describes, with the runtime's own seccomp profile or the one in this file; gives the pod and the
/// file of its log.
fn deploy(node: &Node, dir: &Path, seccomp: Option<&str>) -> (Sandbox, PathBuf) {
    let spec = pod_spec();
    let container = &spec["containers"][0];
    let context = context();
    assert_eq!(
        (&context["privileged"], &context["readOnlyRootFilesystem"]),
        (&false.into(), &true.into())
    );
    let sandbox = node.pod(&Pod {
        name: "komainu-0",
        namespace: "komainu",
        uid: UID,
        host_network: spec["hostNetwork"] == true,
        pids: if spec["hostPID"] == true {
            Pids::Node
        } else {
            Pids::Container
        },
        ..Pod::default()
    });
    let mounts = mounts(&spec, dir, node);
    let mounts: Vec<_> = mounts
        .iter()
        .map(|(host, inside, ro)| (host.as_str(), inside.as_str(), *ro))
        .collect();
    let command: Vec<&str> = ["/komainu"]
        .into_iter()
        .chain(texts(&container["args"]))
        .collect();
    node.container(
        &sandbox,
        &Spec {
            name: "komainu",
            command: &command,
            mounts: &mounts,
            env: &[("NODE_NAME", "node-1")],
            confined: Some(Confined {
                capabilities: &texts(&context["capabilities"]["add"]),
                seccomp,
            }),
            ..Spec::default()
        },
    );
    (sandbox, node.log_of(UID, "komainu"))
}

/// Lines of JSON on the standard output of a container, from its log in the format of CRI.
fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let outputs = text
        .lines()
        .filter_map(|line| line.split_once(" stdout F "));
    outputs
        .filter_map(|(_, json)| serde_json::from_str(json).ok())
        .collect()
}

fn wait_for(log: &Path, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(line) = lines(log).into_iter().find(&wanted) {
            return line;
        }
        let told = || fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < deadline, "no {what} in\n{}", told());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn as_it_is(_: &mut Watch) {
    assert_eq!(
        context()["seccompProfile"],
        serde_json::json!({"type": "RuntimeDefault"})
    );
    alerts(None);
}

fn with_own_seccomp(_: &mut Watch) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/seccomp/komainu.json");
    let file = file.canonicalize().unwrap();
    alerts(Some(&format!("localhost/{}", file.display())));
}

fn alerts(seccomp: Option<&str>) {
    let node = Node::start();
    let dir = tempfile::tempdir().unwrap();
    let web = node.pod(&Pod {
        name: "web-0",
        namespace: "shop",
        ..Pod::default()
    });
    let main = node.container(&web, &Spec::default());
    let (agent, log) = deploy(&node, dir.path(), seccomp);
    let started = wait_for(&log, "start", |line| {
        line["output_fields"]["komainu.event"] == "started"
    });
    assert_eq!(
        started["output_fields"]["komainu.probes_failed"],
        serde_json::json!([]),
        "{started}"
    );
    // The container is older than the agent, and what is executed in it is not.
    node.exec(&main, &["id", "komainu-deployed"]);
    let ours = |line: &Value| line.to_string().contains("id komainu-deployed");
    let alert = wait_for(&log, "alert", ours);
    assert_eq!(
        (&alert["pod"]["name"], &alert["pod"]["namespace"]),
        (&"web-0".into(), &"shop".into()),
        "{alert}"
    );
    assert_eq!(alert["container"]["name"], "app", "{alert}");
    assert_eq!(
        (&alert["node"], &alert["hostname"]),
        (&"node-1".into(), &"node-1".into())
    );
    // For a round of the canary, which starts a program and names files, to be over.
    std::thread::sleep(Duration::from_secs(6));
    let seen = fs::read_to_string(&log).unwrap();
    for trouble in [" WARN ", " ERROR ", "coverage_lost"] {
        assert!(!seen.contains(trouble), "{seen}");
    }
    node.remove_pod(&agent);
    node.remove_pod(&web);
}
