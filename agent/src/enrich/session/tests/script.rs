//! A machine with a runtime and containers, in records.

use std::sync::Arc;

use komainu_common::{Task, Usage};
use zerocopy::FromZeros as _;

use super::super::{Limits, Number};
use crate::decode::{Ancestors, ExecRecord, ExitRecord, ForkRecord};
use crate::enrich::identity::News;
use crate::enrich::{State, process};
use crate::event::{Container, ContainerDetails, ExeFacts, ProcKey, Session};

const A_ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B_ID: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const NODE_ID: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
const INNER_ID: &str = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

/// Where a process is, and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) cgroup: u64,
    pub(super) mnt: u32,
    pub(super) pid_ns: u32,
    pub(super) vpid: Option<u32>,
    pub(super) parent: Option<u32>,
    pub(super) sid: u32,
}

impl Put {
    pub(super) const HOST: Self = Self::at(1);
    pub(super) const A: Self = Self::at(2);
    /// A cgroup that was made in container A.
    pub(super) const A_BELOW: Self = Self::at(3);
    pub(super) const B: Self = Self::at(4);
    pub(super) const NODE: Self = Self::at(5);
    pub(super) const IN_NODE: Self = Self::at(6);
    /// A cgroup that was made in container A, named like B.
    pub(super) const FORGED: Self = Self::at(7);

    pub(super) const fn at(cgroup: u64) -> Self {
        Self {
            cgroup,
            mnt: 1,
            pid_ns: 1,
            vpid: None,
            parent: None,
            sid: 0,
        }
    }

    /// In the container's mount namespace.
    pub(super) const fn inside(self) -> Self {
        self.named(2)
    }

    /// In this mount namespace.
    pub(super) const fn named(self, mnt: u32) -> Self {
        Self { mnt, ..self }
    }

    /// In a pid namespace that is not the host's.
    pub(super) const fn in_pid_ns(self) -> Self {
        Self { pid_ns: 2, ..self }
    }

    pub(super) const fn init(self) -> Self {
        let vpid = Some(1);
        Self { vpid, ..self }
    }

    pub(super) const fn child_of(self, parent: u32) -> Self {
        let parent = Some(parent);
        Self { parent, ..self }
    }

    /// In the terminal session that this process leads.
    pub(super) const fn led_by(self, sid: u32) -> Self {
        Self { sid, ..self }
    }
}

pub(super) struct Machine {
    pub(super) state: State,
    time: u64,
}

pub(super) fn key(pid: u32) -> ProcKey {
    ProcKey {
        tgid: pid,
        start_ticks: pid.into(),
    }
}

pub(super) fn task(pid: u32, parent: u32, put: Put) -> Task {
    let mut task = Task::new_zeroed();
    (task.tgid, task.tid, task.ppid) = (pid, pid, parent);
    task.start_time = u64::from(pid) * ProcKey::TICK;
    task.parent_start_time = u64::from(parent) * ProcKey::TICK;
    task.vpid = put.vpid.unwrap_or(pid);
    (task.mnt_ns, task.pid_ns, task.sid) = (put.mnt, put.pid_ns, put.sid);
    task
}

