//! What records and `/proc` tell of how a process came into its container.

use komainu_common::Task;
use zerocopy::FromZeros as _;

use super::marks::{Mark, Namespaces};
use super::{Number, Origin};
use crate::decode::{ExecRecord, ExitRecord, ForkRecord};
use crate::enrich::State;
use crate::enrich::container::{ContainerKey, Where};
use crate::enrich::process::{Before, MAX_ANCESTORS};
use crate::event::{Commands, ProcKey, Process, Session, SessionKind};

impl State {
    /// A process was created.
    pub fn forked(&mut self, forked: &ForkRecord<'_>) {
        self.processes.fork(forked);
        let child = ProcKey::of(&forked.task);
        if self.sessions.origin(child).is_some() {
            return;
        }
        let origin = self.origin(forked.creator);
        let place = self.containers.place(forked.cgroup);
        let maker = self.processes.get(forked.creator).map(Before::of);
        match (place, maker) {
            (Where::Container(here), Some(maker))
                if self.is_outside(forked.creator, maker.cgroup, here) =>
            {
                self.enters(&forked.task, here, maker);
            }
            (Where::Host, _) if is_entering(origin) => {}
            _ => {
                if let Some(origin) = origin {
                    self.sessions.inherit(child, origin);
                    self.settle(&forked.task);
                }
            }
        }
    }

    /// A program was started.
    pub fn execed(&mut self, execed: &ExecRecord<'_>) {
        let (task, process) = (&execed.task, ProcKey::of(&execed.task));
        let before = self.processes.get(process).map(Before::of);
        self.processes.exec(execed);
        if let Some(before) = before {
            self.moved(task, before, execed.cgroup);
        }
        let was = self.sessions.origin(process);
        let mut origin = self.origin(process);
        if let (Some(Origin::Marked(Mark::Entering { container, outside })), Where::Container(here)) =
            (origin, self.containers.place(execed.cgroup))
            && container == here
            && outside.mnt != task.mnt_ns
        {
            origin = self.arrives(process, here);
        }
        if let Some(Origin::Session(number)) = origin {
            let is_new =
                was != origin && self.sessions.get(number).is_some_and(|s| s.root == process);
            // The first command was counted as the session began.
            if !is_new && let Some(program) = self.processes.get(process) {
                self.sessions.ran(number, &program.cmdline);
            }
        }
    }

    /// Any other event of a process.
    pub fn seen(&mut self, task: &Task, cgroup: u64) {
        if let Some(before) = self.processes.touch(task, cgroup) {
            self.moved(task, before, cgroup);
        }
    }

    /// A process ended. Gives its session if it was the last of that.
    pub fn exited(&mut self, exit: &ExitRecord, cgroup: u64) -> Option<Number> {
        self.processes.exit(&exit.task, cgroup, exit.time);
        self.sessions.exited(exit)
    }

    /// Everything that runs was read from `/proc`: finds the sessions among it.
    ///
    /// Oldest first, so the first of a container is its init. A process whose parent is outside and which is not that was
    /// put there by a runtime; orphans are given to init of their pid namespace, not to a process outside of it
    /// (`find_new_reaper` of `kernel/exit.c`), so they are not taken for such. Where a container shares the host's pid
    /// namespace they would be: there no session is found. A process whose terminal session (`setsid(2)`) was begun by
    /// one of an exec session is of that too, whoever its parent has become. An orphan that began one of its own before
    /// the agent started is taken for the container's.
    pub fn scanned(&mut self) {
        self.sessions.is_scanned = !self.processes.is_empty();
        let living = self.processes.living();
        let inside = living.filter(|(_, process)| {
            matches!(self.containers.place(process.cgroup), Where::Container(_))
        });
        let mut inside: Vec<(ProcKey, u32)> = inside
            .map(|(key, process)| (key, process.task.as_ref().map_or(0, |task| task.sid)))
            .collect();
        inside.sort_unstable_by_key(|(key, _)| (key.start_ticks, key.tgid));
        let leaders: hashbrown::HashMap<u32, ProcKey> =
            inside.iter().map(|(key, _)| (key.tgid, *key)).collect();
        for (process, sid) in inside {
            if self.sessions.origin(process).is_some() {
                continue;
            }
            let leader = leaders.get(&sid).filter(|leader| **leader != process);
            match leader.and_then(|leader| self.sessions.origin(*leader)) {
                Some(origin @ Origin::Session(_)) => self.sessions.inherit(process, origin),
                _ => self.look_up(process),
            }
        }
    }

