//! The whole of it against a runtime that misbehaves.

mod engine;
mod fake;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::text::{MAX_LABELS, MAX_MOUNTS, MAX_TEXT};
use super::*;
use crate::enrich::identity::{Reach, Source};
use fake::Fake;

const WITH_EVENTS: &str = "v2.1.0";
const NO_EVENTS: &str = "3.0.0";
/// Has events, which would be taken from the kubelet.
const OLD: &str = "1.7.20";

/// Quick, so that a test is; lists come by themselves only where a test waits for them.
const PACE: Pace = Pace {
    answer: Duration::from_millis(300),
    list: Duration::from_secs(5),
    poll: Duration::from_millis(40),
    reconcile: Duration::from_mins(1),
    retry: Duration::from_millis(10),
    retry_most: Duration::from_millis(40),
    again: Duration::from_millis(4),
};

/// Patience for news that must come.
const SOON: Duration = Duration::from_secs(10);

/// A root of a host, and who is told of its containers.
struct Host {
    asked: mpsc::Sender<Box<str>>,
    news: mpsc::Receiver<News>,
    dir: TempDir,
}

impl Host {
    fn new() -> Self {
        Self::with_news(64)
    }

    fn with_news(room: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("run/containerd")).unwrap();
        let settings = Settings {
            host_root: dir.path().into(),
            socket: None,
            pace: PACE,
            ..Settings::default()
        };
        let (asked, asks) = mpsc::channel(64);
        let (news, told) = mpsc::channel(room);
        start(settings, asks, news);
        Self {
            asked,
            news: told,
            dir,
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("run/containerd/containerd.sock")
    }

    async fn ask(&self, id: &str) {
        self.asked.send(id.into()).await.unwrap();
    }

    async fn next(&mut self) -> News {
        tokio::time::timeout(SOON, self.news.recv())
            .await
            .unwrap()
            .unwrap()
    }

    /// Everything up to the first that is `wanted`.
    async fn until(&mut self, wanted: impl Fn(&News) -> bool) -> Vec<News> {
        let mut news = Vec::new();
        loop {
            news.push(self.next().await);
            if wanted(&news[news.len() - 1]) {
                return news;
            }
        }
    }

    async fn up(&mut self) -> Vec<News> {
        self.until(|news| *news == reach(Reach::Up)).await
    }

    async fn down(&mut self) -> Vec<News> {
        self.until(|news| matches!(news, News::Reach(_, Reach::Down(_))))
            .await
    }

    /// Nothing comes for a while.
    async fn silent(&mut self, time: Duration) {
        let news = tokio::time::timeout(time, self.news.recv()).await;
        assert!(news.is_err(), "{news:?}");
    }
}

fn reach(reach: Reach) -> News {
    News::Reach(Source::Runtime, reach)
}

fn is(id: &str) -> impl Fn(&News) -> bool + '_ {
    move |news| matches!(news, News::Container(container) if &*container.id == id)
}

fn removed(id: &str) -> impl Fn(&News) -> bool + '_ {
    move |news| matches!(news, News::Removed(gone) if &**gone == id)
}

fn container<'a>(news: &'a [News], id: &str) -> &'a Container {
    let found = news.iter().find(|news| is(id)(news));
    let Some(News::Container(container)) = found else {
        panic!("{id} is not in {news:#?}");
    };
    container
}

#[tokio::test]
async fn everything_is_told_before_it_is_up() {
    let mut host = Host::new();
    assert_eq!(host.next().await, reach(Reach::Off));
    let fake = Fake::new(NO_EVENTS);
    fake.run("c1", "s1");
    fake.run("c2", "s1");
    fake.serve(&host.socket());
    let news = host.up().await;
    assert_eq!(news[0], reach(Reach::Starting));
    assert_eq!(
        news.len(),
        5,
        "two containers and their pause container: {news:#?}"
    );
    let told = container(&news, "c1");
    let details = told.details.as_ref().unwrap();
    assert_eq!(told.runtime.as_deref(), Some("containerd"));
    assert_eq!(
        (&*details.name, details.pid, details.created),
        ("name-c1", 77, 2)
    );
    assert_eq!(
        (&*details.image_repository, &*details.image_digest),
        ("lab/a", "sha256:11")
    );
    assert_eq!(
        (details.host_network, details.host_pid),
        (Some(true), Some(false))
    );
    assert_eq!((details.privileged, &*details.ip), (None, "10.1.2.3"));
    assert_eq!(
        (&*details.mounts[0].propagation, details.mounts[0].writable),
        ("rslave", false)
    );
    let pod = told.pod.as_ref().unwrap();
    assert_eq!(
        (pod.name.as_deref(), pod.namespace.as_deref()),
        (Some("pod-s1"), Some("shop"))
    );
    assert_eq!(
        (pod.uid.as_deref(), pod.sandbox_id.as_deref()),
        (Some("uid-s1"), Some("s1"))
    );
    assert_eq!(pod.labels, [("app".into(), "web".into())]);
    assert_eq!(pod.annotations, [("team".into(), "pay".into())]);
    let pause = container(&news, "s1");
    let details = pause.details.as_ref().unwrap();
    assert_eq!((&*details.name, &*details.image), ("POD", "lab/pause:s1"));
    assert_eq!(pause.pod.as_ref(), Some(pod));
}

