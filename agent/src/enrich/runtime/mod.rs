//! The node's container runtime, asked who its containers are.
//!
//! ```text
//!  asked (ids) ─► queue ─► cri | docker ─► News
//!                   ▲           │
//!                   └── known ◄─┘ list, events
//! ```
//!
//! [`start`] makes one task. It looks for the runtime's socket ([`sockets`]), tells of every container there is, answers
//! for those it is asked for ([`queue`]), and hears of new ones by the runtime's events or by listing ([`session`]). What
//! it is told is untrusted: names, labels and paths are whatever somebody put into a manifest, so all of it is bounded
//! ([`text`]), and no answer can make it fail or grow. A runtime that is away, hangs or speaks nonsense costs identity,
//! told as [`Reach::Down`](super::identity::Reach::Down), and nothing else.

mod cri;
mod docker;
mod image;
mod known;
mod queue;
mod session;
mod sockets;
mod text;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::identity::News;
use super::inquiry::Inquiries;
use crate::event::Container;

/// Where the runtime is looked for, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the host's root is mounted: `/`, or what a DaemonSet mounts it at. Sockets are looked for below its `run`.
    pub host_root: PathBuf,
    /// This socket and no other, as the agent sees it: of a CRI runtime, of Docker or of podman.
    pub socket: Option<PathBuf>,
    /// Times.
    pub pace: Pace,
    /// Where questions are counted.
    pub inquiries: Arc<Inquiries>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_root: "/".into(),
            socket: None,
            pace: Pace::default(),
            inquiries: Arc::default(),
        }
    }
}

/// How long, how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For one answer. A runtime that lets three in a row pass is taken for hanging.
    pub answer: Duration,
    /// For a list of everything.
    pub list: Duration,
    /// Between two lists where the runtime has no events. Jittered by a quarter, as all that repeats.
    pub poll: Duration,
    /// Between two lists where it has: they find what events missed.
    pub reconcile: Duration,
    /// Before the first new attempt to reach it; doubled with each.
    pub retry: Duration,
    /// Between two attempts at most.
    pub retry_most: Duration,
    /// Before a container that is not known yet is asked for anew; doubled with each of the
    /// [`TRIES`](queue::TRIES).
    pub again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(3),
            list: Duration::from_secs(10),
            poll: Duration::from_secs(2),
            reconcile: Duration::from_secs(30),
            retry: Duration::from_millis(100),
            retry_most: Duration::from_secs(5),
            again: Duration::from_millis(20),
        }
    }
}

/// Starts asking, on the current tokio runtime, until `asked` or `news` is closed.
///
/// `asked` takes full container ids, those of pause containers too. Each is answered by [`News::Container`] or
/// [`News::NoContainer`], after an outage if need be. Both channels are bounded; whoever reads `news` slowly slows the
/// asking, and in the end `asked` is full.
pub fn start(
    settings: Settings,
    asked: mpsc::Receiver<Box<str>>,
    news: mpsc::Sender<News>,
) -> JoinHandle<()> {
    tokio::spawn(watch::watch(settings, asked, news))
}

/// A runtime that answers.
#[derive(Clone, Debug)]
enum Client {
    Cri(cri::Client),
    Docker(docker::Client),
}

/// A container as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    id: Box<str>,
    /// See [`Found::settled`].
    settled: bool,
}

/// A container as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    container: Container,
    /// Nothing will be added: it was started, so its pid and address are known. What is made only may change.
    settled: bool,
}

/// What happened to a container, as the runtime tells on its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// Events will come.
    Open,
    /// Made or started.
    Seen(Box<str>),
    /// Removed.
    Gone(Box<str>),
    /// No more will come, or none at all.
    Over(Failure),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    /// It is there and does not know the method: another API, or an older version.
    #[error("it does not speak this: {0}")]
    NotSpoken(Box<str>),
    /// None in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The connection cannot be made, or ended.
    #[error("{0}")]
    Broken(Box<str>),
    /// It answered, with an error or with nonsense.
    #[error("{0}")]
    Refused(Box<str>),
}

impl Failure {
    fn broken(error: &dyn std::error::Error) -> Self {
        Self::Broken(text::reason(error))
    }

    fn refused(error: &dyn std::error::Error) -> Self {
        Self::Refused(text::reason(error))
    }
}

/// Sends what happens until the receiver is gone.
type Changes = mpsc::Sender<Change>;

impl Client {
    /// Finds out what listens there.
    async fn connect(found: &sockets::Socket, pace: &Pace) -> Result<Self, Failure> {
        match found.kind {
            sockets::Kind::Cri => cri::Client::connect(&found.path, pace).await.map(Self::Cri),
            sockets::Kind::Docker => docker::Client::connect(&found.path, pace)
                .await
                .map(Self::Docker),
        }
    }

    /// What it calls itself, for the log.
    fn name(&self) -> &str {
        match self {
            Self::Cri(client) => client.name(),
            Self::Docker(client) => client.name(),
        }
    }

    /// Every container there is, pause containers too.
    async fn list(&self) -> Result<Vec<Listed>, Failure> {
        match self {
            Self::Cri(client) => client.list().await,
            Self::Docker(client) => client.list().await,
        }
    }

    /// One container; `None` where there is none of this id.
    async fn inspect(&self, id: &str) -> Result<Option<Found>, Failure> {
        match self {
            Self::Cri(client) => client.inspect(id).await,
            Self::Docker(client) => client.inspect(id).await,
        }
    }

    /// Passes on what happens, until the stream ends.
    async fn events(&self, changes: &Changes) -> Failure {
        match self {
            Self::Cri(client) => client.events(changes).await,
            Self::Docker(client) => client.events(changes).await,
        }
    }

    /// Forgets what was kept of a removed container.
    fn forget(&self, id: &str) {
        if let Self::Cri(client) = self {
            client.forget(id);
        }
    }
}

#[cfg(test)]
mod tests;
