//! One connection to a runtime, from the first list until it fails.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::queue::Verdict;
use super::watch::{Closed, State, jittered};
use super::{Change, Client, Failure, Found, Listed, Pace, text};
use crate::enrich::identity::{News, Reach};

/// Requests under way at once. The runtime has a kubelet to serve.
const MAX_REQUESTS: usize = 8;
/// Answers in a row that may come too late before the runtime counts as hanging.
const MAX_LATE: u32 = 3;
/// Events that wait at most; then the runtime's stream is not read on.
const MAX_CHANGES: usize = 1024;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody asks or listens any more.
    Closed,
    /// The runtime does not answer.
    Failed(Failure),
}

impl From<Closed> for End {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// What a request came to.
enum Answer {
    Container(Box<str>, Box<Result<Option<Found>, Failure>>),
    List(u64, Result<Vec<Listed>, Failure>),
}

struct Session<'a> {
    client: Client,
    pace: &'a Pace,
    state: &'a mut State,
    requests: JoinSet<Answer>,
    listing: bool,
    /// When the next list is due.
    list_at: Instant,
    /// Containers of the first list that are not told yet; `None` before that list.
    first: Option<HashSet<Box<str>>>,
    /// Between two lists.
    interval: Duration,
    late: u32,
}

/// Lists, answers and listens until it ends.
pub(super) async fn serve(client: Client, pace: &Pace, state: &mut State) -> End {
    let (send, mut changes) = mpsc::channel(MAX_CHANGES);
    // Ends with this function: dropping the set aborts it.
    let mut events = JoinSet::new();
    let listener = client.clone();
    events.spawn(async move {
        let over = listener.events(&send).await;
        // Nobody is left to be told where the session is over.
        let _told = send.send(Change::Over(over)).await;
    });
    let mut session = Session {
        client,
        pace,
        state,
        requests: JoinSet::new(),
        listing: false,
        list_at: Instant::now(),
        first: None,
        interval: pace.poll,
        late: 0,
    };
    loop {
        if let Err(end) = session.step(&mut changes).await {
            return end;
        }
    }
}

