//! Exec sessions: which processes somebody started in a running container from outside, and all that descend from
//! these.
//!
//! A process that no other process of the container made, although the container was running, was put there by a
//! runtime, for `kubectl exec` and its like. So what is followed is descent, by the records of forks, which no process can
//! forge: every process in a container is either the container's own, because its maker is, or its first; or of a session,
//! because its maker is; or it *enters*, because its maker is outside. What enters is a stage of the runtime until it
//! starts a program in another mount namespace than that of its maker: that program is the root command of a new
//! session, unless the process is the container's first or init of its pid namespace.
//!
//! What a process is stays with it and with what it makes, wherever it is moved: neither writing to a cgroup nor
//! entering a namespace nor a new parent changes it. Containers are compared, not cgroups: a container may have many.
//!
//! Processes that were there before the agent have no records. Of these the parents tell: see [`State::scanned`].
//!
//! [`State::scanned`]: super::State::scanned

mod follow;
mod marks;
mod members;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;

use crate::decode::ExitRecord;
use crate::event::{CommandLimits, ProcKey, Session};
use marks::{Mark, Marks};
use members::Members;

/// How much is kept of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions, those that ended lately included.
    pub sessions: usize,
    /// Processes in all of them together, those that exited lately included.
    pub processes: usize,
    /// Command lines of each.
    pub commands: CommandLimits,
    /// How long an exited process is known as one of its session, nanoseconds: its events may come late.
    pub linger: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1024,
            processes: 32_768,
            commands: CommandLimits {
                lines: 128,
                bytes: 8192,
            },
            linger: 30_000_000_000,
        }
    }
}

/// Number of a session in this run of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(u64);

/// Sessions and processes that could not be followed for want of room, since it was last told. A session that was begun
/// is never among them: it is kept until its end was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Sessions.
    pub sessions: u64,
    /// Processes of sessions.
    pub processes: u64,
    /// cgroup of the last.
    pub cgroup: u64,
}

/// The sessions, and what is known of how processes came into their containers.
#[derive(Debug)]
pub struct Sessions {
    /// First part of every id.
    boot: Box<str>,
    limits: Limits,
    of: HashMap<Number, Followed>,
    next: u64,
    members: Members,
    marks: Marks,
    /// What is in containers was looked at, so a container without a process of its own is new.
    is_scanned: bool,
    refused: Refused,
}

/// A session, and what keeps it.
#[derive(Debug)]
struct Followed {
    session: Session,
    /// Members that have not exited.
    living: usize,
    /// Members, exited ones included.
    members: usize,
    /// Its end was told.
    is_told: bool,
}

impl Followed {
    /// Nothing is known of it that somebody may ask for.
    fn is_over(&self) -> bool {
        self.members == 0 && self.is_told
    }
}

/// How a process came to be where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Session(Number),
    Marked(Mark),
}

impl Sessions {
    /// None yet. `boot` tells this boot of this machine from every other.
    pub fn new(limits: Limits, boot: &str) -> Self {
        Self {
            boot: boot.into(),
            limits,
            of: HashMap::new(),
            next: 0,
            members: Members::new(limits.processes),
            marks: Marks::new(limits.processes),
            is_scanned: false,
            refused: Refused::default(),
        }
    }

    /// The session of a process, living or lately exited.
    pub fn of(&self, process: ProcKey) -> Option<&Session> {
        self.get(self.members.session(process)?)
    }

    /// A session by its number.
    pub fn get(&self, number: Number) -> Option<&Session> {
        self.of.get(&number).map(|followed| &followed.session)
    }

