//! Containers to be asked for: each once at a time, anew while the runtime does not know it yet.
//!
//! A container's cgroup exists before the runtime publishes it (that of a pod's sandbox by the time its network takes),
//! and it is published before it is started. So an answer may have to be asked for again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Times that one container is asked for at most: with 20 ms at first, doubled, for two and a half seconds.
pub(super) const TRIES: u32 = 8;
/// Asked ids that wait at most; with more, no further are taken.
const MAX_ASKED: usize = 4096;
/// Containers that wait at most, those included that the runtime named; further ones are found by a later list.
const MAX_JOBS: usize = 32_768;

/// Why a container is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be asked for as soon as there is room.
    Ready,
    /// To be asked for then.
    Waiting(Instant),
    /// On its way.
    Asking,
}

#[derive(Debug)]
struct Job {
    /// Somebody waits for an answer.
    asked: bool,
    /// What is known was told, and only what is added would be news.
    told: bool,
    /// It was removed meanwhile.
    gone: bool,
    tries: u32,
    state: State,
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The container is to be told.
    pub(super) tell: bool,
    /// That there is none is to be told.
    pub(super) none: bool,
    /// That it was removed is to be told.
    pub(super) gone: bool,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: HashMap<Box<str>, Job>,
    ready: VecDeque<Box<str>>,
    waiting: BTreeSet<(Instant, Box<str>)>,
    asked: usize,
    again: Duration,
}

impl Queue {
    pub(super) fn new(again: Duration) -> Self {
        Self {
            jobs: HashMap::new(),
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            asked: 0,
            again,
        }
    }