impl Machine {
    /// The shim of a runtime, process 10, on the host.
    pub(super) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        Self::sized(limits, process::Limits::default())
    }

    pub(super) fn sized(limits: Limits, processes: process::Limits) -> Self {
        let state = State::new(processes, 64, 0, Arc::default(), "h".into());
        let mut state = state.with_sessions(limits, "b007");
        for (put, path) in [
            (Put::HOST, "/system.slice".to_owned()),
            (Put::A, format!("/docker/{A_ID}")),
            (Put::A_BELOW, format!("/docker/{A_ID}/below")),
            (Put::B, format!("/docker/{B_ID}")),
            (Put::NODE, format!("/docker/{NODE_ID}/init")),
            (
                Put::IN_NODE,
                format!("/docker/{NODE_ID}/kubelet/{INNER_ID}"),
            ),
            (Put::FORGED, format!("/docker/{A_ID}/docker/{B_ID}")),
        ] {
            state.containers.learn(put.cgroup, path.as_bytes());
        }
        let mut machine = Self { state, time: 0 };
        machine.exec(10, b"shim", Put::HOST);
        machine.state.scanned();
        machine
    }

    pub(super) fn of(&self, pid: u32) -> Option<&Session> {
        self.state.sessions.of(key(pid))
    }

    /// The session of what [`Self::exec_into`] started.
    pub(super) fn session(&self, first: u32) -> Option<&Session> {
        self.of(first + 2)
    }

    pub(super) fn fork(&mut self, child: u32, maker: u32, put: Put) {
        self.fork_of(child, maker, maker, put);
    }

    pub(super) fn fork_of(&mut self, child: u32, maker: u32, parent: u32, put: Put) {
        self.state.forked(&ForkRecord {
            task: task(child, parent, put),
            time: 0,
            cgroup_path: None,
            creator: key(maker),
            cgroup: put.cgroup,
            pidns_init_time: 0,
            usage: Usage::default(),
        });
    }

    pub(super) fn exec(&mut self, pid: u32, argv: &[u8], put: Put) {
        let known = self.state.processes.get(key(pid));
        let parent = known.and_then(|process| process.parent).map(|key| key.tgid);
        let mut task = task(pid, put.parent.or(parent).unwrap_or(0), put);
        let name = argv.split(|&b| b == 0).next().unwrap();
        task.comm[..name.len()].copy_from_slice(name);
        self.exec_as(&task, argv, put.cgroup);
    }

    fn exec_as(&mut self, task: &Task, argv: &[u8], cgroup: u64) {
        self.time += 1;
        self.state.execed(&ExecRecord {
            usage: Usage::default(),
            task: *task,
            time: self.time,
            cgroup,
            pidns_init_time: 0,
            exe_file: ExeFacts::default(),
            argv,
            env: b"",
            cwd: b"/",
            exe_path: b"/bin/x",
            ancestors: Ancestors::new(&[]),
            cgroup_path: None,
        });
    }

    pub(super) fn seen(&mut self, pid: u32, put: Put) {
        let known = self.state.processes.get(key(pid));
        let parent = known.and_then(|process| process.parent).map(|key| key.tgid);
        let task = task(pid, parent.unwrap_or(0), put);
        self.state.seen(&task, put.cgroup);
    }

    pub(super) fn exit(&mut self, pid: u32, code: u32) -> Option<Number> {
        self.time += 1;
        let known = self.state.processes.get(key(pid));
        let cgroup = known.map_or(0, |process| process.cgroup);
        let task = known.and_then(|process| process.task.as_deref().copied());
        let task = task.unwrap_or_else(|| task_of_nobody(pid));
        let time = self.time;
        let exit = ExitRecord { task, time, code };
        self.state.exited(&exit, cgroup)
    }

    /// A container A with a pid namespace of its own; `init` is its first process.
    pub(super) fn begin_container(&mut self, init: u32) {
        let runc = init - 2;
        self.fork(runc, 10, Put::HOST);
        self.exec(runc, b"runc\0create", Put::HOST);
        self.fork(init - 1, runc, Put::HOST);
        self.seen(init - 1, Put::A);
        let put = Put::A.inside().in_pid_ns().init();
        self.fork_of(init, init - 1, runc, put);
        self.exec(init, b"nginx", put);
    }

    /// What runc does for an exec, with processes from `first` on: itself, its first stage, and the last, which
    /// becomes the command.
    pub(super) fn exec_into(&mut self, first: u32, argv: &[u8], tty: u32) {
        let put = Put::A;
        self.stages(first, 10, Put::HOST, put);
        let mut task = task(first + 2, first, put.inside().in_pid_ns());
        task.tty = tty;
        let name = argv.split(|&b| b == 0).next().unwrap();
        task.comm[..name.len()].copy_from_slice(name);
        self.exec_as(&task, argv, put.cgroup);
    }

    /// The same by a shim elsewhere, into the container within the node.
    pub(super) fn exec_into_from(&mut self, first: u32, shim: u32, from: Put, argv: &[u8]) {
        let put = Put::IN_NODE;
        self.stages(first, shim, from, put);
        self.exec(first + 2, argv, put.named(3).in_pid_ns());
    }

    fn stages(&mut self, first: u32, shim: u32, from: Put, to: Put) {
        self.fork(first, shim, from);
        self.exec(first, b"runc\0exec", from);
        self.fork(first + 1, first, from);
        self.seen(first + 1, to);
        self.fork_of(first + 2, first + 1, first, to.inside().in_pid_ns());
    }

    /// A node that is a container: its init, 30, and a shim in it, 40. A container runs in it, by init 48.
    pub(super) fn node_in_a_container(&mut self) {
        let node = Put::NODE.inside().in_pid_ns();
        self.fork(30, 10, node.init());
        self.exec(30, b"systemd", node.init());
        self.fork(40, 30, node);
        self.exec(40, b"shim", node);
        let inner = Put {
            pid_ns: 3,
            ..Put::IN_NODE.named(3)
        };
        self.fork(48, 40, inner.init());
        self.exec(48, b"nginx", inner.init());
    }

    /// The runtime tells of the container that this cgroup is of.
    pub(super) fn tell(&mut self, put: Put) {
        let id = match put {
            Put::B => B_ID,
            Put::IN_NODE => INNER_ID,
            other => panic!("{other:?}"),
        };
        let container = Container {
            id: id.into(),
            details: Some(ContainerDetails::default()),
            ..Container::default()
        };
        self.state
            .containers
            .hear(News::Container(Box::new(container)), 0);
    }
}

fn task_of_nobody(pid: u32) -> Task {
    task(pid, 0, Put::at(0))
}
