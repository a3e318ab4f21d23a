//! How records change the process table (`falco-language` semantics of `proc.*`): fork copies the
//! caller and takes `comm` from the child, exec replaces, a failed exec changes nothing.

use std::sync::Arc;

use komainu_common::Task;
use komainu_common::exec::Ancestor;
use komainu_common::limits::{MAX_ARGV, MAX_ENV, MAX_KERNEL_PATH};

use super::table::Source;
use super::{ProcessTable, text};
use crate::decode::{ExecRecord, ForkRecord, split_argv};
use crate::event::{ProcKey, Process, Text};

/// Most repairs asked for in one pass.
const MAX_REPAIRS: usize = 64;

/// A process read from `/proc`.
#[derive(Clone, Debug)]
pub struct Found {
    /// Identity.
    pub key: ProcKey,
    /// What was found. Times are those of the epoch.
    pub process: Process,
}

/// Where a process was when it was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// cgroup id.
    pub cgroup: u64,
    /// Mount namespace, 0 where unknown.
    pub mnt_ns: u32,
    /// Pid namespace, 0 where unknown.
    pub pid_ns: u32,
}

impl Before {
    /// Of what is known of it.
    pub fn of(process: &Process) -> Self {
        let namespaces = process.task.as_ref().map(|task| (task.mnt_ns, task.pid_ns));
        let (mnt_ns, pid_ns) = namespaces.unwrap_or_default();
        Self {
            cgroup: process.cgroup,
            mnt_ns,
            pid_ns,
        }
    }
}

impl ProcessTable {
    /// A process was created.
    pub fn fork(&mut self, forked: &ForkRecord<'_>) {
        let key = ProcKey::of(&forked.task);
        if self.entry(key).is_some_and(|e| e.source > Source::Task) {
            // Read from `/proc` meanwhile: as new as this record, or newer.
            return;
        }
        let caller = self
            .entry(forked.creator)
            .map(|e| (e.process.clone(), e.source));
        let (mut child, source) = match caller {
            // A child of one that is known by name only is no better known.
            Some((process, Source::Task)) => (process, Source::Task),
            Some((process, _)) => (process, Source::Kernel),
            None => (Process::default(), Source::Task),
        };
        let comm = text::comm(&forked.task.comm);
        if *child.comm != *comm {
            child.comm = comm.into();
            child.cmdline = text::join_cmdline(comm, &child.args);
        }
        self.identify(&mut child, &forked.task, forked.cgroup);
        child.usage = forked.usage;
        child.pidns_init_time = forked.pidns_init_time;
        self.put(key, child, source);
    }

    /// A program was started in a process. Records may come late (they may have waited for the identity of a
    /// container): then a later program stays.
    pub fn exec(&mut self, execed: &ExecRecord<'_>) {
        let task = &execed.task;
        let key = ProcKey::of(task);
        if self
            .entry(key)
            .is_some_and(|entry| entry.execed > execed.time)
        {
            return;
        }
        let (argv0, args) = split_argv(head(execed.argv, MAX_ARGV));
        let comm = text::comm(&task.comm);
        let mut process = Process {
            comm: comm.into(),
            exe: argv0.into(),
            args: args.into(),
            cmdline: text::join_cmdline(comm, args),
            exe_path: text::exe_path(
                head(execed.exe_path, MAX_KERNEL_PATH),
                execed.exe_file.memfd,
            ),
            env: self.shared_env(key, trim_nul(head(execed.env, MAX_ENV))),
            cwd: text::directory(head(execed.cwd, MAX_KERNEL_PATH)),
            exe_file: execed.exe_file,
            usage: execed.usage,
            pidns_init_time: execed.pidns_init_time,
            ..Process::default()
        };
        self.identify(&mut process, task, execed.cgroup);
        self.put(key, process, Source::Kernel);
        if let Some(entry) = self.entry_mut(key) {
            entry.execed = execed.time;
        }
        self.link(key, execed.ancestors.clone());
    }

    /// A process ended; `time` is in nanoseconds since the epoch.
    pub fn exit(&mut self, task: &Task, cgroup: u64, time: u64) {
        // An unknown one gets a tombstone too: its late events and `/proc` data may still come.
        self.touch(task, cgroup);
        self.bury(ProcKey::of(task), time);
    }

