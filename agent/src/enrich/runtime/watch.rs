//! Finding the runtime, and finding it again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::known::Known;
use super::queue::Queue;
use super::session::{self, End};
use super::sockets;
use super::{Client, Failure, Settings, text};
use crate::enrich::identity::{News, Reach, Source};
use crate::enrich::inquiry::Inquiries;

/// What is known, and who waits: outlives a connection.
pub(super) struct State {
    pub(super) asked: mpsc::Receiver<Box<str>>,
    pub(super) queue: Queue,
    pub(super) known: Known,
    pub(super) voice: Voice,
    pub(super) inquiries: Arc<Inquiries>,
}

/// Tells news; what can be reached only where it changes.
pub(super) struct Voice {
    news: mpsc::Sender<News>,
    told: Option<Reach>,
}

/// Nobody listens any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed;

impl Voice {
    pub(super) async fn tell(&self, news: News) -> Result<(), Closed> {
        self.news.send(news).await.map_err(|_| Closed)
    }

    pub(super) async fn reach(&mut self, reach: Reach) -> Result<(), Closed> {
        if self.told.as_ref() == Some(&reach) {
            return Ok(());
        }
        tracing::info!(?reach, "container runtime");
        self.told = Some(reach.clone());
        self.tell(News::Reach(Source::Runtime, reach)).await
    }
}

/// The task: sessions with pauses between them.
pub(super) async fn watch(
    settings: Settings,
    asked: mpsc::Receiver<Box<str>>,
    news: mpsc::Sender<News>,
) {
    let mut state = State {
        asked,
        queue: Queue::new(settings.pace.again),
        known: Known::default(),
        voice: Voice { news, told: None },
        inquiries: Arc::clone(&settings.inquiries),
    };
    let Err(Closed) = run(&settings, &mut state).await;
    tracing::debug!("nobody asks for containers any more");
}

async fn run(settings: &Settings, state: &mut State) -> Result<std::convert::Infallible, Closed> {
    let pace = &settings.pace;
    let mut pause = pace.retry;
    // One that was there and is gone is expected back; a host may have none at all.
    let mut expected = settings.socket.is_some();
    loop {
        let reach = match find(settings).await {
            Ok(client) => {
                expected = true;
                tracing::info!(runtime = client.name(), "container runtime answered");
                let began = Instant::now();
                state.voice.reach(Reach::Starting).await?;
                let end = session::serve(client, pace, state).await;
                for id in state.queue.interrupted() {
                    state.voice.tell(News::Removed(id)).await?;
                }
                if began.elapsed() > pace.retry_most {
                    pause = pace.retry;
                }
                match end {
                    End::Closed => return Err(Closed),
                    End::Failed(failure) => Reach::Down(failure.to_string().into()),
                }
            }
            Err(None) if expected => Reach::Down("its socket does not exist".into()),
            Err(None) => Reach::Off,
            Err(Some(reason)) => Reach::Down(reason),
        };
        let off = reach == Reach::Off;
        state.voice.reach(reach).await?;
        rest(jittered(pause), off, state).await?;
        pause = (pause * 2).min(pace.retry_most);
    }
}

/// The first that answers; the reason of the first that is there and does not; nothing where nothing is there that could
/// be a runtime's.
async fn find(settings: &Settings) -> Result<Client, Option<Box<str>>> {
    let mut reason = None;
    for socket in sockets::candidates(settings) {
        let path = socket.path.display();
        let connected = Client::connect(&socket, &settings.pace).await;
        match settings.inquiries.count(connected) {
            Ok(client) => return Ok(client),
            // Docker's containerd has no CRI, and listens all the same.
            Err(Failure::NotSpoken(why)) => {
                tracing::debug!(socket = %path, %why, "not a runtime to be asked");
                if settings.socket.is_some() && reason.is_none() {
                    reason = Some(text::bounded(&format!("{path}: {why}")));
                }
            }
            Err(failure) => {
                reason.get_or_insert_with(|| text::bounded(&format!("{path}: {failure}")));
            }
        }
    }
    Err(reason)
}

/// Waits, while those who ask are taken down; where there is no runtime they are sent away.
async fn rest(pause: Duration, off: bool, state: &mut State) -> Result<(), Closed> {
    let until = Instant::now() + pause;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Ok(()),
            asked = state.asked.recv(), if off || !state.queue.is_full() => {
                let id = asked.ok_or(Closed)?;
                if off {
                    state.voice.tell(News::NoContainer(id)).await?;
                } else if text::is_id(&id) {
                    state.queue.ask(id);
                }
            }
        }
    }
}

/// A quarter more or less, so that the agents of a cluster that restart together part ways.
pub(super) fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    // Keys of hash maps are random: enough for this.
    let random = RandomState::new().hash_one(0_u8) % 512;
    pause * u32::try_from(768 + random).unwrap_or(1024) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_a_quarter() {
        let pause = Duration::from_millis(1024);
        let pauses: Vec<u128> = (0..100).map(|_| jittered(pause).as_millis()).collect();
        assert!(
            pauses.iter().all(|ms| (768..1280).contains(ms)),
            "{pauses:?}"
        );
        assert!(pauses.iter().any(|ms| *ms != pauses[0]));
    }
}
