//! What the API server knows of this node's pods.
//!
//! ```text
//!  link ─► answer ─► follow ─► pods, namespaces ─► book ─► desk ─► News
//!  client   limits   list+watch   objects           who changed
//! ```
//!
//! List and watch are our own, over kube's client, not kube-runtime's `watcher`. That one repeats a
//! watch that was answered with the status 410 for ever, skips an event that it cannot read, reads
//! lines and lists without limit and without a deadline, starts a watch that ends at once again
//! without a pause, and does not say when a watch stands again after an outage.
//!
//! The rights that are needed: get, list and watch on pods and namespaces (`deploy/manifests/rbac.yaml`). The node's
//! labels need `get` on nodes; where that is refused they are left out.

mod answer;
mod backoff;
mod book;
mod desk;
mod follow;
mod labels;
mod link;
mod namespaces;
mod node;
mod object;
mod owner;
mod pods;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

pub use backoff::Pace;
pub use link::Access;

use super::identity::{News, Reach, Source};
use super::inquiry::Inquiries;
use book::Book;
use desk::Desk;
use link::Link;

/// What is asked, where, and how much of the answer is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to reach the API server.
    pub access: Access,
    /// This node's name, as in `spec.nodeName` of its pods.
    pub node: String,
    /// Limits on what is kept.
    pub limits: Limits,
    /// Limits in time.
    pub times: Times,
    /// Where questions are counted.
    pub inquiries: Arc<Inquiries>,
}

/// Limits on what is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pods.
    pub pods: usize,
    /// Namespaces whose labels are kept.
    pub namespaces: usize,
    /// Bytes of names, labels and annotations of all of them together.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pods: 8192,
            namespaces: 16_384,
            bytes: 32 << 20,
        }
    }
}

/// Limits in time.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until a connection stands, TLS included, and an answer begins.
    pub answer: Duration,
    /// Until one page of a list is there.
    pub list: Duration,
    /// Length of a watch that the server is asked for, in whole seconds. Up to a fifth more is added
    /// at random, so that a thousand agents do not come back in the same second.
    pub watch: Duration,
    /// How long a watch may be silent beyond its length before the connection counts as dead.
    pub silence: Duration,
    /// How long pods wait for their namespaces' and the node's labels after the first list.
    pub grace: Duration,
    /// Between two looks at the node's labels.
    pub node: Duration,
    /// Pauses after failures.
    pub pace: Pace,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(20),
            list: Duration::from_mins(1),
            watch: Duration::from_mins(4),
            silence: Duration::from_secs(15),
            grace: Duration::from_secs(1),
            node: Duration::from_mins(10),
            pace: Pace::default(),
        }
    }
}

/// Follows the API server until nobody takes `news` any more. To be spawned by the pipeline.
///
/// Begins with [`Reach::Off`] and ends, or with [`Reach::Starting`]; then pods as they are, and
/// [`Reach::Up`] when all are told. Pods and deletions are told as they change, [`Reach::Down`] with
/// the reason while the server does not answer. A taker that is slow slows the watch down; nothing is lost.
pub async fn start(settings: Settings, news: Sender<News>) {
    let first = match settings.access {
        Access::Off => Reach::Off,
        _ => Reach::Starting,
    };
    let is_off = first == Reach::Off;
    if news
        .send(News::Reach(Source::Cluster, first))
        .await
        .is_err()
        || is_off
    {
        return;
    }
    let times = settings.times;
    let link = Link::new(settings.access, times.answer, settings.inquiries);
    let desk = Desk::new(Book::new(&settings.node, settings.limits), news);
    let pods = pods::Pods::new(&desk, &settings.node);
    let namespaces = namespaces::Namespaces::new(&desk);
    let all = async {
        tokio::join!(
            follow::follow(&link, &times, &pods),
            follow::follow(&link, &times, &namespaces),
            node::look(&link, &times, &desk, &settings.node),
            desk.open_after(times.grace),
        )
    };
    // Whoever waits for an answer does not notice that nobody takes it.
    tokio::select! {
        _ = all => {}
        () = desk.closed() => {}
    }
}
