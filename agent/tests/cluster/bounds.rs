//! What is kept at most.

use komainu::enrich::cluster::Limits;

use crate::agent::{Agent, times};
use crate::objects::pod;
use crate::server::{Kind, Server};

#[tokio::test]
async fn pods_beyond_the_limit_are_not_kept_and_those_that_ended_give_way() {
    let server = Server::plain().await;
    for n in 0..20 {
        let mut pod = pod(&format!("p{n:02}"));
        if n < 5 {
            pod["status"]["phase"] = "Succeeded".into();
        }
        server.put(Kind::Pod, pod);
    }
    let limits = Limits {
        pods: 12,
        ..Limits::default()
    };
    let mut agent = Agent::with(&server, None, times(), limits);
    agent.up().await;
    assert_eq!(agent.pods.len(), 12);
    assert!(
        agent.pods.keys().all(|uid| uid.as_str() >= "uid-p05"),
        "{:?}",
        agent.log
    );
    server.remove(Kind::Pod, "p05");
    server.put(Kind::Pod, pod("last"));
    agent.until("last", |agent| agent.has("last")).await;
    assert_eq!(agent.pods.len(), 12);
}

#[tokio::test]
async fn labels_and_annotations_are_bounded() {
    let server = Server::plain().await;
    let mut web = pod("web");
    for n in 0..1000 {
        web["metadata"]["annotations"][format!("a{n:04}")] = "x".repeat(200).into();
        web["metadata"]["labels"][format!("l{n:04}")] = "y".repeat(50).into();
    }
    server.put(Kind::Pod, web);
    let mut agent = Agent::of(&server);
    agent.up().await;
    let pod = agent.pod("web");
    for labels in [&pod.labels, &pod.annotations] {
        let bytes: usize = labels
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        assert!(labels.len() > 10 && labels.len() <= 128 && bytes <= 8 << 10);
        assert!(labels.is_sorted());
    }
}

#[tokio::test]
async fn names_have_a_length() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod(&"x".repeat(254)));
    let mut no_uid = pod("no-uid");
    no_uid["metadata"]["uid"] = "".into();
    server.put(Kind::Pod, no_uid);
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(agent.log, ["Starting", "+web", "Up"]);
}
