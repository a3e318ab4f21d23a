//! Exec sessions: real execs into real containers, the shipped audit rules, and the whole agent.

use std::{
    fs::File,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::{Value, json};

use crate::{
    Test,
    agent::Agent,
    identity::runs,
    node::{Node, Pids, Pod, Spec},
    watch::Watch,
};

pub(crate) const TESTS: &[Test] = &[
    ("sessions_are_told_with_all_that_ran", told_with_all),
    ("sessions_last_as_long_as_their_daemons", daemons),
    ("sessions_have_terminals", terminals),
    ("sessions_from_before_the_agent", from_before),
    ("sessions_in_shared_pid_namespaces", shared_pid),
    ("sessions_outlive_the_runtime_and_the_agent", outlive),
];

/// As shipped, without the detections that would take commands away from it.
const RULES: &str = concat!(
    include_str!("../../../rules/00-shared.yaml"),
    "\n",
    include_str!("../../../rules/90-audit.yaml")
);

/// What a container does by itself: it forks and starts programs all the time.
const SERVER: &[&str] = &[
    "/bin/sh",
    "-c",
    "while /bin/usleep 100000; do /bin/true served; done",
];

fn agent(node: &Node) -> Agent {
    Agent::on(node, RULES, "")
}

fn server(node: &Node, pod: &Pod<'_>) -> String {
    let pod = node.pod(pod);
    let spec = Spec {
        name: "main",
        command: SERVER,
        ..Spec::default()
    };
    node.container(&pod, &spec)
}

fn pod() -> Pod<'static> {
    Pod {
        name: "web-0",
        namespace: "shop",
        ..Pod::default()
    }
}

/// An alert that a command was run: of a session or not.
fn ran(id: &str, rule: &'static str, command: &str) -> impl Fn(&Value) -> bool {
    let runs = runs(id, command);
    move |line| line["rule"] == rule && runs(line)
}

const IN_SESSION: &str = "Command run in an exec session";
const OUTSIDE: &str = "Command run in a container";

/// The end of the session with this id.
fn end(session: &Value) -> impl Fn(&Value) -> bool {
    let id = session["id"].clone();
    assert!(id.is_string(), "{session}");
    move |line| line["rule"] == "Exec session ended" && line["session"]["id"] == id
}

fn told_with_all(_: &mut Watch) {
    let node = Node::start();
    let agent = agent(&node);
    let id = server(&node, &pod());
    let alert = agent.wait_for(ran(&id, OUTSIDE, "true served"));
    assert!(alert["session"].is_null(), "{alert}");

    let script = "/bin/id -u; /bin/id -u; /bin/echo --token=hunter2; exit 3";
    assert_eq!(node.exec(&id, &["/bin/sh", "-c", script]).code, 3);
    let first = agent.wait_for(ran(
        &id,
        IN_SESSION,
        &format!("sh -c {}", script.replace("hunter2;", "[redacted]")),
    ));
    let session = first["session"].clone();
    assert_eq!(session["kind"], "exec");
    assert_eq!(
        (&session["tty"], &session["name"]),
        (&json!(false), &json!("sh"))
    );
    assert_eq!(session["uid"], 0);
    let second = agent.wait_for(ran(&id, IN_SESSION, "id -u"));
    assert_eq!(second["session"], session);
    assert_eq!(second["output_fields"]["proc.pname"], "sh");
    assert_eq!(second["pod"]["name"], "web-0");

    let end = agent.wait_for(end(&session));
    let fields = &end["output_fields"];
    assert_eq!(fields["evt.arg.reason"], "exited");
    assert_eq!(fields["session.status"], 3);
    assert_eq!(fields["session.processes"], 4);
    assert_eq!(fields["session.commands.run"], 4);
    assert_eq!(fields["session.partial"], false);
    let commands = fields["session.commands"].as_array().unwrap();
    assert_eq!(commands.len(), 3, "{commands:?}");
    assert_eq!(commands[1], "id -u");
    assert_eq!(commands[2], "echo --token=[redacted]");
    assert!(!end.to_string().contains("hunter2"), "{end}");
    assert_eq!(fields["session.alerts"], 4);
    assert_eq!(
        (&end["pod"]["name"], &end["container"]["id"]),
        (&json!("web-0"), &json!(id))
    );
    let (status, lines) = agent.stop();
    assert!(status.success());
    assert!(
        !lines
            .iter()
            .any(|line| line["rule"] == OUTSIDE && line["session"].is_object()),
        "{lines:#?}"
    );
}

/// What the root command leaves behind is of the session, whatever its parent has become.
fn daemons(_: &mut Watch) {
    let node = Node::start();
    let agent = agent(&node);
    let id = server(&node, &pod());
    let daemon = "/bin/usleep 700000; /bin/id -g";
    let script = format!("/bin/setsid /bin/sh -c '{daemon}' </dev/null >/dev/null 2>&1 & exit 0");
    node.exec(&id, &["/bin/sh", "-c", &script]);
    let session =
        agent.wait_for(ran(&id, IN_SESSION, &format!("sh -c {daemon}")))["session"].clone();
    let late = agent.wait_for(ran(&id, IN_SESSION, "id -g"));
    assert_eq!(late["session"], session);
    let end = agent.wait_for(end(&session));
    assert_eq!(end["output_fields"]["session.status"], 0);
}