#[tokio::test]
async fn who_asks_too_early_is_answered_when_it_is_there() {
    let mut host = Host::new();
    let fake = Fake::new(WITH_EVENTS);
    fake.serve(&host.socket());
    host.up().await;
    host.ask("c1").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    fake.run("c1", "s1");
    assert!(
        host.until(is("c1")).await.len() <= 2,
        "the container, perhaps its sandbox"
    );
    host.ask("never").await;
    host.until(|news| *news == News::NoContainer("never".into()))
        .await;
    host.ask("../c1").await;
    host.silent(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn lists_and_events_tell_what_comes_and_goes() {
    for version in [NO_EVENTS, OLD, WITH_EVENTS] {
        let mut host = Host::new();
        let fake = Fake::new(version);
        fake.serve(&host.socket());
        host.up().await;
        // By then it is known whether there are events.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        fake.run("c1", "s1");
        host.until(is("c1")).await;
        fake.remove("c1");
        host.until(removed("c1")).await;
    }
}

#[tokio::test]
async fn what_is_made_is_told_again_when_it_is_started() {
    let mut host = Host::new();
    let fake = Fake::new(WITH_EVENTS);
    fake.serve(&host.socket());
    host.up().await;
    fake.make("c1", "s1");
    host.ask("c1").await;
    let news = host.until(is("c1")).await;
    assert_eq!(container(&news, "c1").details.as_ref().unwrap().pid, 0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    fake.begin("c1");
    let started = |news: &News| {
        is("c1")(news)
            && matches!(news, News::Container(c) if c.details.as_ref().is_some_and(|d| d.pid == 77))
    };
    host.until(started).await;
}

#[tokio::test]
async fn a_runtime_that_hangs_is_down_until_it_answers() {
    let mut host = Host::new();
    let fake = Fake::new(NO_EVENTS);
    fake.run("c1", "s1");
    fake.serve(&host.socket());
    host.up().await;
    fake.hang(true);
    for id in ["a", "b", "c"] {
        host.ask(id).await;
    }
    host.down().await;
    fake.hang(false);
    let news = host.up().await;
    let is_none = |news: &&News| matches!(news, News::NoContainer(_));
    let mut answered = news.iter().filter(is_none).count();
    while answered < 3 {
        answered += usize::from(is_none(&&host.next().await));
    }
}

#[tokio::test]
async fn a_runtime_that_is_killed_is_found_again() {
    let mut host = Host::new();
    let fake = Fake::new(WITH_EVENTS);
    fake.run("c1", "s1");
    fake.run("c2", "s1");
    let server = fake.serve(&host.socket());
    host.up().await;
    server.abort();
    host.down().await;
    fake.remove("c1");
    fake.run("c3", "s2");
    fake.serve(&host.socket());
    let mut news = host.up().await;
    if !news.iter().any(removed("c1")) {
        news.extend(host.until(removed("c1")).await);
    }
    assert_eq!(
        &*container(&news, "c3")
            .pod
            .as_ref()
            .unwrap()
            .name
            .clone()
            .unwrap(),
        "pod-s2"
    );
    assert!(!news.iter().any(is("c2")), "known before");
}

#[tokio::test]
async fn another_service_is_no_runtime() {
    let mut host = Host::new();
    let other = Fake::new(WITH_EVENTS);
    other.no_cri();
    let server = other.serve(&host.socket());
    assert_eq!(host.next().await, reach(Reach::Off));
    host.ask("c1").await;
    assert_eq!(host.next().await, News::NoContainer("c1".into()));
    server.abort();
    Fake::new(WITH_EVENTS).serve(&host.socket());
    host.up().await;
}

/// Answers every connection with noise, then closes it.
fn noise(socket: &Path) {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The other side may have gone.
            let _sent = stream.write_all(&[0xff; 4096]).await;
        }
    });
}

#[tokio::test]
async fn noise_is_down() {
    let mut host = Host::new();
    noise(&host.socket());
    host.down().await;
    std::fs::remove_file(host.socket()).unwrap();
    Fake::new(WITH_EVENTS).serve(&host.socket());
    host.up().await;
}

#[tokio::test]
async fn lies_are_bounded() {
    let mut host = Host::new();
    let fake = Fake::new(NO_EVENTS);
    fake.run("c1", "s1");
    fake.lie();
    fake.serve(&host.socket());
    let news = host.up().await;
    let told = container(&news, "c1");
    let details = told.details.as_ref().unwrap();
    assert_eq!((details.pid, details.created), (0, 0));
    assert_eq!(details.mounts.len(), MAX_MOUNTS);
    assert!(details.mounts[0].source.len() <= MAX_TEXT && details.image.len() <= MAX_TEXT);
    let labels: usize = details
        .labels
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    assert!(labels <= MAX_LABELS);
    assert_eq!(told.pod.as_ref().unwrap().name.as_deref(), Some("pod-s1"));
}

#[tokio::test]
async fn thousands_are_told_to_a_slow_listener_few_at_a_time() {
    const MANY: usize = 2000;
    let mut host = Host::with_news(1);
    let fake = Fake::new(NO_EVENTS);
    for number in 0..MANY {
        fake.run(&format!("c{number}"), &format!("s{}", number % 100));
    }
    fake.serve(&host.socket());
    let news = host.up().await;
    let told = news
        .iter()
        .filter(|news| matches!(news, News::Container(_)));
    assert_eq!(told.count(), MANY + 100);
    assert!((2..=8).contains(&fake.busiest()), "{}", fake.busiest());
}

#[tokio::test]
async fn it_ends_when_nobody_asks() {
    let (asked, asks) = mpsc::channel(1);
    let (news, _told) = mpsc::channel(64);
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        host_root: dir.path().into(),
        ..Settings::default()
    };
    let task = start(settings, asks, news);
    drop(asked);
    tokio::time::timeout(SOON, task).await.unwrap().unwrap();
}
