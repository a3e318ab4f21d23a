//! Runtime and API server are asked on the async side; what they tell goes to the thread that decides.
//!
//! Every channel is bounded. Where the deciding thread is behind, news waits, in order, and holds up who tells it; a
//! question that finds no room is asked again.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::decide::{Asked, Notice};
use crate::config::Config;
use crate::enrich::identity::News;
use crate::enrich::inquiry::Inquiries;
#[cfg(feature = "kube")]
use crate::enrich::{
    cluster,
    identity::{Reach, Source},
    runtime,
};
use crate::kernel::Waker;

/// How often each source was asked.
#[derive(Debug, Default)]
pub(super) struct Inquired {
    pub(super) runtime: Arc<Inquiries>,
    pub(super) cluster: Arc<Inquiries>,
}

/// Questions and news that wait at most, each.
const QUEUE: usize = 1024;
/// Time until a full channel is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// Starts asking as configured; questions for the runtime go to what is returned.
pub(super) fn start(
    config: &Config,
    notices: SyncSender<Notice>,
    waker: Waker,
    inquiries: &Inquired,
) -> Asked {
    let (ask, asked) = mpsc::channel(QUEUE);
    let (tell, news) = mpsc::channel(QUEUE);
    for news in first(config) {
        // The first that are sent, before anybody takes them: there is room.
        drop(notices.try_send(Notice::News(Box::new(news))));
    }
    start_sources(config, asked, tell, inquiries);
    tokio::spawn(forward(news, notices, waker));
    Asked(Box::new(move |id| ask.try_send(id.into()).is_ok()))
}

/// A build without the feature `kube` asks nobody: every question is refused.
#[cfg(not(feature = "kube"))]
fn start_sources(_: &Config, _: mpsc::Receiver<Box<str>>, _: mpsc::Sender<News>, _: &Inquired) {}

#[cfg(feature = "kube")]
fn start_sources(
    config: &Config,
    asked: mpsc::Receiver<Box<str>>,
    news: mpsc::Sender<News>,
    inquiries: &Inquired,
) {
    if let Some(mut settings) = super::runtime::settings(config) {
        settings.inquiries = Arc::clone(&inquiries.runtime);
        runtime::start(settings, asked, news.clone());
    }
    let mut settings = super::cluster::settings(config);
    settings.inquiries = Arc::clone(&inquiries.cluster);
    tokio::spawn(cluster::start(settings, news));
}

/// What is known of the sources before they say anything themselves: who will be asked counts as there.
#[cfg(feature = "kube")]
fn first(config: &Config) -> impl Iterator<Item = News> {
    let runtime = super::runtime::settings(config).map(|_| Source::Runtime);
    let is_asked = super::cluster::settings(config).access != cluster::Access::Off;
    let cluster = is_asked.then_some(Source::Cluster);
    let asked = runtime.into_iter().chain(cluster);
    asked.map(|source| News::Reach(source, Reach::Starting))
}

#[cfg(not(feature = "kube"))]
fn first(_: &Config) -> impl Iterator<Item = News> {
    std::iter::empty()
}

/// Hands news over and wakes the deciding thread, until either side has ended.
async fn forward(mut news: mpsc::Receiver<News>, notices: SyncSender<Notice>, waker: Waker) {
    while let Some(news) = news.recv().await {
        let mut notice = Notice::News(Box::new(news));
        loop {
            match notices.try_send(notice) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) => notice = back,
                Err(TrySendError::Disconnected(_)) => return,
            }
            sleep(AGAIN).await;
        }
        waker.wake();
    }
}