    /// Any other event of a process: its credentials and parent are now those of the record.
    ///
    /// Gives where it was before; `None` where it was not in the table. It is then, known by name only.
    pub fn touch(&mut self, task: &Task, cgroup: u64) -> Option<Before> {
        let key = ProcKey::of(task);
        if let Some(entry) = self.entry_mut(key) {
            let before = Before::of(&entry.process);
            entry.process.cgroup = cgroup;
            entry.process.parent = ProcKey::parent_of(task).or(entry.process.parent);
            match &mut entry.process.task {
                Some(known) => **known = *task,
                None => entry.process.task = Some(Box::new(*task)),
            }
            return Some(before);
        }
        self.stats.missing += 1;
        self.repairs_possible = true;
        let mut process = named(text::comm(&task.comm));
        self.identify(&mut process, task, cgroup);
        self.put(key, process, Source::Task);
        None
    }

    /// Takes over what `/proc` says. Records win over it: only what they left open is filled in,
    /// and the parent, because `/proc` knows of re-parenting.
    pub fn found(&mut self, found: Found) {
        let Some(entry) = self.entry_mut(found.key) else {
            self.put(found.key, found.process, Source::Proc);
            return;
        };
        if entry.source == Source::Kernel {
            entry.process.parent = found.process.parent.or(entry.process.parent);
            entry.asked = false;
            return;
        }
        let mut process = found.process;
        process.task = entry.process.task.take().or(process.task);
        if entry.process.cgroup != 0 {
            process.cgroup = entry.process.cgroup;
        }
        self.put(found.key, process, Source::Proc);
    }

    /// Processes whose entry `/proc` could complete or correct: those known by name only, and
    /// those whose parent exited. A bounded number; call it now and then, between batches.
    pub fn repairs(&mut self) -> Vec<ProcKey> {
        if !std::mem::take(&mut self.repairs_possible) {
            return Vec::new();
        }
        let gone = |key| self.entry(key).is_none_or(|parent| parent.exited.is_some());
        // Most entries of a busy machine are of processes that ended.
        let wanted = self.all().filter(|(_, entry)| {
            let may_be_read = !entry.asked && entry.exited.is_none();
            may_be_read && (entry.source == Source::Task || entry.process.parent.is_some_and(gone))
        });
        let keys: Vec<ProcKey> = wanted.map(|(key, _)| *key).take(MAX_REPAIRS).collect();
        for key in &keys {
            if let Some(entry) = self.entry_mut(*key) {
                entry.asked = true;
            }
        }
        self.repairs_possible = keys.len() == MAX_REPAIRS;
        keys
    }

    /// Links a process to the ancestors the kernel named, and makes entries for unknown ones.
    fn link(&mut self, of: ProcKey, ancestors: impl IntoIterator<Item = Ancestor>) {
        let mut child = of;
        for ancestor in ancestors {
            let key = ProcKey::new(ancestor.tgid, ancestor.start_time);
            if ancestor.tgid == 0 || key == child {
                return;
            }
            if let Some(entry) = self.entry_mut(child) {
                entry.process.parent = Some(key);
            }
            if self.entry(key).is_none() {
                let mut process = named(text::comm(&ancestor.comm));
                process.tgid = ancestor.tgid;
                process.clone_time = self.wall(ancestor.start_time);
                self.put(key, process, Source::Task);
                self.repairs_possible = true;
            }
            child = key;
        }
    }

    /// An environment: the one the process had so far, which is its parent's where it was just forked,
    /// if it is the same. Most programs pass on what they got.
    fn shared_env(&self, key: ProcKey, env: &[u8]) -> Text {
        let known = self.entry(key).map(|entry| &entry.process.env);
        let same = known.filter(|known| ***known == *env);
        same.map_or_else(|| env.into(), Arc::clone)
    }

    fn identify(&self, process: &mut Process, task: &Task, cgroup: u64) {
        process.clone_time = self.wall(task.start_time);
        process.parent = ProcKey::parent_of(task);
        process.tgid = task.tgid;
        process.cgroup = cgroup;
        process.task = Some(Box::new(*task));
    }

    /// Wall-clock time of a time since boot; 0, meaning unknown, stays 0.
    fn wall(&self, boot: u64) -> u64 {
        if boot == 0 {
            0
        } else {
            boot.saturating_add(self.epoch)
        }
    }
}

fn named(comm: &[u8]) -> Process {
    Process {
        comm: comm.into(),
        cmdline: comm.into(),
        ..Process::default()
    }
}

fn head(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
}

fn trim_nul(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(&[0]).unwrap_or(bytes)
}