    /// Sessions that have not been told to have ended, oldest first.
    pub fn untold(&self) -> Vec<Number> {
        let untold = self.of.iter().filter(|(_, followed)| !followed.is_told);
        let mut numbers: Vec<Number> = untold.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Takes note that the end of a session is told now; false where it was before, or where it has not ended. It
    /// may be forgotten when another begins, or by [`Self::expire`].
    pub fn close(&mut self, number: Number) -> bool {
        let followed = self.of.get_mut(&number);
        let Some(followed) = followed.filter(|f| f.living == 0 && !f.is_told) else {
            return false;
        };
        followed.is_told = true;
        true
    }

    /// Counts alerts about what a process did.
    pub fn alerted(&mut self, process: ProcKey, alerts: usize) {
        let number = self.members.session(process);
        if let Some(followed) = number.and_then(|number| self.of.get_mut(&number)) {
            followed.session.alerts += alerts as u64;
        }
    }

    /// A process is gone without a record of its exit; `time` in nanoseconds since the epoch. Gives its session if that was
    /// the last.
    pub fn gone(&mut self, process: ProcKey, time: u64) -> Option<Number> {
        self.marks.remove(process);
        let number = self.members.exit(process, time)?;
        let followed = self.of.get_mut(&number)?;
        followed.living -= 1;
        if followed.living > 0 {
            return None;
        }
        followed.session.ended = Some(time);
        Some(number)
    }

    /// A few of the processes in sessions, other ones at each call: to be asked about, because the record of an exit may
    /// be lost.
    pub fn to_check(&mut self) -> Vec<ProcKey> {
        self.members.next_few()
    }

    /// Forgets processes that exited before `now` by more than the linger time, and sessions without any that were told
    /// to have ended.
    pub fn expire(&mut self, now: u64) {
        self.forget_told();
        while let Some(number) = self.members.expire(now, self.limits.linger) {
            self.release(number);
        }
    }

    /// What was refused since the last call.
    pub fn take_refused(&mut self) -> Refused {
        std::mem::take(&mut self.refused)
    }

    /// Whether what was there before the agent has been looked at.
    pub fn is_scanned(&self) -> bool {
        self.is_scanned
    }

    /// Sessions and processes in them, ended and exited ones included.
    pub fn sizes(&self) -> [usize; 2] {
        [self.of.len(), self.members.len()]
    }

    fn origin(&self, process: ProcKey) -> Option<Origin> {
        let session = self.members.session(process).map(Origin::Session);
        session.or_else(|| self.marks.get(process).map(Origin::Marked))
    }

    fn inherit(&mut self, process: ProcKey, origin: Origin) {
        match origin {
            Origin::Marked(mark) => self.marks.set(process, mark),
            Origin::Session(number) => self.join(process, number),
        }
    }

    /// A process exited. Gives its session if that was the last.
    fn exited(&mut self, exit: &ExitRecord) -> Option<Number> {
        let process = ProcKey::of(&exit.task);
        let number = self.members.session(process);
        if let Some(followed) = number.and_then(|number| self.of.get_mut(&number))
            && followed.session.root == process
        {
            followed.session.status = Some(exit.code);
            followed.session.task = exit.task;
        }
        self.gone(process, exit.time)
    }

    /// Begins a session; `None` where there is no room.
    fn begin(&mut self, mut session: Session) -> Option<Number> {
        if !self.has_room() {
            self.refuse(|refused| &mut refused.sessions, session.cgroup);
            return None;
        }
        let ProcKey { tgid, start_ticks } = session.root;
        session.id = format!("{}-{start_ticks:x}-{tgid:x}", self.boot).into();
        let (root, number) = (session.root, Number(self.next));
        self.next += 1;
        let line = session.cmdline.clone();
        session.commands.add(&line, self.limits.commands);
        let followed = Followed {
            session,
            living: 0,
            members: 0,
            is_told: false,
        };
        self.of.insert(number, followed);
        self.join(root, number);
        Some(number)
    }

    /// Makes room for a session and its root by forgetting sessions whose end was told, and exited processes; false where
    /// that does not do.
    fn has_room(&mut self) -> bool {
        self.forget_told();
        let is_over = |followed: &Followed| followed.living == 0 && followed.is_told;
        while self.of.len() >= self.limits.sessions {
            if !self.of.values().any(is_over) {
                return false;
            }
            let Some(number) = self.members.forget_oldest() else {
                return false;
            };
            self.release(number);
        }
        self.members.has_room()
    }

    fn join(&mut self, process: ProcKey, number: Number) {
        self.marks.remove(process);
        if self.members.session(process).is_some() {
            return;
        }
        let has_room = self.members.has_room();
        let Some(followed) = self.of.get_mut(&number).filter(|_| has_room) else {
            let cgroup = self.get(number).map_or(0, |session| session.cgroup);
            return self.refuse(|refused| &mut refused.processes, cgroup);
        };
        self.members.insert(process, number);
        followed.living += 1;
        followed.members += 1;
        followed.session.processes += 1;
        // A fork may be told after the exit of its maker.
        followed.session.ended = None;
        followed.is_told = false;
        // Not before: the oldest may be the last of this session.
        while self.members.is_too_full() {
            let Some(freed) = self.members.forget_oldest() else {
                break;
            };
            self.release(freed);
        }
    }

    fn ran(&mut self, number: Number, cmdline: &[u8]) {
        if let Some(followed) = self.of.get_mut(&number) {
            followed.session.commands.add(cmdline, self.limits.commands);
        }
    }

    /// A member was forgotten; the last takes its session along, unless its end is still to be told.
    fn release(&mut self, number: Number) {
        if let Some(followed) = self.of.get_mut(&number) {
            followed.members -= 1;
            if followed.is_over() {
                self.of.remove(&number);
            }
        }
    }

    /// Forgets sessions that lost their last member before their end was told, which it is by now.
    fn forget_told(&mut self) {
        self.of.retain(|_, followed| !followed.is_over());
    }

    fn refuse(&mut self, which: fn(&mut Refused) -> &mut u64, cgroup: u64) {
        *which(&mut self.refused) += 1;
        self.refused.cgroup = cgroup;
    }
}
