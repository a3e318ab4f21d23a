//! TLS, tokens, rights.

use std::fs;
use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::objects::pod;
use crate::server::{Break, Identity, Kind, Server};

#[tokio::test]
async fn a_server_that_another_authority_vouches_for_is_not_believed() {
    let (right, wrong) = (Identity::new(), Identity::new());
    let mut server = Server::secure(&wrong).await;
    server.put(Kind::Pod, pod("web"));
    let mut agent = Agent::trusting(&server, &right);
    agent.down("certificate").await;
    assert!(
        server.requests().is_empty(),
        "nobody unknown is shown the token"
    );
    server.stop().await;
    server.start(Some(&right)).await;
    agent.up().await;
    assert!(agent.has("web"));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    let identity = Identity::new();
    let mut server = Server::plain().await;
    let mut agent = Agent::trusting(&server, &identity);
    agent.down("").await;
    server.stop().await;
    server.start(Some(&identity)).await;
    agent.up().await;
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_anew() {
    let identity = Identity::new();
    let server = Server::secure(&identity).await;
    server.change(|store| store.token = Some("first".into()));
    let mut agent = Agent::trusting(&server, &identity);
    agent.up().await;
    // The server takes the new one only, before the file has it.
    server.change(|store| store.token = Some("second".into()));
    server.break_watches(Break::End);
    agent.down("status 401: Unauthorized").await;
    let began = Instant::now();
    fs::write(agent.token(), "second").unwrap();
    agent.up().await;
    // kube itself reads the file every minute.
    assert!(began.elapsed() < Duration::from_secs(40));
    server.put(Kind::Pod, pod("web"));
    agent.until("web", |agent| agent.has("web")).await;
}

#[tokio::test]
async fn a_right_that_is_granted_later() {
    let server = Server::plain().await;
    server.put(Kind::Pod, pod("web"));
    server.change(|store| store.forbidden = vec!["/api/v1/pods"]);
    let mut agent = Agent::of(&server);
    agent.down("status 403: may not be read").await;
    agent.listen(Duration::from_millis(200)).await;
    server.change(|store| store.forbidden.clear());
    agent.up().await;
    assert!(agent.has("web"));
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_yet_or_broken() {
    let server = Server::plain().await;
    let mut agent = Agent::of(&server);
    agent.up().await;
    let path = agent.token().with_file_name("kubeconfig");
    let text = fs::read_to_string(&path).unwrap();
    for broken in [None, Some("{"), Some("clusters: []"), Some("\u{0}")] {
        match broken {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        // Refused once, everything is read anew.
        server.change(|store| store.forbidden = vec!["/api/v1/pods"]);
        server.break_watches(Break::End);
        agent.down("no access").await;
        server.change(|store| store.forbidden.clear());
        fs::write(&path, &text).unwrap();
        agent.up().await;
    }
}
