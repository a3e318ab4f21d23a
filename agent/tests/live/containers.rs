//! Real containers: a real containerd and runc run them, and the agent's half that asks who they are is told.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use komainu::{
    enrich::{
        identity::{News, Reach, Source},
        runtime::{self, Settings},
    },
    event::{Container, ContainerDetails},
};
use tokio::{runtime::Runtime, sync::mpsc, time::timeout};

use crate::{
    Test,
    node::{Node, Pids, Pod, Spec},
    watch::Watch,
};

pub(crate) const TESTS: &[Test] = &[
    ("containers_leave_no_trace", leave_no_trace),
    ("containers_are_told_with_their_pods", told_with_pods),
    ("containers_are_told_after_a_crash_of_the_runtime", crash),
    ("containers_of_50_ms_are_told", short_lived),
    ("containers_200_in_a_row_have_their_own_names", many),
];

/// Patience for news that must come.
const SOON: Duration = Duration::from_secs(10);

/// What the tests below stand on: a node runs pods, outlives a crash of containerd, and goes away whole.
fn leave_no_trace(_: &mut Watch) {
    let mut node = Node::start();
    let pod = node.pod(&Pod {
        host_network: false,
        ..Pod::default()
    });
    let id = node.container(&pod, &Spec::default());
    let said = node.exec(&id, &["sh", "-c", "hostname; exit 3"]);
    assert_eq!((said.code, said.stdout.as_str()), (3, "pod-0\n"));
    node.kill();
    node.restart();
    let said = node.exec(&id, &["ls", "/"]);
    assert!(said.stdout.contains("etc"), "{said:?}");
    let dir = node.socket().parent().unwrap().to_owned();
    node.stop();

    let name = dir.file_name().unwrap().to_str().unwrap();
    assert!(!dir.exists());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(name), "{mounts}");
    for root in [
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/pids",
        "/sys/fs/cgroup/unified",
    ] {
        assert!(!Path::new(root).join(name).exists());
    }
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        assert!(!line.contains(name), "{line}");
    }
}

/// The part of the agent that asks a node's runtime.
struct Asking {
    runtime: Runtime,
    asked: mpsc::Sender<Box<str>>,
    news: mpsc::Receiver<News>,
}

impl Asking {
    fn start(node: &Node) -> Self {
        let runtime = Runtime::new().unwrap();
        let settings = Settings {
            socket: Some(node.socket()),
            ..Settings::default()
        };
        let (asked, asks) = mpsc::channel(64);
        let (news, told) = mpsc::channel(64);
        let inside = runtime.enter();
        drop(runtime::start(settings, asks, news));
        drop(inside);
        Self {
            runtime,
            asked,
            news: told,
        }
    }

    fn ask(&self, id: &str) {
        self.asked.blocking_send(id.into()).unwrap();
    }

    /// Everything up to the first that is `wanted`.
    fn until(&mut self, what: &str, wanted: impl Fn(&News) -> bool) -> Vec<News> {
        let mut told = Vec::new();
        loop {
            let next = self
                .runtime
                .block_on(async { timeout(SOON, self.news.recv()).await });
            let Ok(Some(news)) = next else {
                panic!("{what} was not told, but {told:#?}");
            };
            told.push(news);
            if wanted(&told[told.len() - 1]) {
                return told;
            }
        }
    }

    fn up(&mut self) -> Vec<News> {
        self.until("up", |news| {
            *news == News::Reach(Source::Runtime, Reach::Up)
        })
    }

    fn container(&mut self, id: &str) -> Container {
        find(&self.until(id, |news| is(id, news)), id)
    }

    /// Once it was started.
    fn started(&mut self, id: &str) -> Container {
        let told = self.until(id, |news| {
            is(id, news) && details(&find(std::slice::from_ref(news), id)).pid != 0
        });
        find(&told[told.len() - 1..], id)
    }
}

