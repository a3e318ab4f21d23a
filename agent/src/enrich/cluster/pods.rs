//! The pods of this node.

use hyper::Request;
use kube::core::params::{ListParams, WatchParams};
use kube::core::request;

use super::answer::Failure;
use super::book::{Book, Seen};
use super::desk::{Closed, Desk};
use super::follow::Shelf;
use super::labels::bounded;
use super::object::{Meta, PodObject};
use super::owner;
use crate::enrich::identity::PodNews;
use crate::event;

/// Marks a pod that stands for one that the kubelet started from a file (`pkg/kubelet/types/pod_update.go`).
const MIRROR: &str = "kubernetes.io/config.mirror";
/// The id of the pod that it stands for, which is in the names of its cgroups.
const HASH: &str = "kubernetes.io/config.hash";
/// Bytes of a name at most: DNS subdomains (RFC 1123) have 253.
const MAX_NAME: usize = 253;
const PATH: &str = "/api/v1/pods";

/// Puts pods on the desk.
#[derive(Debug)]
pub(super) struct Pods<'d> {
    desk: &'d Desk,
    node: &'d str,
}

impl<'d> Pods<'d> {
    pub(super) fn new(desk: &'d Desk, node: &'d str) -> Self {
        Self { desk, node }
    }
}

impl Shelf for Pods<'_> {
    type Object = PodObject;

    fn list(&self, params: &ListParams) -> Result<Request<Vec<u8>>, request::Error> {
        kube::core::Request::new(PATH).list(params)
    }

    fn watch(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> Result<Request<Vec<u8>>, request::Error> {
        kube::core::Request::new(PATH).watch(params, version)
    }

    fn fields(&self) -> Option<String> {
        Some(format!("spec.nodeName={}", self.node))
    }

    async fn begin(&self) -> Result<(), Closed> {
        self.desk.update(Book::begin_pods).await
    }

    async fn put(&self, pod: PodObject) -> Result<(), Closed> {
        match news(pod, self.node) {
            Some(seen) => self.desk.update(|book| book.put_pod(seen)).await,
            None => self.desk.update(Book::refuse_pod).await,
        }
    }

    async fn remove(&self, pod: PodObject) -> Result<(), Closed> {
        let key = key(&pod.metadata, self.node).to_owned();
        self.desk
            .update(|book| book.remove_pod(&key, &pod.metadata.uid))
            .await
    }

    async fn complete(&self) -> Result<(), Closed> {
        self.desk.update(Book::complete_pods).await?;
        self.desk.pods_are_listed();
        Ok(())
    }

    async fn up(&self) -> Result<(), Closed> {
        self.desk.update(Book::up).await
    }

    async fn down(&self, why: &Failure) -> Result<(), Closed> {
        self.desk.update(|book| book.down(&why.to_string())).await
    }
}

/// What cgroups call this pod. Only a pod that belongs to this very node can be a mirror; the API
/// server's node restriction lets nobody but the kubelet make such a one.
fn key<'a>(pod: &'a Meta, node: &str) -> &'a str {
    let is_mirror = pod.annotation(MIRROR).is_some()
        && pod
            .controller()
            .is_some_and(|owner| &*owner.kind == "Node" && &*owner.name == node);
    let hash = pod
        .annotation(HASH)
        .filter(|hash| is_mirror && !hash.is_empty());
    hash.unwrap_or(&pod.uid)
}

