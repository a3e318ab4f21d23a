//! Watches: pieces, bookmarks, versions that are gone, ends of all kinds.

use std::time::Duration;

use bytes::Bytes;

use crate::agent::{Agent, times};
use crate::objects::pod;
use crate::server::{Break, Fault, Kind, Server};
use komainu::enrich::cluster::Limits;

fn watches(server: &Server) -> Vec<String> {
    let requests = server.requests().into_iter();
    requests
        .filter(|text| text.starts_with("/api/v1/pods") && text.contains("watch=true"))
        .collect()
}

fn lists(server: &Server) -> usize {
    let requests = server.requests().into_iter();
    requests
        .filter(|text| text.starts_with("/api/v1/pods") && !text.contains("watch=true"))
        .count()
}

#[tokio::test]
async fn pieces_of_any_size() {
    for piece in [1, 2, 3, 7, 64, 1000] {
        let server = Server::plain().await;
        server.change(|store| store.piece = piece);
        server.put(Kind::Pod, pod("first"));
        let mut agent = Agent::of(&server);
        agent.up().await;
        for n in 0..5 {
            server.put(Kind::Pod, pod(&format!("p{n}")));
        }
        server.remove(Kind::Pod, "p0");
        server.remove(Kind::Pod, "first");
        let is_there = |agent: &Agent| agent.pods.len() == 4 && agent.has("p4") && !agent.has("p0");
        agent.until("all changes", is_there).await;
        assert_eq!(agent.pods.len(), 4, "{piece}");
        assert!(agent.downs.is_empty());
        assert_eq!(lists(&server), 1);
    }
}

#[tokio::test]
async fn a_watch_goes_on_from_the_bookmark() {
    let server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    agent.listen(Duration::from_millis(200)).await;
    assert!(watches(&server)[0].contains("allowWatchBookmarks=true"));
    let mark = server.change(crate::server::Store::mark);
    agent.listen(Duration::from_millis(200)).await;
    server.break_watches(Break::End);
    server.put(Kind::Pod, pod("web"));
    agent.until("web", |agent| agent.has("web")).await;
    let from = format!("resourceVersion={mark}");
    assert!(
        watches(&server).iter().any(|text| text.ends_with(&from)),
        "{:?}",
        watches(&server)
    );
    assert_eq!(lists(&server), 1);
    assert!(agent.downs.is_empty());
}

#[tokio::test]
async fn a_version_that_is_gone_is_followed_by_a_list() {
    for in_event in [false, true] {
        let server = Server::plain().await;
        server.put(Kind::Pod, pod("old"));
        server.put(Kind::Pod, pod("web"));
        let mut agent = Agent::of(&server);
        agent.up().await;
        agent.forget();
        server.change(|store| {
            store.breaks(Break::End);
            store.remove(Kind::Pod, "old");
            store.put(Kind::Pod, pod("new"));
            store.compact(in_event);
        });
        agent
            .until("new", |agent| agent.has("new") && !agent.has("old"))
            .await;
        assert!(agent.downs.is_empty(), "{:?}", agent.downs);
        assert_eq!(lists(&server), 2);
        server.put(Kind::Pod, pod("last"));
        agent.until("last", |agent| agent.has("last")).await;
        assert_eq!(agent.pods.len(), 3);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_outage() {
    let server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    agent.forget();
    for n in 0..5 {
        agent.listen(Duration::from_millis(50)).await;
        server.break_watches(Break::Reset);
        let name = format!("p{n}");
        server.put(Kind::Pod, pod(&name));
        agent.until("the pod", |agent| agent.has(&name)).await;
    }
    assert!(agent.downs.is_empty(), "{:?}", agent.downs);
    assert_eq!(lists(&server), 1);
}

#[tokio::test]
async fn a_silent_connection_is_given_up() {
    let server = Server::plain().await;
    let mut short = times();
    short.watch = Duration::from_secs(1);
    short.silence = Duration::from_millis(200);
    let mut agent = Agent::with(&server, None, short, Limits::default());
    agent.up().await;
    agent.listen(Duration::from_millis(200)).await;
    server.break_watches(Break::Silence);
    server.put(Kind::Pod, pod("web"));
    agent.until("web", |agent| agent.has("web")).await;
    assert!(agent.downs.is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_made_up_for_by_a_list() {
    let long = format!("{{\"type\":\"ADDED\",\"object\":\"{}", "x".repeat(5 << 20));
    let bodies = [
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":\n",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}\n",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\",\"labels\":7}}}\n",
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{}}}\n",
        "{\"type\":\"SURPRISE\",\"object\":{}}\n",
        "{\"type\":\"ADDED\"}\n",
        "\u{0}\n",
        &long,
    ];
    for body in bodies {
        let server = Server::plain().await;
        server.put(Kind::Pod, pod("old"));
        server.fail(
            "/api/v1/pods?&watch",
            Fault::Body(Bytes::from(body.to_owned())),
        );
        let mut agent = Agent::of(&server);
        agent.up().await;
        server.remove(Kind::Pod, "old");
        server.put(Kind::Pod, pod("web"));
        agent
            .until("web", |agent| agent.has("web") && !agent.has("old"))
            .await;
        assert_eq!(lists(&server), 2, "{body:.80}");
        assert!(agent.downs.is_empty(), "{:?}", agent.downs);
    }
}

#[tokio::test]
async fn an_error_event_is_an_outage_with_a_reason() {
    let server = Server::plain().await;
    let event =
        "{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"etcd is \\u001b[31mlost\"}}\n";
    server.fail("/api/v1/pods?&watch", Fault::Body(Bytes::from(event)));
    let mut agent = Agent::of(&server);
    agent.down("status 500: etcd is  [31mlost").await;
    agent.up().await;
}

#[tokio::test]
async fn a_watch_that_always_ends_at_once_is_not_begun_all_the_time() {
    let server = Server::plain().await;
    server.change(|store| store.no_patience = true);
    let mut agent = Agent::of(&server);
    agent.up().await;
    let before = watches(&server).len();
    agent.listen(Duration::from_secs(2)).await;
    let count = watches(&server).len() - before;
    // 20 ms, doubled up to 200 ms, of which at least a half.
    assert!((2..=30).contains(&count), "{count} watches in two seconds");
    server.put(Kind::Pod, pod("web"));
    agent.until("web", |agent| agent.has("web")).await;
    assert!(agent.downs.is_empty());
}
