//! A server that is away, slow, busy, or starts again.

use std::time::{Duration, Instant};

use komainu::enrich::cluster::Limits;

use crate::agent::{Agent, times};
use crate::objects::pod;
use crate::server::{Fault, Kind, Server};

#[tokio::test]
async fn a_server_that_comes_later() {
    let mut server = Server::stopped().await;
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.down("onnect").await;
    agent.listen(Duration::from_millis(200)).await;
    server.start(None).await;
    agent.up().await;
    assert!(agent.has("web"));
}

#[tokio::test]
async fn a_server_that_starts_again() {
    let mut server = Server::plain().await;
    server.put(Kind::Pod, pod("old"));
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::of(&server);
    agent.up().await;
    for round in 0..3 {
        server.stop().await;
        agent.down("onnect").await;
        assert!(agent.has("web"), "what was known stays known");
        let (old, new) = (format!("old{round}"), format!("new{round}"));
        server.put(Kind::Pod, pod(&old));
        server.remove(Kind::Pod, &old);
        server.put(Kind::Pod, pod(&new));
        if round == 1 {
            server.remove(Kind::Pod, "old");
            server.change(|store| store.compact(true));
        }
        server.start(None).await;
        agent.until("new", |agent| agent.has(&new)).await;
        agent.up().await;
    }
    assert_eq!(agent.pods.len(), 4);
    assert!(!agent.has("old"));
}

#[tokio::test]
async fn up_is_told_though_nothing_changes() {
    let mut server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    server.stop().await;
    agent.down("").await;
    server.start(None).await;
    agent.up().await;
    assert_eq!(agent.log.len(), agent.downs.len() + 3, "{:?}", agent.log);
}

#[tokio::test]
async fn no_answer_and_half_an_answer() {
    for fault in [Fault::Hang, Fault::HangInside] {
        let server = Server::plain().await;
        server.put(Kind::Pod, pod("web"));
        server.fail("/api/v1/pods", fault);
        let mut short = times();
        (short.answer, short.list) = (Duration::from_millis(500), Duration::from_millis(700));
        let mut agent = Agent::with(&server, None, short, Limits::default());
        agent.down("no answer within 0.").await;
        agent.up().await;
        assert!(agent.has("web"));
    }
}

#[tokio::test]
async fn a_namespace_list_that_hangs_holds_up_no_pod() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod("web"));
    server.fail("/api/v1/namespaces", Fault::Hang);
    server.fail("/api/v1/nodes", Fault::Hang);
    let mut long = times();
    long.answer = Duration::from_mins(10);
    let mut agent = Agent::with(&server, None, long, Limits::default());
    agent.up().await;
    assert!(agent.has("web"));
}

#[tokio::test]
async fn a_slow_answer_is_an_answer() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod("web"));
    server.fail("/api/v1/pods", Fault::Late(Duration::from_millis(300)));
    server.fail(
        "/api/v1/pods?&watch",
        Fault::Late(Duration::from_millis(300)),
    );
    let mut agent = Agent::of(&server);
    agent.up().await;
    server.put(Kind::Pod, pod("late"));
    agent.until("late", |agent| agent.has("late")).await;
    assert!(agent.downs.is_empty(), "{:?}", agent.downs);
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let server = Server::plain().await;
    server.fail("/api/v1/pods", Fault::Busy(1));
    let mut patient = times();
    patient.pace.most = Duration::from_secs(3);
    let began = Instant::now();
    let mut agent = Agent::with(&server, None, patient, Limits::default());
    agent.down("status 429: busy").await;
    agent.up().await;
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_fails_for_long_is_asked_less_and_less() {
    let server = Server::plain().await;
    for _ in 0..1000 {
        server.fail("/api/v1/pods", Fault::Status(500, "out of order"));
    }
    let mut agent = Agent::of(&server);
    agent.down("out of order").await;
    agent.listen(Duration::from_secs(2)).await;
    let requests = server.requests();
    let count = requests
        .iter()
        .filter(|text| text.starts_with("/api/v1/pods"))
        .count();
    assert!((5..=32).contains(&count), "{count} requests in two seconds");
    server.forgive();
    assert!(
        agent.downs.len() <= 2,
        "an outage is told once: {:?}",
        agent.downs
    );
}