fn is(id: &str, news: &News) -> bool {
    matches!(news, News::Container(container) if &*container.id == id)
}

fn find(news: &[News], id: &str) -> Container {
    let container = news.iter().find_map(|news| match news {
        News::Container(container) if &*container.id == id => Some((**container).clone()),
        _ => None,
    });
    container.unwrap_or_else(|| panic!("{id} is not in {news:#?}"))
}

fn details(container: &Container) -> ContainerDetails {
    container.details.clone().unwrap()
}

fn nanoseconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_nanos()).unwrap()
}

/// The pod that [`told_with_pods`] made, as it is told.
fn told_pod(container: &Container, sandbox: &str) {
    let told_pod = container.pod.as_ref().unwrap();
    assert_eq!(told_pod.uid.as_deref(), Some(Pod::default().uid));
    assert_eq!(told_pod.name.as_deref(), Some("web-0"));
    assert_eq!(told_pod.namespace.as_deref(), Some("shop"));
    let label = |key: &str, value: &str| (Box::from(key), Box::from(value));
    assert_eq!(
        told_pod.labels,
        [label("app", "web"), label("tier", "front")]
    );
    assert_eq!(told_pod.annotations, [label("team/owner", "pay")]);
    assert_eq!(told_pod.sandbox_id.as_deref(), Some(sandbox));
    assert_eq!(told_pod.ip.as_deref(), Some(&*details(container).ip));
}

fn told_with_pods(_: &mut Watch) {
    let node = Node::start();
    let data = tempfile::tempdir().unwrap();
    let source = data.path().to_str().unwrap();
    let began = nanoseconds();
    let pod = node.pod(&Pod {
        name: "web-0",
        namespace: "shop",
        labels: &[("app", "web"), ("tier", "front")],
        annotations: &[("team/owner", "pay")],
        host_network: false,
        ..Pod::default()
    });
    let spec = Spec {
        name: "server",
        mounts: &[(source, "/data", true)],
        ..Spec::default()
    };
    let id = node.container(&pod, &spec);

    let mut asking = Asking::start(&node);
    let told = asking.up();
    let container = find(&told, &id);
    let told_of = details(&container);
    assert_eq!(container.runtime.as_deref(), Some("containerd"));
    assert_eq!(&*told_of.name, "server");
    assert_eq!(&*told_of.image, "komainu.test/lab/busybox:1.35");
    assert_eq!(&*told_of.image_repository, "komainu.test/lab/busybox");
    assert_eq!(&*told_of.image_tag, "1.35");
    let digest = node.image().config_digest();
    assert_eq!(&*told_of.image_digest, digest);
    assert_eq!(Some(&*told_of.image_id), digest.strip_prefix("sha256:"));
    assert_eq!(told_of.privileged, Some(false));
    assert_eq!(
        (told_of.host_network, told_of.host_pid, told_of.host_ipc),
        (Some(false), Some(false), Some(false))
    );
    assert!(told_of.ip.starts_with("10.199."), "{}", told_of.ip);
    assert!((began..nanoseconds()).contains(&told_of.created));
    let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", told_of.pid)).unwrap();
    assert!(cgroups.contains(&id), "{cgroups}");
    let mount = &told_of.mounts[0];
    assert_eq!((&*mount.source, &*mount.destination), (source, "/data"));
    assert!(!mount.writable);
    let label = ("io.kubernetes.container.name".into(), "server".into());
    assert!(told_of.labels.contains(&label), "{:?}", told_of.labels);

    told_pod(&container, &pod.id);
    let pause = find(&told, &pod.id);
    assert_eq!(pause.pod, container.pod);
    let told_of = details(&pause);
    assert_eq!(
        (&*told_of.name, &*told_of.image),
        ("POD", "komainu.test/pause:1")
    );
    assert_ne!(told_of.pid, 0);
    lives_on_the_host(&node, &mut asking);
    node.remove_pod(&pod);
    asking.until("its removal", |news| *news == News::Removed((*id).into()));
}

