//! Sending the canary out, and telling what does not come back.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use komainu_common::Class;
use tokio::time::{Instant, sleep};

use super::super::board::Board;
use super::super::clock;
use super::super::engine::InForce;
use super::super::nonce::Nonce;
use super::Canary;
use crate::emit::{OwnEvent, WeakOutlet};

/// Time from the start of the agent to the first round.
const FIRST: Duration = Duration::from_secs(1);
/// Time between two looks at what came back.
const LOOK: Duration = Duration::from_millis(50);
/// Time after a round in which late events are still the canary's.
const LATE: Duration = Duration::from_millis(500);
/// Longest that the child may take: its acts take no time.
const CHILD: Duration = Duration::from_secs(5);
/// Longest that standard output may take to take a word.
const FLUSH: Duration = Duration::from_secs(5);

/// What a canary needs.
#[derive(Debug)]
pub(in super::super) struct Cage {
    pub(in super::super) canary: Arc<Canary>,
    pub(in super::super) board: Arc<Board>,
    pub(in super::super) in_force: Arc<ArcSwap<InForce>>,
    /// Weak: the sinks end when nobody can send any more.
    pub(in super::super) outlet: WeakOutlet,
    pub(in super::super) nonce: Nonce,
    /// Time between two rounds.
    pub(in super::super) interval: Duration,
    /// Time that events may take to come back.
    pub(in super::super) deadline: Duration,
}

/// Sends it out again and again, until nobody takes alerts any more.
pub(in super::super) async fn run(cage: Cage) {
    sleep(FIRST).await;
    while cage.outlet.upgrade().is_some() {
        cage.check().await;
        sleep(cage.interval).await;
    }
}

/// What came of a round.
enum Round {
    /// These classes were tried, and of these nothing came back.
    Done(Vec<Class>, Vec<Class>),
    /// Other rules were put in force meanwhile, or classes shed: it says nothing.
    Void,
    /// The child did not do its acts.
    Failed(std::io::Error),
}

impl Cage {
    /// One round, or a second one where something was missing: a ring can be full.
    async fn check(&self) {
        let mut round = self.round().await;
        if matches!(&round, Round::Done(_, missing) if !missing.is_empty()) {
            round = self.round().await;
        }
        match round {
            Round::Done(tried, missing) => self.tell(&tried, &missing).await,
            Round::Void => {}
            Round::Failed(error) => {
                tracing::warn!(%error, "the canary cannot be sent out: coverage is not checked");
                self.board.canary_failed();
            }
        }
    }

    async fn round(&self) -> Round {
        let before = self.in_force.load_full();
        let shed = self.board.shed();
        let classes = before.canary.classes.iter().copied();
        let tried: Vec<Class> = classes.filter(|class| !shed.contains(class)).collect();
        self.canary.send_out(true);
        let (nonce, classes) = (self.nonce, tried.clone());
        let acted = tokio::task::spawn_blocking(move || act(nonce, &classes)).await;
        if let Ok(Err(error)) = acted {
            self.canary.send_out(false);
            return Round::Failed(error);
        }
        let deadline = Instant::now() + self.deadline;
        while !self.canary.missing(&tried).is_empty() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        let missing = self.canary.missing(&tried);
        sleep(LATE).await;
        self.canary.send_out(false);
        if !Arc::ptr_eq(&before, &self.in_force.load()) || shed != self.board.shed() {
            return Round::Void;
        }
        Round::Done(tried, missing)
    }

    async fn tell(&self, tried: &[Class], missing: &[Class]) {
        let (lost, restored) = self.board.covered(tried, missing);
        let names =
            |classes: &[Class]| classes.iter().map(|class| class.name()).collect::<Vec<_>>();
        let mut events = Vec::new();
        if !lost.is_empty() {
            let classes = names(&lost);
            tracing::error!(?classes, "events of the canary did not come back");
            let seconds = self.deadline.as_secs();
            events.push(OwnEvent::CoverageLost { classes, seconds });
        }
        if !restored.is_empty() {
            let classes = names(&restored);
            tracing::info!(?classes, "events of the canary come back again");
            events.push(OwnEvent::CoverageRestored { classes });
        }
        for event in events {
            if let Some(outlet) = self.outlet.upgrade() {
                // Where standard output is gone the agent ends.
                outlet.tell(event.into_alert(clock::now()), FLUSH).await;
            }
        }
    }
}

/// Runs the child, which acts once for each class, to its end.
fn act(nonce: Nonce, classes: &[Class]) -> std::io::Result<()> {
    let child = Command::new("/proc/self/exe")
        .args(["canary", &nonce.text()])
        .args(classes.iter().map(|class| class.name()))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    ended(child)
}

fn ended(mut child: Child) -> std::io::Result<()> {
    let deadline = std::time::Instant::now() + CHILD;
    while std::time::Instant::now() < deadline {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                return Err(std::io::Error::other(format!("its child ended: {status}")));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    child.kill()?;
    child.wait()?;
    Err(std::io::ErrorKind::TimedOut.into())
}
