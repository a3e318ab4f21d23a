//! The way from whoever has alerts to every sink.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::lost::{Place, Repeats, Tally};
use super::sink::State;
use super::stream::Run;
use super::{Alert, own};

/// An alert that waits for a sink. It is shared with the others.
#[derive(Debug)]
pub struct Queued {
    /// What happened.
    pub alert: Arc<Alert>,
    /// Bytes that it takes of those that may wait.
    pub bytes: usize,
}

/// Hands alerts over to every sink, each with a bounded queue of its own, without ever waiting. One that finds no room
/// in a queue is counted as lost by that sink. The sinks end when the last outlet is gone.
#[derive(Clone, Debug)]
pub struct Outlet(Arc<Ways>);

/// An outlet that keeps no sink from ending.
#[derive(Clone, Debug)]
pub struct WeakOutlet(Weak<Ways>);

#[derive(Debug)]
struct Ways {
    /// Standard output first.
    each: Vec<Way>,
    run: Arc<Run>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Way {
    alerts: Sender<Queued>,
    state: Arc<State>,
}

impl Outlet {
    /// To the sinks of these states, the first of which is standard output, with the queues that they take alerts from.
    /// Of each, no more than so many alerts wait, and no more than `max_bytes` of them together.
    pub fn new(
        sinks: impl IntoIterator<Item = Arc<State>>,
        run: Arc<Run>,
        max_alerts: usize,
        max_bytes: usize,
    ) -> (Self, Vec<Receiver<Queued>>) {
        let way = |state| {
            let (alerts, queue) = channel(max_alerts);
            (Way { alerts, state }, queue)
        };
        let (each, queues) = sinks.into_iter().map(way).unzip();
        let ways = Ways {
            each,
            run,
            max_bytes,
        };
        (Self(Arc::new(ways)), queues)
    }

    /// Hands one over, or counts it.
    pub fn send(&self, alert: Alert) {
        let Ways {
            each, max_bytes, ..
        } = &*self.0;
        let (bytes, alert) = (alert.bytes(), self.number(alert));
        for way in each {
            way.offer(&alert, bytes, *max_bytes);
        }
    }

    /// Hands over what the agent says of itself. Waits so long for room at standard output; false where it finds none,
    /// which is counted.
    pub async fn tell(&self, event: Alert, patience: Duration) -> bool {
        debug_assert_eq!(event.source, own::SOURCE);
        let (bytes, event) = (event.bytes(), self.number(event));
        let Some((stdout, others)) = self.0.each.split_first() else {
            return false;
        };
        for way in others {
            way.offer(&event, bytes, self.0.max_bytes);
        }
        stdout.wait(event, patience).await
    }

    /// Has every sink tell what was lost elsewhere. Needs no room in a queue.
    pub fn lost(&self, place: &Place, tally: Tally) {
        for way in &self.0.each {
            way.state.lost.merge(place.clone(), tally);
        }
    }

    /// Has every sink tell of alerts that were held back. Needs no room in a queue.
    pub fn repeated(&self, repeats: &Repeats) {
        for way in &self.0.each {
            way.state.lost.repeated(repeats.clone());
        }
    }

    /// One that keeps no sink from ending.
    pub fn downgrade(&self) -> WeakOutlet {
        WeakOutlet(Arc::downgrade(&self.0))
    }

    fn number(&self, mut alert: Alert) -> Arc<Alert> {
        alert.number = self.0.run.next();
        Arc::new(alert)
    }
}

impl WeakOutlet {
    /// The outlet, unless everybody who had one is gone.
    pub fn upgrade(&self) -> Option<Outlet> {
        self.0.upgrade().map(Outlet)
    }
}

impl Way {
    fn offer(&self, alert: &Arc<Alert>, bytes: usize, max_bytes: usize) {
        let lost = &self.state.lost;
        if !lost.reserve(bytes, max_bytes) {
            return lost.add(alert.time);
        }
        let alert = Arc::clone(alert);
        if let Err(error) = self.alerts.try_send(Queued { alert, bytes }) {
            lost.release(bytes);
            lost.add(error.into_inner().alert.time);
        }
    }

    async fn wait(&self, alert: Arc<Alert>, patience: Duration) -> bool {
        let Ok(Ok(room)) = timeout(patience, self.alerts.reserve()).await else {
            self.state.lost.add(alert.time);
            return false;
        };
        // It waits beside those that are counted.
        self.state.lost.reserve(0, usize::MAX);
        room.send(Queued { alert, bytes: 0 });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::lost::Lost;
    use super::*;

    fn alert() -> Alert {
        Alert {
            message: "x".repeat(10_000),
            ..Alert::default()
        }
    }

    #[test]
    fn bytes_that_wait_are_bounded() {
        let state = Arc::new(State::default());
        let (outlet, mut queues) = Outlet::new([Arc::clone(&state)], Arc::default(), 1000, 100_000);
        let rx = &mut queues[0];
        for _ in 0..100 {
            outlet.send(alert());
        }
        let lost = &state.lost;
        assert_eq!((rx.len(), lost.waiting(), lost.alerts()), (9, 9, 91));
        let taken = rx.try_recv().unwrap();
        lost.release(taken.bytes);
        outlet.send(alert());
        assert_eq!((rx.len(), lost.alerts()), (9, 91), "there is room again");
    }

    #[tokio::test]
    async fn a_dead_sink_costs_others_nothing_and_they_tell_of_it() {
        let stdout = Arc::new(State::default());
        let also = Arc::clone(&stdout.lost);
        let dead = Arc::new(State::new(Lost::of("webhook", Some(also))));
        let sinks = [Arc::clone(&stdout), Arc::clone(&dead)];
        let (outlet, mut queues) = Outlet::new(sinks, Arc::default(), 10, 1 << 30);
        for sent in 0..100 {
            outlet.send(alert());
            let taken = queues[0].try_recv().unwrap();
            assert_eq!(taken.alert.number, sent + 1);
            stdout.lost.release(taken.bytes);
        }
        assert_eq!((stdout.lost.alerts(), dead.lost.alerts()), (0, 90));
        for state in [&stdout, &dead] {
            let told: Vec<_> = state.lost.take().collect();
            assert_eq!(told.len(), 1);
            assert!(
                told[0]
                    .1
                    .message
                    .starts_with("90 alerts were lost at webhook"),
                "{:?}",
                told[0].1.message
            );
        }
        let event = own::OwnEvent::CoverageRestored { classes: vec![] };
        assert!(outlet.tell(event.into_alert(1), Duration::ZERO).await);
        assert_eq!((queues[0].len(), dead.lost.alerts()), (1, 91));
    }
}