/// `ctr tasks exec` with a terminal, if it has one.
fn exec(node: &Node, id: &str, terminal: Option<&File>, command: &[&str]) -> Child {
    let mut ctr: Command = node.ctr();
    ctr.args(["tasks", "exec", "--exec-id", "test"]);
    if let Some(terminal) = terminal {
        ctr.arg("--tty");
        let end = || Stdio::from(terminal.try_clone().unwrap());
        ctr.stdin(end()).stdout(end()).stderr(end());
    } else {
        ctr.stdin(Stdio::null()).stdout(Stdio::null());
    }
    ctr.arg(id).args(command).spawn().unwrap()
}

/// Both ends of a terminal.
fn terminal() -> (OwnedFd, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let slave = rustix::fs::open(&name, flags, Mode::empty()).unwrap();
    (master, slave.into())
}

fn terminals(_: &mut Watch) {
    let node = Node::start();
    let agent = agent(&node);
    let id = server(&node, &pod());
    let (_master, slave) = terminal();
    let mut ctr = exec(
        &node,
        &id,
        Some(&slave),
        &["/bin/sh", "-c", "/bin/id -G; exit 0"],
    );
    let alert = agent.wait_for(ran(&id, IN_SESSION, "id -G"));
    assert_eq!(alert["session"]["tty"], true, "{alert}");
    assert_ne!(alert["output_fields"]["proc.tty"], 0);
    assert!(ctr.wait().unwrap().success());
    let end = agent.wait_for(end(&alert["session"]));
    assert_eq!(end["output_fields"]["session.tty"], true);
}

fn from_before(_: &mut Watch) {
    let node = Node::start();
    let id = server(&node, &pod());
    let script = "while /bin/usleep 200000; do /bin/id -gn; done";
    let mut ctr = exec(&node, &id, None, &["/bin/sh", "-c", script]);
    std::thread::sleep(Duration::from_secs(1));
    let agent = agent(&node);
    let alert = agent.wait_for(ran(&id, IN_SESSION, "id -gn"));
    let session = &alert["session"];
    assert_eq!(session["cmdline"], format!("sh -c {script}"), "{alert}");
    let own = agent.wait_for(ran(&id, OUTSIDE, "true served"));
    assert!(own["session"].is_null(), "{own}");
    node.remove(&id);
    let end = agent.wait_for(end(session));
    assert_eq!(end["output_fields"]["session.partial"], true);
    assert_eq!(end["output_fields"]["session.status"], 137);
    ctr.wait().unwrap();
}

/// The container's init is not number 1 there. In that of the host, orphans get the shim as their parent.
fn shared_pid(_: &mut Watch) {
    let node = Node::start();
    let agent = agent(&node);
    let of_pod = Pod {
        pids: Pids::Pod,
        ..pod()
    };
    no_session_but_an_exec(&node, &agent, &of_pod);
    let of_host = Pod {
        pids: Pids::Node,
        name: "web-1",
        uid: "0d1e2f3a-6b1d-4c1a-9d5e-c0ffee15600d",
        ..pod()
    };
    no_session_but_an_exec(&node, &agent, &of_host);
}

fn no_session_but_an_exec(node: &Node, agent: &Agent, pod: &Pod<'_>) {
    let script = "/bin/setsid /bin/sh -c 'while /bin/usleep 100000; do /bin/id -Gn; done' & /bin/true first; /bin/sleep 1000";
    let id = node.container(
        &node.pod(pod),
        &Spec {
            name: "main",
            command: &["/bin/sh", "-c", script],
            ..Spec::default()
        },
    );
    for command in ["true first", "id -Gn", "id -Gn"] {
        let own = agent.wait_for(ran(&id, OUTSIDE, command));
        assert!(own["session"].is_null(), "{own}");
    }
    node.exec(&id, &["/bin/sh", "-c", "/bin/id -g; exit 1"]);
    let alert = agent.wait_for(ran(&id, IN_SESSION, "id -g"));
    let end = agent.wait_for(end(&alert["session"]));
    assert_eq!(end["output_fields"]["session.status"], 1);
}

/// A session has the same id before and after a restart of the runtime, and of the agent.
fn outlive(_: &mut Watch) {
    let mut node = Node::start();
    let first = agent(&node);
    let id = server(&node, &pod());
    let script = "while /bin/usleep 200000; do /bin/id -gn; done";
    let mut ctr = exec(&node, &id, None, &["/bin/sh", "-c", script]);
    let session = first.wait_for(ran(&id, IN_SESSION, "id -gn"))["session"]["id"].clone();
    node.kill();
    node.restart();
    let same = first.wait_for(ran(&id, IN_SESSION, "id -gn"));
    assert_eq!(same["session"]["id"], session);
    let (_, lines) = first.stop();
    let open = lines
        .iter()
        .find(|line| line["rule"] == "Exec session ended");
    let open = open.unwrap_or_else(|| panic!("{lines:#?}"));
    assert_eq!(open["output_fields"]["evt.arg.reason"], "agent_stopped");
    assert_eq!(open["session"]["id"], session);
    let second = agent(&node);
    let same = second.wait_for(ran(&id, IN_SESSION, "id -gn"));
    assert_eq!(same["session"]["id"], session);
    drop(ctr.kill());
    node.remove(&id);
    ctr.wait().unwrap();
}
