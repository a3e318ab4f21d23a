//! The part of the agent that asks, and what it has told so far.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use komainu::enrich::cluster::{Access, Limits, Pace, Settings, Times, start};
use komainu::enrich::identity::{News, PodNews, Reach, Source};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::server::{Identity, Server};

/// How long news is waited for. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is told, added up as the deciding thread would.
#[derive(Debug)]
pub(crate) struct Agent {
    news: mpsc::Receiver<News>,
    pub(crate) task: JoinHandle<()>,
    /// By uid.
    pub(crate) pods: HashMap<String, PodNews>,
    pub(crate) reach: Option<Reach>,
    /// Why it was down, each time.
    pub(crate) downs: Vec<String>,
    /// `+name`, `-uid` or the reach, in order.
    pub(crate) log: Vec<String>,
    dir: TempDir,
}

/// Short times, so that failures pass quickly.
pub(crate) fn times() -> Times {
    Times {
        answer: Duration::from_secs(5),
        list: Duration::from_secs(10),
        watch: Duration::from_mins(1),
        silence: Duration::from_secs(5),
        grace: Duration::from_millis(300),
        node: Duration::from_mins(1),
        pace: Pace {
            least: Duration::from_millis(20),
            most: Duration::from_millis(200),
        },
    }
}

impl Agent {
    /// Asks a server without TLS, as node `n1`.
    pub(crate) fn of(server: &Server) -> Self {
        Self::with(server, None, times(), Limits::default())
    }

    /// Asks a server whose authority is trusted, with the token in the file `token`.
    pub(crate) fn trusting(server: &Server, identity: &Identity) -> Self {
        Self::with(server, Some(identity), times(), Limits::default())
    }

    pub(crate) fn with(
        server: &Server,
        identity: Option<&Identity>,
        times: Times,
        limits: Limits,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "first").unwrap();
        let path = dir.path().join("kubeconfig");
        std::fs::write(&path, kubeconfig(server, identity, &dir)).unwrap();
        let settings = Settings {
            access: Access::Kubeconfig(path),
            node: "n1".into(),
            limits,
            times,
            inquiries: std::sync::Arc::default(),
        };
        let (sender, news) = mpsc::channel(4);
        Self {
            news,
            task: tokio::spawn(start(settings, sender)),
            pods: HashMap::new(),
            reach: None,
            downs: Vec::new(),
            log: Vec::new(),
            dir,
        }
    }

    /// The file with the token.
    pub(crate) fn token(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    /// Takes news until `holds`.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a mut self,
        what: &'a str,
        holds: impl Fn(&Self) -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let end = Instant::now() + PATIENCE;
            while !holds(self) {
                let Ok(news) = timeout_at(end, self.news.recv()).await else {
                    panic!("{place}: {what}: not told; {:?} {:?}", self.log, self.reach)
                };
                match news {
                    Some(news) => self.take(news),
                    None => panic!("{place}: {what}: nobody tells any more; {self:#?}"),
                }
            }
        }
    }

    /// Takes news until the server has told all.
    pub(crate) async fn up(&mut self) {
        self.until("up", |agent| agent.reach == Some(Reach::Up))
            .await;
    }

    /// Takes news until the server does not answer, for a reason that contains `why`.
    pub(crate) async fn down(&mut self, why: &str) {
        let is_down =
            |agent: &Self| matches!(&agent.reach, Some(Reach::Down(text)) if text.contains(why));
        self.until(why, is_down).await;
    }

    /// Takes news for a while.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(Some(news)) = timeout_at(end, self.news.recv()).await {
            self.take(news);
        }
    }

    /// Stops taking news, and waits for the end.
    pub(crate) async fn hang_up(self) {
        drop(self.news);
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    /// The pod of this name.
    pub(crate) fn pod(&self, name: &str) -> &PodNews {
        self.pods.values().find(|pod| &*pod.name == name).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.pods.values().any(|pod| &*pod.name == name)
    }

    /// Forgets the log.
    pub(crate) fn forget(&mut self) {
        self.log.clear();
        self.downs.clear();
    }

    fn take(&mut self, news: News) {
        match news {
            News::Reach(source, reach) => {
                assert_eq!(source, Source::Cluster);
                if let Reach::Down(why) = &reach {
                    self.downs.push(why.to_string());
                }
                self.log.push(format!("{reach:?}"));
                self.reach = Some(reach);
            }
            News::Pod(pod) => {
                self.log.push(format!("+{}", pod.name));
                self.pods.insert(pod.uid.to_string(), *pod);
            }
            News::PodGone(uid) => {
                self.log.push(format!("-{uid}"));
                assert!(self.pods.remove(&*uid).is_some(), "{uid} was not there");
            }
            other => panic!("{other:?}"),
        }
    }
}

fn kubeconfig(server: &Server, identity: Option<&Identity>, dir: &TempDir) -> String {
    let dir = dir.path();
    let scheme = if identity.is_some() { "https" } else { "http" };
    let mut cluster = format!("server: {scheme}://{}", server.address());
    if let Some(identity) = identity {
        let authority = dir.join("ca.pem");
        std::fs::write(&authority, identity.authority()).unwrap();
        write!(cluster, ", certificate-authority: {}", authority.display()).unwrap();
    }
    let token = dir.join("token");
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u, user: {{tokenFile: {}}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n",
        token.display()
    )
}
