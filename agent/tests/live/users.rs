//! Names of users and groups in containers: from their own files, whatever is done to those.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Test,
    agent::Agent,
    cgroup::Cgroup,
    identity::runs,
    node::{BUSYBOX, Node, Pod, Spec},
    watch::Watch,
};

pub(crate) const TESTS: &[Test] = &[
    ("users_are_named_as_in_their_container", named),
    ("users_are_named_without_a_runtime", without_runtime),
    ("users_are_named_however_slow_the_runtime_is", slow_runtime),
    ("users_of_hostile_containers_fool_nobody", hostile),
];

/// Every program started in a container, with its user.
const PROGRAMS: &str = "
- rule: Program in a container
  desc: a test
  condition: evt.type = execve and container.id != host
  output: command=%proc.cmdline user=%user.name home=%user.homedir group=%group.name
  priority: INFO
";

/// For a change of the files to be seen.
const SOON: Duration = Duration::from_secs(10);

/// A container of which an agent watches the programs.
struct Lab {
    agent: Agent,
    id: String,
    node: Node,
}

impl Lab {
    fn start(spec: &Spec<'_>) -> Self {
        Self::watched_by(|node| Agent::on(node, PROGRAMS, ""), spec)
    }

    fn watched_by(agent: impl FnOnce(&Node) -> Agent, spec: &Spec<'_>) -> Self {
        let node = Node::start();
        let agent = agent(&node);
        let pod = node.pod(&Pod::default());
        let id = node.container(&pod, spec);
        Self { agent, id, node }
    }

    /// The alert about the next program of this command line.
    fn alert(&self, command: &str) -> Value {
        self.agent.wait_for(runs(&self.id, command))
    }

    /// Does this to the container's files, from outside: by the rules of its own root, and as root.
    fn shell(&self, script: &str) {
        let tasks = self.node.ctr().args(["tasks", "list"]).output().unwrap();
        let tasks = String::from_utf8(tasks.stdout).unwrap();
        let line = tasks.lines().find(|line| line.starts_with(&self.id));
        let init = line.unwrap().split_whitespace().nth(1).unwrap();
        let root = format!("/proc/{init}/root");
        let mut command = Command::new("chroot");
        let status = command.args([&root, "/bin/sh", "-c", script]).status();
        assert!(status.unwrap().success(), "{script}");
    }

    /// Starts a program as this user, by numbers.
    fn run_as(&self, user: u32) {
        let mut ctr = self.node.ctr();
        ctr.args(["tasks", "exec", "--exec-id", "as", "--user"]);
        ctr.arg(format!("{user}:{user}"))
            .args([&self.id, "/bin/id"]);
        let said = ctr.output().unwrap();
        assert!(said.status.success(), "{said:?}");
    }

    /// Waits until the user of the container's `/bin/uname` is called `name`.
    fn until_named(&self, name: &str) {
        until(|| self.alert("uname"), name);
    }

    /// Has a user start a program until it is called `name`.
    fn until_run_as(&self, user: u32, name: &str) {
        let act = || {
            self.run_as(user);
            self.alert("id")
        };
        until(act, name);
    }
}

