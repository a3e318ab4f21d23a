//! Which process is in which session.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::Number;
use crate::event::ProcKey;

/// Processes that one call of [`Members::next_few`] gives.
const FEW: usize = 16;

/// Processes of sessions, bounded in number. Living ones are never forgotten: whoever could make the table forget one
/// could leave a session.
#[derive(Debug)]
pub(super) struct Members {
    of: HashMap<ProcKey, Member>,
    /// In the order in which they exited.
    exited: VecDeque<(u64, ProcKey)>,
    /// Living ones in the order in which they are asked about. May hold exited ones.
    round: VecDeque<ProcKey>,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    session: Number,
    is_living: bool,
}

impl Members {
    pub(super) fn new(max: usize) -> Self {
        Self {
            of: HashMap::new(),
            exited: VecDeque::new(),
            round: VecDeque::new(),
            max,
        }
    }

    pub(super) fn session(&self, process: ProcKey) -> Option<Number> {
        self.of.get(&process).map(|member| member.session)
    }

    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether one more has room, if need be instead of one that exited.
    pub(super) fn has_room(&self) -> bool {
        self.of.len() < self.max || !self.exited.is_empty()
    }

    /// Whether there is one more than may be: one that exited is to be forgotten.
    pub(super) fn is_too_full(&self) -> bool {
        self.of.len() > self.max
    }

    /// Adds a living process that is not there.
    pub(super) fn insert(&mut self, process: ProcKey, session: Number) {
        let is_living = true;
        self.of.insert(process, Member { session, is_living });
        if self.round.len() > 2 * self.of.len() {
            self.round.retain(|process| is_alive(&self.of, *process));
        }
        self.round.push_back(process);
    }

    /// A process exited. Gives its session where it was a living one.
    pub(super) fn exit(&mut self, process: ProcKey, time: u64) -> Option<Number> {
        let member = self
            .of
            .get_mut(&process)
            .filter(|member| member.is_living)?;
        member.is_living = false;
        self.exited.push_back((time, process));
        Some(member.session)
    }

    /// Forgets one that exited more than `linger` before `now`, and gives its session.
    pub(super) fn expire(&mut self, now: u64, linger: u64) -> Option<Number> {
        let (time, _) = self.exited.front()?;
        let is_over = time.saturating_add(linger) <= now;
        is_over.then(|| self.forget_oldest())?
    }

    /// Forgets the one that exited first, and gives its session.
    pub(super) fn forget_oldest(&mut self) -> Option<Number> {
        let (_, process) = self.exited.pop_front()?;
        self.of.remove(&process).map(|member| member.session)
    }

    /// The next living ones in turn.
    pub(super) fn next_few(&mut self) -> Vec<ProcKey> {
        let mut few = Vec::new();
        for _ in 0..self.round.len() {
            let Some(process) = self.round.pop_front().filter(|_| few.len() < FEW) else {
                break;
            };
            if is_alive(&self.of, process) {
                self.round.push_back(process);
                few.push(process);
            }
        }
        few
    }
}

fn is_alive(of: &HashMap<ProcKey, Member>, process: ProcKey) -> bool {
    of.get(&process).is_some_and(|member| member.is_living)
}
