//! What is told of pods, and when.

use std::time::Duration;

use komainu::enrich::cluster::{Access, Limits, Settings, start};
use komainu::enrich::identity::{News, Reach, Source};
use serde_json::json;
use tokio::sync::mpsc;

use crate::agent::{Agent, times};
use crate::objects::{namespace, owner, pod};
use crate::server::{Identity, Kind, Server};

fn text(labels: &[(Box<str>, Box<str>)]) -> String {
    let entries: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    entries.join(",")
}

#[tokio::test]
async fn a_pod_is_told_with_all_that_belongs_to_it() {
    let identity = Identity::new();
    let server = Server::secure(&identity).await;
    server.change(|store| store.token = Some("first".into()));
    server.change(|store| store.node = Some(json!({"zone": "a"})));
    server.put(Kind::Namespace, namespace("shop", "sales"));
    let mut web = pod("web-7d4b9c-x");
    web["metadata"]["labels"] = json!({"app": "web", "pod-template-hash": "7d4b9c"});
    web["metadata"]["annotations"] = json!({
        "team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{\"password\":1}",
    });
    web["metadata"]["ownerReferences"] = owner("apps/v1", "ReplicaSet", "web-7d4b9c");
    server.put(Kind::Pod, web);
    let mut agent = Agent::trusting(&server, &identity);
    agent.up().await;
    assert_eq!(agent.log, ["Starting", "+web-7d4b9c-x", "Up"]);
    let pod = agent.pod("web-7d4b9c-x");
    assert_eq!((&*pod.uid, &*pod.namespace), ("uid-web-7d4b9c-x", "shop"));
    assert_eq!(text(&pod.labels), "app=web,pod-template-hash=7d4b9c");
    assert_eq!(text(&pod.annotations), "team=a");
    assert_eq!(pod.ip.as_deref(), Some("10.0.0.7"));
    let object = &pod.object;
    let owner = object.owner.as_ref().unwrap();
    assert_eq!((&*owner.kind, &*owner.name), ("Deployment", "web"));
    assert_eq!(&*object.service_account, "default");
    assert_eq!(text(&object.namespace_labels), "team=sales");
    assert_eq!(text(&object.node_labels), "zone=a");
}

#[tokio::test]
async fn a_static_pod_has_the_id_that_the_kubelet_gave_it() {
    let server = Server::plain().await;
    let mut etcd = pod("etcd-n1");
    etcd["metadata"]["annotations"] = json!({
        "kubernetes.io/config.hash": "0123456789abcdef", "kubernetes.io/config.mirror": "0123456789abcdef",
    });
    etcd["metadata"]["ownerReferences"] = owner("v1", "Node", "n1");
    server.put(Kind::Pod, etcd);
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(&*agent.pod("etcd-n1").uid, "0123456789abcdef");
    server.remove(Kind::Pod, "etcd-n1");
    agent.until("gone", |agent| agent.pods.is_empty()).await;
}

#[tokio::test]
async fn changes_that_matter_are_told_and_others_are_not() {
    let server = Server::plain().await;
    server.put(Kind::Namespace, namespace("shop", "sales"));
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    agent.forget();

    let mut web = pod("web");
    web["status"]["conditions"] = json!([{"type": "Ready"}]);
    server.put(Kind::Pod, web.clone());
    web["metadata"]["labels"]["app"] = "shop".into();
    server.put(Kind::Pod, web);
    server.put(Kind::Pod, pod("db"));
    agent.until("db", |agent| agent.has("db")).await;
    assert_eq!(agent.log, ["+web", "+db"], "the first change is none");
    assert_eq!(text(&agent.pod("web").labels), "app=shop");

    server.put(Kind::Namespace, namespace("other", "x"));
    server.put(Kind::Namespace, namespace("shop", "support"));
    let is_new = |agent: &Agent| {
        let labels = |name| text(&agent.pod(name).object.namespace_labels);
        labels("web") == "team=support" && labels("db") == "team=support"
    };
    agent.until("the namespace's labels", is_new).await;

    server.remove(Kind::Pod, "web");
    agent.until("gone", |agent| !agent.has("web")).await;
    assert!(agent.downs.is_empty());
}

#[tokio::test]
async fn without_a_right_to_namespaces_and_nodes_pods_are_told_without_their_labels() {
    let server = Server::plain().await;
    server.change(|store| store.forbidden = vec!["/api/v1/namespaces"]);
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    let object = &agent.pod("web").object;
    assert!(object.namespace_labels.is_empty() && object.node_labels.is_empty());
    assert!(agent.downs.is_empty());
}

#[tokio::test]
async fn pods_of_other_nodes_are_not_told_whatever_the_server_sends() {
    let server = Server::plain().await;
    server.change(|store| store.no_selector = true);
    let mut other = pod("other");
    other["spec"]["nodeName"] = "n2".into();
    let mut pending = pod("pending");
    pending["spec"] = json!({});
    server.put(Kind::Pod, other.clone());
    server.put(Kind::Pod, pending);
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    server.put(Kind::Pod, other);
    server.put(Kind::Pod, pod("last"));
    agent.until("last", |agent| agent.has("last")).await;
    assert_eq!(agent.pods.len(), 2, "{:?}", agent.log);
}

#[tokio::test]
async fn without_a_cluster_nobody_is_asked() {
    let (sender, mut news) = mpsc::channel(1);
    let settings = Settings {
        access: Access::Off,
        node: "n1".into(),
        limits: Limits::default(),
        times: times(),
        inquiries: std::sync::Arc::default(),
    };
    let asking = tokio::spawn(start(settings, sender));
    let first = news.recv().await;
    assert_eq!(first, Some(News::Reach(Source::Cluster, Reach::Off)));
    assert_eq!(news.recv().await, None);
    asking.await.unwrap();
}

#[tokio::test]
async fn it_ends_when_nobody_listens() {
    let server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    agent.hang_up().await;
    // And where it is waiting for a server that is not there.
    let nobody = Server::stopped().await;
    let mut agent = Agent::of(&nobody);
    agent.down("").await;
    agent.hang_up().await;
}

#[tokio::test]
async fn a_slow_taker_loses_nothing() {
    let server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    for n in 0..500 {
        server.put(Kind::Pod, pod(&format!("p{n:03}")));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    agent.until("all", |agent| agent.pods.len() == 500).await;
    assert!(agent.downs.is_empty());
}