/// Repeats an act until its alert names this user.
fn until(act: impl Fn() -> Value, name: &str) {
    let begin = Instant::now();
    loop {
        let alert = act();
        if alert["output_fields"]["user.name"] == name {
            return;
        }
        assert!(begin.elapsed() < SOON, "not {name}: {alert}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn user(alert: &Value) -> [&str; 3] {
    ["user.name", "user.homedir", "group.name"]
        .map(|name| alert["output_fields"][name].as_str().unwrap())
}

/// A container of user 1000 that starts `/bin/uname` all the time.
const LOOP: Spec<'_> = Spec {
    name: "app",
    command: &[
        "/bin/sh",
        "-c",
        "while /bin/usleep 200000; do /bin/uname >/dev/null; done",
    ],
    mounts: &[],
    privileged: false,
    user: 1000,
    env: &[],
    confined: None,
};

fn named(_: &mut Watch) {
    let spec = Spec {
        command: &["/bin/sleep", "1234"],
        user: 1000,
        ..Spec::default()
    };
    let lab = Lab::start(&spec);
    // The very first program of the container, which the files of the host do not name, or otherwise.
    assert_eq!(user(&lab.alert("sleep 1234")), ["app", "/", "app"]);
    lab.shell("echo eve:x:2000:2000::/home/eve:/bin/sh >> /etc/passwd");
    lab.until_run_as(2000, "eve");
    // Another root is that of one process, not the container's.
    lab.shell(
        "mkdir -p /other/etc /other/bin && cp /bin/busybox /other/bin/id && \
         echo mallory:x:1000:1000::/:/bin/sh > /other/etc/passwd",
    );
    for _ in 0..3 {
        lab.node.exec(&lab.id, &["chroot", "/other", "/bin/id"]);
        std::thread::sleep(Duration::from_millis(600));
    }
    lab.run_as(1000);
    assert_eq!(user(&lab.alert("id"))[0], "app");
}

fn without_runtime(_: &mut Watch) {
    let lab = Lab::watched_by(
        |_| Agent::start_with(PROGRAMS, "containers: {runtime: off}\n"),
        &LOOP,
    );
    lab.until_named("app");
}

/// A process in a new cgroup, which has the host's root for half a second and the container's from then on.
fn slow_runtime(_: &mut Watch) {
    let id = "5f0c".repeat(16);
    let Some(cgroup) = Cgroup::new(&format!("docker/{id}")) else {
        return println!("left out: no cgroup v2 hierarchy is mounted");
    };
    let root = tempfile::tempdir().unwrap();
    for directory in ["bin", "etc"] {
        fs::create_dir(root.path().join(directory)).unwrap();
    }
    fs::copy(BUSYBOX, root.path().join("bin/sleep")).unwrap();
    fs::write(
        root.path().join("etc/passwd"),
        "app:x:1000:1000::/:/bin/sh\n",
    )
    .unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let agent = Agent::start_with(PROGRAMS, "containers: {runtime: off}\n");
    let script =
        "echo $$ > $0/cgroup.procs; sleep 0.5; exec chroot --userspec=1000:1000 $1 /bin/sleep 1234";
    let mut runtime = Command::new("/bin/sh");
    runtime.args(["-c", script, cgroup.path()]).arg(root.path());
    let mut container = runtime.spawn().unwrap();
    let alert = agent.wait_for(runs(&id, "sleep 1234"));
    container.kill().unwrap();
    container.wait().unwrap();
    assert_eq!(user(&alert)[..2], ["app", "/"], "{alert}");
}

fn hostile(_: &mut Watch) {
    let lab = Lab::start(&LOOP);
    lab.until_named("app");
    lab.shell("cp /etc/passwd /etc/kept");
    let tricks = [
        "rm /etc/passwd && ln -s /proc/1/root/etc/kept /etc/passwd",
        "rm /etc/passwd && mkfifo /etc/passwd",
        "rm /etc/passwd && truncate -s 1G /etc/passwd",
        "rm /etc/passwd && mkdir /etc/passwd",
        "rm /etc/passwd && ln -s passwd /etc/passwd",
    ];
    for trick in tricks {
        lab.shell(trick);
        lab.until_named("<NA>");
        lab.shell("rm -r /etc/passwd && cp /etc/kept /etc/passwd");
        lab.until_named("app");
    }
    lab.shell("rm /etc/passwd && ln -s ../../../etc/kept /etc/passwd");
    lab.until_named("app");
    // Whoever may write the file cannot make root look like somebody else.
    lab.shell(
        "sed 's/^root/nobody/; s/^app/done/' /etc/kept > /etc/new && mv /etc/new /etc/passwd",
    );
    lab.until_named("done");
    lab.run_as(0);
    let root = lab.alert("id");
    assert_eq!(user(&root), ["root", "/root", "root"]);
}