/// A privileged container in the host's namespaces, asked for while it is made.
fn lives_on_the_host(node: &Node, asking: &mut Asking) {
    let pod = node.pod(&Pod {
        name: "agent",
        uid: "0d1e2f3a-6b1d-4c1a-9d5e-c0ffee15600d",
        pids: Pids::Node,
        privileged: true,
        ..Pod::default()
    });
    let spec = Spec {
        privileged: true,
        user: 1000,
        ..Spec::default()
    };
    let id = node.create(&pod, &spec);
    asking.ask(&id);
    node.begin(&id);
    let told_of = details(&asking.started(&id));
    assert_eq!(told_of.privileged, Some(true));
    assert_eq!(
        (told_of.host_network, told_of.host_pid, told_of.host_ipc),
        (Some(true), Some(true), Some(false))
    );
}

/// What was there before and what came while nobody could ask is known afterwards.
fn crash(_: &mut Watch) {
    let mut node = Node::start();
    let pod = node.pod(&Pod::default());
    let first = node.container(&pod, &Spec::default());
    let mut asking = Asking::start(&node);
    find(&asking.up(), &first);
    node.kill();
    asking.until("the outage", |news| {
        matches!(news, News::Reach(Source::Runtime, Reach::Down(_)))
    });
    asking.ask(&first);
    let gone = "0".repeat(64);
    asking.ask(&gone);
    node.restart();
    let second = node.container(
        &pod,
        &Spec {
            name: "second",
            ..Spec::default()
        },
    );
    asking.ask(&second);
    let none = News::NoContainer((*gone).into());
    let mut told = asking.until("that there is none", |news| *news == none);
    for id in [&first, &second] {
        if !told.iter().any(|news| is(id, news)) {
            told.extend(asking.until(id, |news| is(id, news)));
        }
    }
    assert_eq!(&*details(&find(&told, &first)).name, "app");
    assert_eq!(&*details(&find(&told, &second)).name, "second");
}

/// It is over before a list could find it; who asks as soon as there is a cgroup is answered.
fn short_lived(_: &mut Watch) {
    let node = Node::start();
    let pod = node.pod(&Pod::default());
    let mut asking = Asking::start(&node);
    asking.up();
    for number in 0..5 {
        let name = format!("short-{number}");
        let spec = Spec {
            name: &name,
            command: &["/bin/usleep", "50000"],
            ..Spec::default()
        };
        let id = node.create(&pod, &spec);
        node.begin(&id);
        let asked = Instant::now();
        asking.ask(&id);
        let container = asking.container(&id);
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(&*details(&container).name, name);
        assert_eq!(container.pod.unwrap().name.as_deref(), Some("pod-0"));
    }
}

/// Every answer is about the container that was asked for, and every end is told.
fn many(_: &mut Watch) {
    const MANY: usize = 200;
    let node = Node::start();
    let pod = node.pod(&Pod::default());
    let mut asking = Asking::start(&node);
    asking.up();
    let mut removed = Vec::new();
    for number in 0..MANY {
        let name = format!("app-{number}");
        let spec = Spec {
            name: &name,
            ..Spec::default()
        };
        let id = node.container(&pod, &spec);
        asking.ask(&id);
        let told = asking.until(&id, |news| is(&id, news));
        assert_eq!(&*details(&find(&told, &id)).name, name);
        removed.extend(
            told.into_iter()
                .filter(|news| matches!(news, News::Removed(_))),
        );
        node.remove(&id);
    }
    while removed.len() < MANY {
        let is_removed = |news: &News| matches!(news, News::Removed(_));
        removed.extend(
            asking
                .until("an end", is_removed)
                .into_iter()
                .filter(is_removed),
        );
    }
    let removed: std::collections::BTreeSet<String> =
        removed.iter().map(|news| format!("{news:?}")).collect();
    assert_eq!(removed.len(), MANY, "each once");
}
