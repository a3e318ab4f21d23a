//! Who did it, on every alert: real pods on a real containerd, and the whole agent.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    Test,
    agent::Agent,
    node::{Node, Pod, Sandbox, Spec},
    watch::Watch,
};

pub(crate) const TESTS: &[Test] = &[
    ("identity_first_process_is_named", first_process_is_named),
    ("identity_of_the_running_is_known", of_the_running_is_known),
    ("identity_survives_containerd", survives_containerd),
    ("identity_of_50_ms", of_50_ms),
    ("identity_of_many_in_a_row", of_many),
    ("identity_says_that_the_api_is_away", api_is_away),
    ("identity_has_a_reason_without_runtime", without_runtime),
];

/// Every program that is started in a container.
const PROGRAMS: &str = "
- rule: Program in a container
  desc: a test
  condition: evt.type = execve and container.id != host
  output: command=%proc.cmdline image=%container.image.repository pod=%k8s.pod.name
  priority: INFO
";

/// What lately removed containers and exited processes may take, which are kept for as long as events may be late, and what the
/// allocator does not give back.
const MOST_GROWTH: u64 = 4 << 20;

const UID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

fn agent(node: &Node, more: &str) -> Agent {
    Agent::on(node, PROGRAMS, more)
}

fn pod(node: &Node) -> Sandbox {
    node.pod(&Pod {
        name: "web-0",
        namespace: "shop",
        uid: UID,
        labels: &[("app", "web")],
        ..Pod::default()
    })
}