    /// Whether no further ids can be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.asked >= MAX_ASKED
    }

    /// Somebody waits for this one: it comes before what is only seen.
    pub(super) fn ask(&mut self, id: Box<str>) {
        self.add(id, true);
    }

    /// The runtime named this one.
    pub(super) fn see(&mut self, id: Box<str>) {
        if self.jobs.len() < MAX_JOBS {
            self.add(id, false);
        }
    }

    fn add(&mut self, id: Box<str>, asked: bool) {
        let Some(job) = self.jobs.get_mut(&id) else {
            let job = Job {
                asked,
                told: false,
                gone: false,
                tries: 0,
                state: State::Ready,
            };
            self.asked += usize::from(asked);
            self.push(id.clone(), asked);
            self.jobs.insert(id, job);
            return;
        };
        self.asked += usize::from(asked && !job.asked);
        job.asked |= asked;
        job.told &= !asked;
        job.tries = 0;
        if let State::Waiting(at) = job.state {
            job.state = State::Ready;
            let entry = (at, id);
            self.waiting.remove(&entry);
            self.push(entry.1, asked);
        }
    }

    fn push(&mut self, id: Box<str>, asked: bool) {
        if asked {
            self.ready.push_front(id);
        } else {
            self.ready.push_back(id);
        }
    }

    /// It was removed. Returns whether that is to be told now, and not after the answer that is under way.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        match self.jobs.get_mut(id) {
            Some(job) => {
                job.gone = true;
                false
            }
            None => true,
        }
    }

    /// The next one to be asked for.
    pub(super) fn next(&mut self, now: Instant) -> Option<Box<str>> {
        while let Some((at, _)) = self.waiting.first()
            && *at <= now
            && let Some((_, id)) = self.waiting.pop_first()
        {
            self.ready.push_back(id);
        }
        let id = self.ready.pop_front()?;
        if let Some(job) = self.jobs.get_mut(&id) {
            job.state = State::Asking;
            job.tries += 1;
        }
        Some(id)
    }

    /// When the next of those that wait is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// The runtime described it. What is not `settled` is looked at again.
    pub(super) fn found(&mut self, id: &str, settled: bool, now: Instant) -> Verdict {
        let Some(job) = self.jobs.get_mut(id) else {
            return Verdict {
                tell: true,
                none: false,
                gone: false,
            };
        };
        let verdict = Verdict {
            tell: settled || !job.told,
            none: false,
            gone: job.gone,
        };
        job.told = true;
        self.asked -= usize::from(std::mem::take(&mut job.asked));
        if settled || job.gone || !self.later(id, now) {
            self.jobs.remove(id);
        }
        verdict
    }

    /// The runtime does not know it, yet.
    pub(super) fn missing(&mut self, id: &str, now: Instant) -> Verdict {
        let Some(job) = self.jobs.get(id) else {
            return Verdict {
                tell: false,
                none: false,
                gone: false,
            };
        };
        // What was known and is no more will not come again.
        let last = job.gone || job.told;
        if !last && self.later(id, now) {
            return Verdict {
                tell: false,
                none: false,
                gone: false,
            };
        }
        self.end(id)
    }

    /// There was no answer. After the last try nothing is told: nothing is known.
    pub(super) fn failed(&mut self, id: &str, now: Instant) -> Verdict {
        if !self.later(id, now) {
            let verdict = self.end(id);
            return Verdict {
                none: false,
                ..verdict
            };
        }
        Verdict {
            tell: false,
            none: false,
            gone: false,
        }
    }

    fn end(&mut self, id: &str) -> Verdict {
        let job = self.jobs.remove(id);
        let (asked, gone) = job.map_or((false, false), |job| (job.asked, job.gone));
        self.asked -= usize::from(asked);
        Verdict {
            tell: false,
            none: asked,
            gone,
        }
    }

    /// Puts it off; false where it had its tries.
    fn later(&mut self, id: &str, now: Instant) -> bool {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.tries < TRIES) else {
            return false;
        };
        let at = now + self.again * (1 << job.tries.saturating_sub(1).min(TRIES));
        job.state = State::Waiting(at);
        self.waiting.insert((at, id.into()));
        true
    }

    /// The connection is lost. Who waits for an answer gets it from the next one; the rest is listed anew. Those that were
    /// removed meanwhile are given back.
    pub(super) fn interrupted(&mut self) -> Vec<Box<str>> {
        self.ready.clear();
        self.waiting.clear();
        let gone = self.jobs.iter().filter(|(_, job)| job.gone);
        let gone: Vec<Box<str>> = gone.map(|(id, _)| id.clone()).collect();
        self.jobs.retain(|_, job| job.asked && !job.gone);
        for (id, job) in &mut self.jobs {
            job.tries = 0;
            job.state = State::Ready;
            self.ready.push_back(id.clone());
        }
        self.asked = self.jobs.len();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: Duration = Duration::from_millis(20);
    const NOTHING: Verdict = Verdict {
        tell: false,
        none: false,
        gone: false,
    };

    fn queue() -> (Queue, Instant) {
        (Queue::new(AGAIN), Instant::now())
    }

    #[test]
    fn what_is_not_there_yet_is_asked_for_again() {
        let (mut queue, mut now) = queue();
        let began = now;
        queue.ask("a".into());
        for tried in 1.. {
            assert_eq!(queue.next(now).as_deref(), Some("a"));
            assert_eq!(queue.next(now), None);
            let verdict = queue.missing("a", now);
            if tried == TRIES {
                assert_eq!(
                    verdict,
                    Verdict {
                        none: true,
                        ..NOTHING
                    }
                );
                break;
            }
            assert_eq!(verdict, NOTHING);
            assert_eq!(queue.next(now), None, "not at once");
            now = queue.due().unwrap();
        }
        assert_eq!(now - began, AGAIN * ((1 << (TRIES - 1)) - 1));
        assert_eq!((queue.due(), queue.jobs.len(), queue.asked), (None, 0, 0));
    }

    #[test]
    fn who_waits_comes_first() {
        let (mut queue, now) = queue();
        queue.see("a".into());
        queue.see("b".into());
        queue.ask("c".into());
        queue.see("c".into());
        let order: Vec<_> = std::iter::from_fn(|| queue.next(now)).collect();
        assert_eq!(order, ["c".into(), "a".into(), Box::from("b")]);
    }

    #[test]
    fn made_is_told_once_and_started_once_more() {
        let (mut queue, now) = queue();
        queue.ask("a".into());
        queue.next(now);
        assert!(queue.found("a", false, now).tell);
        queue.next(queue.due().unwrap());
        assert!(!queue.found("a", false, now).tell, "nothing new");
        queue.ask("a".into());
        assert_eq!(queue.next(now).as_deref(), Some("a"), "asked: at once");
        assert!(queue.found("a", false, now).tell);
        queue.next(queue.due().unwrap());
        assert!(queue.found("a", true, now).tell);
        assert_eq!((queue.due(), queue.jobs.len()), (None, 0));
    }

    #[test]
    fn removed_is_told_after_what_is_under_way() {
        let (mut queue, now) = queue();
        assert!(queue.remove("a"));
        queue.ask("a".into());
        queue.next(now);
        assert!(!queue.remove("a"));
        let verdict = queue.missing("a", now);
        assert_eq!(
            verdict,
            Verdict {
                tell: false,
                none: true,
                gone: true
            }
        );
        queue.see("b".into());
        queue.next(now);
        queue.remove("b");
        let verdict = queue.found("b", false, now);
        assert_eq!(
            verdict,
            Verdict {
                tell: true,
                none: false,
                gone: true
            }
        );
        assert!(queue.jobs.is_empty() && queue.due().is_none());
    }

    #[test]
    fn an_outage_forgets_nobody_who_waits() {
        let (mut queue, now) = queue();
        for id in ["a", "b"] {
            queue.ask(id.into());
        }
        for id in ["c", "d"] {
            queue.see(id.into());
        }
        while queue.next(now).is_some() {}
        assert_eq!(queue.failed("a", now), NOTHING);
        queue.remove("d");
        assert_eq!(queue.interrupted(), ["d".into()]);
        let mut left: Vec<_> = std::iter::from_fn(|| queue.next(now)).collect();
        left.sort();
        assert_eq!(left, ["a".into(), Box::from("b")]);
    }

    #[test]
    fn it_fills_up() {
        let (mut queue, now) = queue();
        for number in 0..MAX_ASKED {
            assert!(!queue.is_full());
            queue.ask(number.to_string().into());
        }
        assert!(queue.is_full());
        let id = queue.next(now).unwrap();
        queue.found(&id, true, now);
        assert!(!queue.is_full());
    }
}
