//! Objects as clusters have them.

use serde_json::{Value, json};

/// A pod of node `n1` in the namespace `shop`.
pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": format!("uid-{name}"),
            "creationTimestamp": "2026-11-25T09:00:07Z",
            "labels": {"app": "web"},
            "annotations": {"team": "a"},
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
        },
        "spec": {
            "nodeName": "n1",
            "serviceAccountName": "default",
            "containers": [{"name": "main", "image": "web:1"}],
        },
        "status": {"phase": "Running", "podIP": "10.0.0.7"},
    })
}

/// A namespace with one label.
pub(crate) fn namespace(name: &str, team: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"team": team}}, "spec": {"finalizers": []}})
}

/// The controller of an object.
pub(crate) fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": "o", "controller": true}])
}