fn command<'a>(command: &'a [&'a str]) -> Spec<'a> {
    Spec {
        name: "main",
        command,
        ..Spec::default()
    }
}

/// An alert about this command line in this container.
pub(crate) fn runs(id: &str, command: &str) -> impl Fn(&Value) -> bool {
    let (id, command) = (id.to_owned(), command.to_owned());
    move |line| line["container"]["id"] == id && line["output_fields"]["proc.cmdline"] == command
}

/// It has everything that a runtime can tell.
fn assert_named(alert: &Value) {
    assert_eq!(alert["pod"]["name"], "web-0", "{alert}");
    assert_eq!(alert["pod"]["namespace"], "shop");
    assert_eq!(alert["pod"]["uid"], UID);
    assert_eq!(alert["container"]["name"], "main");
    let digest = alert["container"]["image_digest"].as_str();
    assert!(
        digest.is_some_and(|digest| digest.starts_with("sha256:")),
        "{alert}"
    );
    assert!(!alert["container"]["image"].as_str().unwrap().is_empty());
    assert_eq!(alert["output_fields"]["k8s.pod.name"], "web-0");
}

/// No alert of a container is without a pod's name and without a reason at the same time.
fn assert_none_without_reason(lines: &[Value]) {
    for line in lines.iter().filter(|line| line["container"].is_object()) {
        let resolution = line["resolution"].as_str().unwrap();
        let is_named = line["pod"]["name"]
            .as_str()
            .is_some_and(|name| !name.is_empty());
        assert!(
            is_named || !["complete", "host"].contains(&resolution),
            "{line}"
        );
    }
}

fn first_process_is_named(_: &mut Watch) {
    let node = Node::start();
    let agent = agent(&node, "");
    let pod = pod(&node);
    let id = node.container(&pod, &command(&["/bin/sleep", "1234"]));
    let alert = agent.wait_for(runs(&id, "sleep 1234"));
    assert_eq!(alert["resolution"], "complete");
    assert_named(&alert);
    node.exec(&id, &["id"]);
    let alert = agent.wait_for(runs(&id, "id"));
    assert_eq!(alert["resolution"], "complete");
    assert_named(&alert);
    let (status, lines) = agent.stop();
    assert!(status.success());
    assert_none_without_reason(&lines);
    let stopped = lines.last().unwrap();
    assert!(
        stopped["output_fields"]["komainu.identified"].as_u64() >= Some(1),
        "{stopped}"
    );
}

fn of_the_running_is_known(_: &mut Watch) {
    let node = Node::start();
    let id = node.container(&pod(&node), &command(&["/bin/sleep", "1234"]));
    let agent = agent(&node, "");
    node.exec(&id, &["id"]);
    let alert = agent.wait_for(runs(&id, "id"));
    assert_eq!(alert["resolution"], "complete");
    assert_named(&alert);
}

fn survives_containerd(_: &mut Watch) {
    let mut node = Node::start();
    let agent = agent(&node, "");
    let sandbox = pod(&node);
    let script = "while /bin/usleep 200000; do /bin/id >/dev/null; done";
    let id = node.container(&sandbox, &command(&["/bin/sh", "-c", script]));
    assert_named(&agent.wait_for(runs(&id, "id")));
    node.kill();
    std::thread::sleep(Duration::from_millis(500));
    for _ in 0..3 {
        let alert = agent.wait_for(runs(&id, "id"));
        assert_eq!(
            alert["resolution"], "complete",
            "what was known stays known"
        );
        assert_named(&alert);
    }
    node.restart();
    // The name is to be free for the next.
    node.remove(&id);
    let id = node.container(&sandbox, &command(&["/bin/sleep", "4321"]));
    let alert = agent.wait_for(runs(&id, "sleep 4321"));
    assert_eq!(alert["resolution"], "complete");
    assert_named(&alert);
}

fn of_50_ms(_: &mut Watch) {
    let node = Node::start();
    let agent = agent(&node, "");
    let sandbox = pod(&node);
    for _ in 0..5 {
        let id = node.container(&sandbox, &command(&["/bin/usleep", "50000"]));
        std::thread::sleep(Duration::from_millis(50));
        node.remove(&id);
        let alert = agent.wait_for(runs(&id, "usleep 50000"));
        assert_eq!(alert["resolution"], "complete");
        assert_named(&alert);
    }
    let (_, lines) = agent.stop();
    assert_none_without_reason(&lines);
}

/// Containers that come and go: each alert names its own, and what is kept of them does not add up. As many as the environment
/// variable says.
fn of_many(watch: &mut Watch) {
    watch.while_running(many_in_a_row, |_| ());
}

fn many_in_a_row() {
    let many = std::env::var("KOMAINU_CONTAINERS").map_or(100, |many| many.parse().unwrap());
    let node = Node::start();
    let agent = agent(&node, "");
    let sandbox = pod(&node);
    let mut before = 0;
    for number in 0..many {
        if number == many / 4 {
            before = agent.memory();
        }
        let (name, argument) = (format!("app-{number}"), (1_000_000 + number).to_string());
        let spec = Spec {
            name: &name,
            command: &["/bin/sleep", &argument],
            ..Spec::default()
        };
        let id = node.container(&sandbox, &spec);
        let alert = agent.wait_for(runs(&id, &format!("sleep {argument}")));
        assert_eq!(alert["resolution"], "complete", "{alert}");
        assert_eq!(alert["container"]["name"], *name);
        node.remove(&id);
    }
    let after = agent.memory();
    let grown = after.saturating_sub(before);
    println!("{many} containers: {before} bytes after a quarter, {after} after all");
    assert!(grown < MOST_GROWTH, "{grown} bytes more than {before}");
}

/// An API server that nobody answers for: the runtime's names come without its part, at once, and say so.
fn api_is_away(_: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let text = "apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
";
    fs::write(&kubeconfig, text).unwrap();
    let node = Node::start();
    let kubernetes = format!("kubernetes: {{kubeconfig: {}}}\n", kubeconfig.display());
    let agent = agent(&node, &kubernetes);
    let sandbox = pod(&node);
    let began = Instant::now();
    let id = node.container(&sandbox, &command(&["/bin/sleep", "1234"]));
    let alert = agent.wait_for(runs(&id, "sleep 1234"));
    assert_eq!(alert["resolution"], "api_unreachable");
    assert!(alert["resolution_detail"].is_string(), "{alert}");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "nobody waits for it"
    );
    assert_named(&alert);
}

fn without_runtime(_: &mut Watch) {
    let node = Node::start();
    let config = "containers: {runtime: off}\n";
    let agent = Agent::start_with(PROGRAMS, config);
    let id = node.container(&pod(&node), &command(&["/bin/sleep", "1234"]));
    let alert = agent.wait_for(runs(&id, "sleep 1234"));
    assert_eq!(alert["resolution"], "container_only");
    assert_eq!(alert["pod"]["uid"], UID);
    agent.signal(Signal::TERM);
}