impl Session<'_> {
    /// Sends what there is room for, then waits for one thing to happen.
    async fn step(&mut self, changes: &mut mpsc::Receiver<Change>) -> Result<(), End> {
        self.request();
        let due = self.state.queue.due();
        let list = (!self.listing).then_some(self.list_at);
        // Whatever is due while there is no room is sent when an answer makes some.
        let room = self.requests.len() < MAX_REQUESTS;
        let wake = due.into_iter().chain(list).min().filter(|_| room);
        tokio::select! {
            Some(done) = self.requests.join_next() => match done {
                Ok(answer) => self.answered(answer).await,
                Err(error) => Err(End::Failed(Failure::refused(&error))),
            },
            asked = self.state.asked.recv(), if !self.state.queue.is_full() => {
                let id = asked.ok_or(End::Closed)?;
                if text::is_id(&id) {
                    self.state.queue.ask(id);
                }
                Ok(())
            }
            Some(change) = changes.recv() => self.changed(change).await,
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => Ok(()),
        }
    }

    fn request(&mut self) {
        let now = Instant::now();
        if !self.listing && self.list_at <= now {
            self.listing = true;
            let number = self.state.known.list();
            let (client, patience) = (self.client.clone(), self.pace.list);
            self.requests
                .spawn(async move { Answer::List(number, within(patience, client.list()).await) });
        }
        while self.requests.len() < MAX_REQUESTS
            && let Some(id) = self.state.queue.next(now)
        {
            let (client, patience) = (self.client.clone(), self.pace.answer);
            self.requests.spawn(async move {
                let answer = within(patience, client.inspect(&id)).await;
                Answer::Container(id, Box::new(answer))
            });
        }
    }

    async fn answered(&mut self, answer: Answer) -> Result<(), End> {
        match answer {
            Answer::List(number, answer) => {
                let answer = self.state.inquiries.count(answer);
                self.listing = false;
                self.list_at = Instant::now() + jittered(self.interval);
                match answer {
                    Ok(listed) => self.listed(number, &listed).await?,
                    // Without a first list nothing is known; later ones only lack what is new.
                    Err(failure) if self.first.is_none() => return Err(End::Failed(failure)),
                    Err(failure) => self.failed(failure)?,
                }
            }
            Answer::Container(id, answer) => {
                let answer = self.state.inquiries.count(*answer);
                let verdict = self.container(&id, answer).await?;
                self.ended(&id, verdict).await?;
            }
        }
        if self.first.as_ref().is_some_and(HashSet::is_empty) {
            self.state.voice.reach(Reach::Up).await?;
        }
        Ok(())
    }

    async fn listed(&mut self, number: u64, listed: &[Listed]) -> Result<(), End> {
        self.late = 0;
        let difference = self.state.known.compare(number, listed);
        for id in difference.gone {
            self.gone(&id).await?;
        }
        if self.first.is_none() {
            self.first = Some(difference.new.iter().cloned().collect());
        }
        for id in difference.new {
            self.state.queue.see(id);
        }
        Ok(())
    }

    async fn container(
        &mut self,
        id: &str,
        answer: Result<Option<Found>, Failure>,
    ) -> Result<Verdict, End> {
        let now = Instant::now();
        let found = match answer {
            Ok(found) => found,
            Err(failure) => {
                tracing::debug!(id, %failure, "no answer for a container");
                self.failed(failure)?;
                return Ok(self.state.queue.failed(id, now));
            }
        };
        self.late = 0;
        let Some(found) = found else {
            return Ok(self.state.queue.missing(id, now));
        };
        self.state.known.learn(id, found.settled);
        let verdict = self.state.queue.found(id, found.settled, now);
        if verdict.tell {
            let container = Box::new(found.container);
            self.state.voice.tell(News::Container(container)).await?;
        }
        Ok(verdict)
    }

    async fn ended(&mut self, id: &str, verdict: Verdict) -> Result<(), End> {
        if let Some(first) = &mut self.first {
            first.remove(id);
        }
        if verdict.none {
            self.state.voice.tell(News::NoContainer(id.into())).await?;
        }
        if verdict.gone {
            self.gone(id).await?;
        }
        Ok(())
    }

    async fn changed(&mut self, change: Change) -> Result<(), End> {
        match change {
            Change::Open => {
                self.interval = self.pace.reconcile;
                // What happened between the first list and now is in no event.
                self.list_at = Instant::now();
            }
            Change::Seen(id) => self.state.queue.see(id),
            Change::Gone(id) => self.gone(&id).await?,
            Change::Over(Failure::Broken(why)) => return Err(End::Failed(Failure::Broken(why))),
            Change::Over(failure) => {
                tracing::debug!(%failure, "no events from the container runtime: it is polled");
                self.interval = self.pace.poll;
                self.list_at = self.list_at.min(Instant::now() + self.interval);
            }
        }
        Ok(())
    }

    async fn gone(&mut self, id: &str) -> Result<(), End> {
        self.client.forget(id);
        self.state.known.forget(id);
        if self.state.queue.remove(id) {
            self.state.voice.tell(News::Removed(id.into())).await?;
        }
        Ok(())
    }

    /// One container that cannot be described is no reason to give up the others.
    fn failed(&mut self, failure: Failure) -> Result<(), End> {
        match failure {
            Failure::Broken(_) => Err(End::Failed(failure)),
            Failure::Late(_) if self.late + 1 >= MAX_LATE => Err(End::Failed(failure)),
            Failure::Late(_) => {
                self.late += 1;
                Ok(())
            }
            Failure::Refused(_) | Failure::NotSpoken(_) => Ok(()),
        }
    }
}

async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let answer = tokio::time::timeout(patience, answer).await;
    answer.unwrap_or(Err(Failure::Late(patience)))
}
