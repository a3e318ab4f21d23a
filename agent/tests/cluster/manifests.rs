//! `deploy/manifests`: what the agent is configured with is what it reads and what is mounted, and the pod is no more than it
//! has to be.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use komainu::config::{self, Config};
use serde_json::{Value, json};

use crate::deploy::objects;

fn pod() -> Value {
    objects(&["daemonset.yaml"]).remove(0)["spec"]["template"]["spec"].clone()
}

fn config() -> Config {
    let maps = objects(&["config.yaml"]);
    let text = maps[0]["data"]["komainu.yaml"].as_str().unwrap();
    config::parse(Path::new("komainu.yaml"), text).unwrap()
}

/// Paths in the container by what is mounted there.
fn mounts() -> BTreeMap<String, String> {
    let pod = pod();
    let mounts = pod["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            assert_eq!(mount["readOnly"], true, "{mount}");
            let text = |key: &str| mount[key].as_str().unwrap().to_owned();
            (text("name"), text("mountPath"))
        });
    mounts.collect()
}

#[test]
fn the_configuration_is_read_and_names_what_is_mounted() {
    let (config, mounts) = (config(), mounts());
    assert_eq!(config.rules, [Path::new(&mounts["rules"])]);
    assert_eq!(config.users.passwd, Path::new(&mounts["passwd"]));
    assert_eq!(config.users.group, Path::new(&mounts["group"]));
    let runtime = config.containers.host_root.join("run/containerd");
    assert_eq!(runtime, Path::new(&mounts["runtime"]));
    let pod = pod();
    let container = &pod["containers"][0];
    assert_eq!(
        container["args"],
        json!(["run", "--config", mounts["config"]])
    );
}

#[test]
fn probes_and_metrics_ask_where_the_agent_listens() {
    let text = serde_json::to_value(config()).unwrap();
    let listen = text["http"]["listen"].as_str().unwrap().to_owned();
    let port: u16 = listen.rsplit_once(':').unwrap().1.parse().unwrap();
    let pod = pod();
    let container = &pod["containers"][0];
    assert_eq!(
        container["ports"],
        json!([{"name": "metrics", "containerPort": port}])
    );
    for (probe, path) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": path, "port": "metrics"})
        );
    }
}

#[test]
fn the_pod_is_no_more_than_it_has_to_be() {
    let pod = pod();
    let context = &pod["containers"][0]["securityContext"];
    assert_eq!(context["privileged"], false);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
    for absent in ["hostNetwork", "hostIPC", "initContainers"] {
        assert_eq!(pod.get(absent), None);
    }
    let volumes = pod["volumes"].as_array().unwrap().iter();
    let paths: Vec<&str> = volumes
        .filter_map(|volume| volume["hostPath"]["path"].as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/sys/fs/cgroup",
            "/run/containerd",
            "/etc/passwd",
            "/etc/group"
        ]
    );
}

/// Who applies the manifests again does not lose rules of his own, and who has none needs no map of them.
#[test]
fn own_rules_are_mounted_where_there_are_any_and_never_written() {
    let pod = pod();
    let volumes = pod["volumes"].as_array().unwrap().iter();
    let rules = volumes.filter(|volume| volume["name"] == "rules");
    let sources: Vec<&Value> = rules
        .map(|volume| &volume["projected"]["sources"])
        .collect();
    let wanted = json!([
        {"configMap": {"name": "komainu-rules"}},
        {"configMap": {"name": "komainu-own-rules", "optional": true}},
    ]);
    assert_eq!(sources, [&wanted]);
    let files = ["rules.yaml", "config.yaml", "daemonset.yaml", "rbac.yaml"];
    for object in objects(&files) {
        assert_ne!(object["metadata"]["name"], "komainu-own-rules");
    }
}

#[test]
fn the_map_of_rules_is_the_folder_of_rules() {
    let maps = objects(&["rules.yaml"]);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let files: BTreeMap<String, String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect();
    let map: BTreeMap<String, String> = serde_json::from_value(maps[0]["data"].clone()).unwrap();
    let lines = |texts: BTreeMap<String, String>| -> BTreeMap<String, Vec<String>> {
        let lines = |text: String| {
            text.trim_end()
                .lines()
                .map(|line| line.trim_end().to_owned())
                .collect()
        };
        texts
            .into_iter()
            .map(|(name, text)| (name, lines(text)))
            .collect()
    };
    assert_eq!(lines(map), lines(files), "`cargo xtask deploy` writes it");
}
