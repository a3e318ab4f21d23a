//! cgroups whose path no record told: which processes to look for in `/proc`.

use crate::event::ProcKey;

/// cgroups without a path. A process that a runtime moves into a new cgroup makes events there
/// before its exec tells the path.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    asked: hashbrown::HashMap<u64, Asked>,
    /// Not handed over yet.
    wanted: Vec<ProcKey>,
    round: u64,
}

/// What was asked about one cgroup.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    times: u8,
    /// In this round last.
    round: u64,
}

impl Unknown {
    /// cgroups remembered as asked about.
    const MAX: usize = 1024;
    /// Rounds in which one is asked about: an answer may be late, or the process gone.
    const TIMES: u8 = 5;

    /// Notes a cgroup without a path, and a process in it.
    pub(super) fn note(&mut self, cgroup: u64, process: ProcKey) {
        if self.asked.len() >= Self::MAX {
            self.asked.clear();
        }
        if self.wanted.len() >= Self::MAX {
            return;
        }
        let asked = self.asked.entry(cgroup).or_default();
        if asked.times == 0 || (asked.round != self.round && asked.times < Self::TIMES) {
            asked.times += 1;
            asked.round = self.round;
            self.wanted.push(process);
        }
    }

    /// Hands over the processes to look for; what `send` refuses waits for the next call.
    pub(super) fn ask(&mut self, mut send: impl FnMut(ProcKey) -> bool) {
        let taken = self.wanted.iter().take_while(|key| send(**key)).count();
        self.wanted.drain(..taken);
    }

    /// Begins a round: what is still unknown may be asked about again.
    pub(super) fn next_round(&mut self) {
        self.round += 1;
    }
}