/// What is told of it; `None` if it is no pod of this node, or none that can be named.
fn news(pod: PodObject, node: &str) -> Option<Seen> {
    let meta = &pod.metadata;
    let uid = key(meta, node);
    let is_name = |text: &str| !text.is_empty() && text.len() <= MAX_NAME;
    let named = [uid, &meta.uid, &meta.name, &meta.namespace]
        .into_iter()
        .all(is_name);
    if !named || &*pod.spec.node_name != node {
        return None;
    }
    let object = event::PodObject {
        owner: owner::of(meta).filter(|owner| is_name(&owner.kind) && is_name(&owner.name)),
        service_account: Some(pod.spec.service_account_name)
            .filter(|name| is_name(name))
            .unwrap_or_default(),
        ..event::PodObject::default()
    };
    let uid = uid.into();
    let meta = pod.metadata;
    Some(Seen {
        object: meta.uid,
        finished: matches!(&*pod.status.phase, "Succeeded" | "Failed"),
        news: PodNews {
            uid,
            name: meta.name,
            namespace: meta.namespace,
            labels: bounded(meta.labels),
            annotations: bounded(meta.annotations),
            ip: pod.status.pod_ip.filter(|ip| is_name(ip)),
            object,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pod: serde_json::Value) -> Option<Seen> {
        news(serde_json::from_value(pod).unwrap(), "n1")
    }

    fn pod() -> serde_json::Value {
        serde_json::json!({
            "metadata": {
                "name": "web-7d4b9c-x2x", "namespace": "shop", "uid": "u-1", "resourceVersion": "7",
                "labels": {"app": "web", "pod-template-hash": "7d4b9c"},
                "annotations": {"team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet",
                                     "name": "web-7d4b9c", "controller": true}],
                "managedFields": [{"manager": "kubelet"}],
            },
            "spec": {"nodeName": "n1", "serviceAccountName": "shop", "containers": [{"env": []}]},
            "status": {"podIP": "10.0.0.7", "phase": "Running"},
        })
    }

    #[test]
    fn a_pod_as_it_is_told() {
        let seen = seen(pod()).unwrap();
        let news = seen.news;
        assert_eq!(
            (&*news.uid, &*news.name, &*news.namespace),
            ("u-1", "web-7d4b9c-x2x", "shop")
        );
        assert_eq!(news.labels.len(), 2);
        assert_eq!(news.annotations, [("team".into(), "a".into())]);
        assert_eq!(news.ip.as_deref(), Some("10.0.0.7"));
        let owner = news.object.owner.unwrap();
        assert_eq!((&*owner.kind, &*owner.name), ("Deployment", "web"));
        assert_eq!(
            (&*news.object.service_account, seen.finished),
            ("shop", false)
        );
    }

    #[test]
    fn a_pod_of_another_node_or_without_a_name_is_none() {
        for (pointer, value) in [
            ("/spec/nodeName", "n2"),
            ("/spec/nodeName", ""),
            ("/metadata/uid", ""),
            ("/metadata/name", ""),
            ("/metadata/namespace", &*"x".repeat(254)),
        ] {
            let mut pod = pod();
            *pod.pointer_mut(pointer).unwrap() = value.into();
            assert!(seen(pod).is_none(), "{pointer} {value}");
        }
        let empty: PodObject = serde_json::from_str("{}").unwrap();
        assert!(news(empty, "").is_none());
    }

    #[test]
    fn a_mirror_is_told_as_the_pod_that_it_stands_for() {
        let mut mirror = pod();
        mirror["metadata"]["annotations"] = serde_json::json!({MIRROR: "h", HASH: "h"});
        let node =
            |name: &str| serde_json::json!([{"kind": "Node", "name": name, "controller": true}]);
        mirror["metadata"]["ownerReferences"] = node("n1");
        let told = seen(mirror.clone()).unwrap();
        assert_eq!((&*told.news.uid, &*told.object), ("h", "u-1"));
        assert_eq!(&*told.news.object.owner.unwrap().kind, "Node");
        // Annotations are written by whoever makes the pod.
        mirror["metadata"]["ownerReferences"] = node("n2");
        assert_eq!(&*seen(mirror).unwrap().news.uid, "u-1");
        let mut claims = pod();
        claims["metadata"]["annotations"] = serde_json::json!({MIRROR: "h", HASH: "h"});
        assert_eq!(&*seen(claims).unwrap().news.uid, "u-1");
    }
}
