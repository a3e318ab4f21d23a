//! The rights in `deploy/manifests/rbac.yaml`: exactly those that are used.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::objects::{namespace, pod};
use crate::server::{Break, Kind, Server};

/// The objects of these files of the manifests.
pub(crate) fn objects(files: &[&str]) -> Vec<Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests");
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(dir.join(file)).unwrap());
    let documents = texts.flat_map(|text| {
        let documents = serde_yaml::Deserializer::from_str(&text);
        documents
            .map(|document| Value::deserialize(document).unwrap())
            .collect::<Vec<_>>()
    });
    documents.collect()
}

fn manifest() -> Vec<Value> {
    objects(&["00-namespace.yaml", "rbac.yaml"])
}

fn of_kind(kind: &str) -> Value {
    let all = manifest();
    let mut found = all.into_iter().filter(|object| object["kind"] == kind);
    let object = found.next().unwrap();
    assert!(found.next().is_none(), "one {kind}");
    object
}

#[test]
fn the_role_has_exactly_these_rules() {
    let role = of_kind("ClusterRole");
    let rules = json!([{
        "apiGroups": [""],
        "resources": ["pods", "namespaces"],
        "verbs": ["get", "list", "watch"],
    }]);
    assert_eq!(role["rules"], rules);
    assert_eq!(role.get("aggregationRule"), None);
}

#[test]
fn nothing_but_the_account_is_bound_to_it() {
    let (account, role, binding) = (
        of_kind("ServiceAccount"),
        of_kind("ClusterRole"),
        of_kind("ClusterRoleBinding"),
    );
    let kinds: BTreeSet<_> = manifest()
        .iter()
        .map(|object| object["kind"].to_string())
        .collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    let space = of_kind("Namespace")["metadata"]["name"].clone();
    assert_eq!(account["metadata"]["namespace"], space);
    assert_eq!(
        binding["subjects"],
        json!([{"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": space}])
    );
    assert_eq!(
        binding["roleRef"],
        json!({
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role["metadata"]["name"],
        })
    );
}

#[tokio::test]
async fn what_is_asked_for_is_in_the_role_but_for_the_node() {
    let server = Server::plain().await;
    server.put(Kind::Namespace, namespace("shop", "a"));
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    server.change(|store| store.compact(true));
    server.break_watches(Break::Reset);
    agent.listen(Duration::from_millis(500)).await;
    let role = of_kind("ClusterRole");
    let allowed = |resource: &str, verb: &str| {
        let has = |rule: &Value, key: &str, what: &str| {
            rule[key].as_array().unwrap().contains(&json!(what))
        };
        let rules = role["rules"].as_array().unwrap();
        rules
            .iter()
            .any(|rule| has(rule, "resources", resource) && has(rule, "verbs", verb))
    };
    let mut used = BTreeSet::new();
    for request in server.requests() {
        let rest = request.strip_prefix("/api/v1/").unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        if path == "nodes/n1" {
            continue;
        }
        let verb = if query.contains("watch=true") {
            "watch"
        } else {
            "list"
        };
        assert!(allowed(path, verb), "{request}");
        used.insert(format!("{verb} {path}"));
    }
    let all = [
        "list namespaces",
        "list pods",
        "watch namespaces",
        "watch pods",
    ];
    assert_eq!(used, all.map(str::to_owned).into());
}