    /// Finds out how a process of which `/proc` told came here, where that is not known.
    pub(in crate::enrich) fn look_up(&mut self, process: ProcKey) {
        let _known = self.origin(process);
    }

    /// What is known of a process, found out by its ancestors where it is in a container.
    fn origin(&mut self, process: ProcKey) -> Option<Origin> {
        self.sessions
            .origin(process)
            .or_else(|| self.resolve(process))
    }

    /// A process of which no record told how it came here: what its ancestors are, it is.
    fn resolve(&mut self, process: ProcKey) -> Option<Origin> {
        let mut top = process;
        for _ in 0..MAX_ANCESTORS {
            let known = self.processes.get(top)?;
            let Where::Container(here) = self.containers.place(known.cgroup) else {
                return None;
            };
            let parent = known.parent?;
            let above = self.processes.get(parent)?;
            let origin = if self.is_outside(parent, above.cgroup, here) {
                Some(self.put_there(top, parent, here)?)
            } else {
                self.sessions.origin(parent)
            };
            if let Some(origin) = origin {
                self.sessions.inherit(top, origin);
                self.sessions.inherit(process, origin);
                return Some(origin);
            }
            top = parent;
        }
        None
    }

    /// A process with a parent outside of its container. Where nothing tells what it is, it is the container's own.
    fn put_there(
        &mut self,
        process: ProcKey,
        parent: ProcKey,
        here: ContainerKey,
    ) -> Option<Origin> {
        let (known, above) = (self.processes.get(process)?, self.processes.get(parent)?);
        let outside = above
            .task
            .as_deref()
            .map(Namespaces::of)
            .unwrap_or_default();
        let task = known.task.as_deref()?;
        let is_runtime = outside.mnt == task.mnt_ns
            || known.exe_file.inode != 0
                && (known.exe_file.inode, known.exe_file.ctime)
                    == (above.exe_file.inode, above.exe_file.ctime);
        // Orphans of the container's own may have that parent too.
        let is_unclear = outside.pid == task.pid_ns || outside.pid == 0;
        let own = Origin::Marked(Mark::Own(here));
        if is_init(task, outside) || self.is_first(process, here) || is_unclear && !is_runtime {
            return Some(own);
        }
        // It may have been known for the container's own.
        if self.sessions.marks.is_blurred(here) {
            let cgroup = known.cgroup;
            if !self.is_oldest(process, here) {
                self.sessions
                    .refuse(|refused| &mut refused.sessions, cgroup);
            }
            return Some(own);
        }
        if is_runtime {
            let container = here;
            return Some(Origin::Marked(Mark::Entering { container, outside }));
        }
        Some(self.begin(process, true).unwrap_or(own))
    }

    /// A process is in a cgroup now that was not the last one it was seen in.
    fn moved(&mut self, task: &Task, before: Before, cgroup: u64) {
        if before.cgroup == cgroup {
            return;
        }
        let process = ProcKey::of(task);
        match self.containers.place(cgroup) {
            Where::Host if is_entering(self.sessions.origin(process)) => {
                self.sessions.marks.remove(process);
            }
            Where::Container(here) if self.is_outside(process, before.cgroup, here) => {
                self.enters(task, here, before);
            }
            _ => {}
        }
    }

    fn enters(&mut self, task: &Task, container: ContainerKey, before: Before) {
        let outside = self.outside(task, before);
        let mark = Mark::Entering { container, outside };
        self.sessions.marks.set(ProcKey::of(task), mark);
        self.settle(task);
    }

    /// Namespaces of the runtime that put a process into a container: those of its parent. Its own may be the container's
    /// already, because some runtimes move their last stage into the cgroup, others their first.
    fn outside(&self, task: &Task, before: Before) -> Namespaces {
        let parent = ProcKey::parent_of(task);
        let parent = parent.filter(|parent| self.sessions.origin(*parent).is_none());
        let known = parent.and_then(|parent| self.processes.get(parent));
        known.and_then(|parent| parent.task.as_deref()).map_or(
            Namespaces {
                mnt: before.mnt_ns,
                pid: before.pid_ns,
            },
            Namespaces::of,
        )
    }

