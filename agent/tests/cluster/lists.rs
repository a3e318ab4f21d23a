//! Lists: from the cache and in pages, huge, endless, malformed.

use bytes::Bytes;
use komainu::enrich::identity::Reach;

use crate::agent::Agent;
use crate::objects::pod;
use crate::server::{Fault, Kind, Server};

fn asked(server: &Server, parts: &[&str]) -> usize {
    let requests = server.requests();
    let pods = requests
        .iter()
        .filter(|text| text.starts_with("/api/v1/pods?"));
    pods.filter(|text| parts.iter().all(|part| text.contains(part)))
        .count()
}

#[tokio::test]
async fn the_first_list_is_from_the_servers_cache() {
    let server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    let of_node = "fieldSelector=spec.nodeName%3Dn1";
    assert_eq!(asked(&server, &[of_node, "resourceVersion=0&"]), 1);
    assert_eq!(asked(&server, &["limit="]), 0);
    let requests = server.requests();
    let pods = requests
        .iter()
        .filter(|text| text.starts_with("/api/v1/pods"));
    assert!(
        pods.into_iter().all(|text| text.contains(of_node)),
        "{requests:?}"
    );
    assert!(server.change(|store| {
        store
            .agents()
            .iter()
            .all(|agent| agent.starts_with("komainu/"))
    }));
}

#[tokio::test]
async fn five_thousand_pods() {
    let server = Server::plain().await;
    server.change(|store| {
        for n in 0..5000 {
            store.put(Kind::Pod, pod(&format!("p{n:04}")));
        }
    });
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(agent.pods.len(), 5000);
    assert_eq!(asked(&server, &["limit="]), 0);
    server.remove(Kind::Pod, "p4711");
    agent.until("gone", |agent| agent.pods.len() == 4999).await;
}

#[tokio::test]
async fn a_list_that_is_too_large_is_read_in_pages() {
    let server = Server::plain().await;
    let filler = "x".repeat(4096);
    server.change(|store| {
        for n in 0..5000 {
            let mut pod = pod(&format!("p{n:04}"));
            pod["metadata"]["managedFields"][0]["fieldsV1"] = filler.clone().into();
            store.put(Kind::Pod, pod);
        }
    });
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(agent.pods.len(), 5000);
    assert_eq!(asked(&server, &["limit=100"]), 50);
    assert_eq!(asked(&server, &["limit=100", "continue="]), 49);
    assert_eq!(agent.downs.len(), 1);
    assert!(agent.downs[0].contains("more than"), "{:?}", agent.downs);
}

#[tokio::test]
async fn a_page_that_is_gone_begins_the_list_anew() {
    let server = Server::plain().await;
    for n in 0..250 {
        server.put(Kind::Pod, pod(&format!("p{n:03}")));
    }
    server.fail("resourceVersion=0&", Fault::Status(500, "no cache"));
    server.fail(
        "continue=p199",
        Fault::Status(410, "the continue parameter is too old"),
    );
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(agent.pods.len(), 250);
    assert!(agent.downs[0].contains("no cache"), "{:?}", agent.downs);
}

#[tokio::test]
async fn a_version_that_the_cache_lacks_is_no_outage() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod("web"));
    server.fail("resourceVersion=0&", Fault::Status(410, "too old"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(asked(&server, &["limit=100"]), 1);
    assert!(agent.has("web") && agent.downs.is_empty());
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let server = Server::plain().await;
    server.change(|store| store.endless = true);
    let mut agent = Agent::of(&server);
    agent.down("pages").await;
    server.change(|store| store.endless = false);
    agent.up().await;
}

#[tokio::test]
async fn a_malformed_list_is_an_outage_with_a_reason() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod("web"));
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "<html>sign in</html>",
        "{\"items\":[]}",
        "{\"metadata\":{},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":7},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":{}}",
    ];
    for body in bodies {
        server.fail("/api/v1/pods", Fault::Body(Bytes::from(body)));
    }
    server.fail("/api/v1/pods", Fault::Body(Bytes::from(vec![0xff; 100])));
    let deep = format!("{{\"metadata\":{{}},\"items\":[{}", "[".repeat(100_000));
    server.fail("/api/v1/pods", Fault::Body(Bytes::from(deep)));
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert!(agent.has("web"));
    assert!(
        agent.downs.iter().all(|why| why.contains("malformed")),
        "{:?}",
        agent.downs
    );
    assert!(agent.downs.len() > 3);
}

#[tokio::test]
async fn a_malformed_object_costs_no_other() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod("web"));
    let broken = |name: &str, pointer: &str| {
        let mut pod = pod(name);
        *pod.pointer_mut(pointer).unwrap() = serde_json::json!([7]);
        pod
    };
    server.put(Kind::Pod, broken("a", "/metadata/labels"));
    server.put(Kind::Pod, broken("b", "/status/podIP"));
    server.put(Kind::Pod, broken("c", "/metadata/uid"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    assert_eq!(agent.log, ["Starting", "+web", "Up"]);
    assert_eq!(agent.reach, Some(Reach::Up));
}