    /// What enters and is init of a pid namespace begins the container.
    fn settle(&mut self, task: &Task) {
        let process = ProcKey::of(task);
        if let Some(Mark::Entering { container, outside }) = self.sessions.marks.get(process)
            && is_init(task, outside)
        {
            self.sessions.marks.set(process, Mark::Own(container));
        }
    }

    /// What entered started a program of the container.
    fn arrives(&mut self, process: ProcKey, here: ContainerKey) -> Option<Origin> {
        let begun = if self.is_first(process, here) {
            if self.sessions.marks.is_blurred(here) {
                let cgroup = self.processes.get(process).map_or(0, |known| known.cgroup);
                self.sessions
                    .refuse(|refused| &mut refused.sessions, cgroup);
            }
            None
        } else {
            self.begin(process, false)
        };
        begun.or_else(|| {
            let own = Mark::Own(here);
            self.sessions.marks.set(process, own);
            Some(Origin::Marked(own))
        })
    }

    /// Whether a process that came from outside is the first of its container, with which it begins. Where marks of the
    /// container were forgotten, it only may be.
    fn is_first(&self, process: ProcKey, here: ContainerKey) -> bool {
        self.sessions.is_scanned
            && self.sessions.marks.is_new(here)
            && self.is_oldest(process, here)
    }

    /// Whether no older process is known that may be the container's own.
    fn is_oldest(&self, process: ProcKey, here: ContainerKey) -> bool {
        let age = |process: ProcKey| (process.start_ticks, process.tgid);
        !self.processes.living().any(|(other, known)| {
            age(other) < age(process)
                && self.containers.place(known.cgroup) == Where::Container(here)
                && self.may_be_own(other, here)
        })
    }

    /// Whether a process in a container may be the container's own: also where it was taken for that of an outer one,
    /// before the runtime told of the inner one.
    fn may_be_own(&self, process: ProcKey, here: ContainerKey) -> bool {
        match self.sessions.origin(process) {
            None => true,
            Some(Origin::Marked(Mark::Own(other))) => {
                other == here || self.containers.is_around(other, here)
            }
            Some(_) => false,
        }
    }

    /// Whether a process, while in the cgroup, is outside of a container as its runtime is: on the host; or, where
    /// the machine is itself a container (kind), in that.
    fn is_outside(&self, process: ProcKey, cgroup: u64, here: ContainerKey) -> bool {
        let place = match self.sessions.origin(process) {
            None => self.containers.place(cgroup),
            Some(Origin::Marked(Mark::Own(other))) => Where::Container(other),
            Some(_) => Where::Unknown,
        };
        match place {
            Where::Host => true,
            Where::Container(other) => self.containers.is_around(other, here),
            Where::Unknown => false,
        }
    }

    /// Begins a session with this root; `None` where there is no room.
    fn begin(&mut self, root: ProcKey, partial: bool) -> Option<Origin> {
        let session = session(root, self.processes.get(root)?, partial);
        self.sessions.begin(session).map(Origin::Session)
    }
}

fn session(root: ProcKey, process: &Process, partial: bool) -> Session {
    let task = process.task.as_deref().copied();
    let task = task.unwrap_or_else(Task::new_zeroed);
    Session {
        id: Box::default(),
        kind: SessionKind::Exec,
        root,
        start: process.clone_time,
        tty: task.tty != 0,
        uid: task.euid,
        name: process.comm.clone(),
        exe: process.exe.clone(),
        exe_path: process.exe_path.clone(),
        cmdline: process.cmdline.clone(),
        cgroup: process.cgroup,
        task,
        partial,
        commands: Commands::default(),
        processes: 0,
        alerts: 0,
        status: None,
        ended: None,
    }
}

/// Init of a pid namespace other than the outer one.
fn is_init(task: &Task, outside: Namespaces) -> bool {
    task.vpid == 1 && task.pid_ns != outside.pid
}

fn is_entering(origin: Option<Origin>) -> bool {
    matches!(origin, Some(Origin::Marked(Mark::Entering { .. })))
}
