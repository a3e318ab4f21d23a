//! Random histories against a naive model, which forgets nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::script::{Machine, Put};
use super::*;
use crate::enrich::process;

/// How a process came to be where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Outside,
    Own,
    /// Not yet: container, and mount namespace of who put it there.
    Stage(u8, u32),
    /// Of the session with this root.
    Of(u32),
}

#[derive(Clone, Copy, Debug)]
struct Modelled {
    kind: Kind,
    put: Put,
    /// As the last record showed it.
    shown: Put,
    /// Container that it is counted for, if it is one's own.
    own_of: Option<u8>,
    lives: bool,
    parent: Option<u32>,
}

impl Modelled {
    /// Nothing is known of it as one in a container. Only members of sessions are known when they have exited.
    fn is_outer(&self) -> bool {
        let is_forgotten = !self.lives && !matches!(self.kind, Kind::Of(_));
        self.kind == Kind::Outside || is_forgotten
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Maker, the cgroup of the child where that is not the maker's, and whether the maker's parent becomes its own
    /// (`CLONE_PARENT`).
    Fork(usize, Option<u64>, bool),
    Exec(usize),
    Seen(usize),
    Exit(usize),
    /// Without a record.
    Move(usize, u64),
    /// Without a record: enters another mount namespace.
    Enter(usize, u32),
}

struct Model {
    processes: BTreeMap<u32, Modelled>,
    next: u32,
}

fn container(put: Put) -> Option<u8> {
    match put.cgroup {
        2 | 3 => Some(b'a'),
        4 => Some(b'b'),
        _ => None,
    }
}

impl Model {
    fn new() -> Self {
        let shim = Modelled {
            kind: Kind::Outside,
            put: Put::HOST,
            shown: Put::HOST,
            own_of: None,
            lives: true,
            parent: None,
        };
        Self {
            processes: BTreeMap::from([(10, shim)]),
            next: 100,
        }
    }

    /// Init of container A and the root of a session in it, without anything outside.
    fn running(init: u32, root: u32) -> Self {
        let own = Modelled {
            kind: Kind::Own,
            put: Put::A.inside(),
            shown: Put::A.inside(),
            own_of: Some(b'a'),
            lives: true,
            parent: None,
        };
        let of = Modelled {
            kind: Kind::Of(root),
            own_of: None,
            ..own
        };
        Self {
            processes: BTreeMap::from([(init, own), (root, of)]),
            next: 100,
        }
    }

    /// A living one.
    fn pick(&self, index: usize) -> Option<u32> {
        let living: Vec<u32> = self
            .processes
            .iter()
            .filter(|(_, process)| process.lives)
            .map(|(pid, _)| *pid)
            .collect();
        living.get(index % living.len().max(1)).copied()
    }

    /// Mount namespace of the parent if it is outside, else its own, as it was shown.
    fn outside(&self, process: &Modelled) -> u32 {
        let parent = process.parent.map(|parent| &self.processes[&parent]);
        let outer = parent.filter(|parent| parent.is_outer());
        outer.unwrap_or(process).shown.mnt
    }

    fn show(&mut self, pid: u32) -> Put {
        let outside = self.outside(&self.processes[&pid]);
        let process = self.processes.get_mut(&pid).unwrap();
        let put = process.put;
        match (process.kind, container(put)) {
            (Kind::Outside, Some(here)) => process.kind = Kind::Stage(here, outside),
            (Kind::Stage(..), None) => process.kind = Kind::Outside,
            _ => {}
        }
        process.shown = put;
        put
    }

    /// Child, its parent, and where it is.
    fn fork(&mut self, maker: u32, cgroup: Option<u64>, of_parent: bool) -> (u32, u32, Put) {
        let child = self.next;
        self.next += 1;
        let made = self.processes[&maker];
        let parent = made.parent.filter(|_| of_parent).unwrap_or(maker);
        let above = self.processes[&parent];
        let outside = if above.is_outer() { above } else { made }.shown.mnt;
        let put = Put {
            cgroup: cgroup.unwrap_or(made.put.cgroup),
            ..made.put
        };
        let kind = match (made.kind, container(put)) {
            (Kind::Outside, Some(here)) => Kind::Stage(here, outside),
            (Kind::Stage(..), None) => Kind::Outside,
            (kind, _) => kind,
        };
        let process = Modelled {
            kind,
            put,
            shown: put,
            parent: Some(parent),
            ..made
        };
        self.processes.insert(child, process);
        (child, parent, put)
    }

    fn exec(&mut self, pid: u32) -> Put {
        let put = self.show(pid);
        let process = self.processes[&pid];
        let Kind::Stage(here, outside) = process.kind else {
            return put;
        };
        if container(put) != Some(here) || put.mnt == outside {
            return put;
        }
        let is_running = self
            .processes
            .values()
            .any(|other| other.lives && other.own_of == Some(here));
        let process = self.processes.get_mut(&pid).unwrap();
        if is_running {
            process.kind = Kind::Of(pid);
        } else {
            (process.kind, process.own_of) = (Kind::Own, Some(here));
        }
        put
    }

    /// The session that ends with it.
    fn exit(&mut self, pid: u32) -> Option<u32> {
        let process = self.processes.get_mut(&pid).unwrap();
        process.lives = false;
        let Kind::Of(root) = process.kind else {
            return None;
        };
        let is_last = self.members(root).all(|member| !member.lives);
        is_last.then_some(root)
    }

    fn members(&self, root: u32) -> impl Iterator<Item = &Modelled> {
        let all = self.processes.values();
        all.filter(move |process| process.kind == Kind::Of(root))
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let cgroup = prop_oneof![Just(1_u64), Just(2), Just(3), Just(4)];
    let any = 0_usize..1000;
    let act = prop_oneof![
        4 => (any.clone(), proptest::option::of(cgroup.clone()), prop::bool::weighted(0.2))
            .prop_map(|(n, c, p)| Act::Fork(n, c, p)),
        4 => any.clone().prop_map(Act::Exec),
        2 => any.clone().prop_map(Act::Seen),
        2 => any.clone().prop_map(Act::Exit),
        2 => (any.clone(), cgroup).prop_map(|(n, c)| Act::Move(n, c)),
        2 => (any, 1_u32..4).prop_map(|(n, m)| Act::Enter(n, m)),
    ];
    prop::collection::vec(act, 0..120)
}

/// Applies the act to both; gives the session that ended, if one should have, and did.
fn apply(model: &mut Model, machine: &mut Machine, act: Act) -> (Option<u32>, Option<u32>) {
    let (Act::Fork(index, ..)
    | Act::Exec(index)
    | Act::Seen(index)
    | Act::Exit(index)
    | Act::Move(index, _)
    | Act::Enter(index, _)) = act;
    let Some(pid) = model.pick(index) else {
        return (None, None);
    };
    match act {
        Act::Fork(_, cgroup, of_parent) => {
            let (child, parent, put) = model.fork(pid, cgroup, of_parent);
            machine.fork_of(child, pid, parent, put);
        }
        Act::Exec(_) => {
            let put = model.exec(pid);
            machine.exec(pid, b"x", put);
        }
        Act::Seen(_) => machine.seen(pid, model.show(pid)),
        Act::Exit(_) if pid != 10 => {
            let wanted = model.exit(pid);
            let ended = machine.exit(pid, 0);
            let root = |number| machine.state.sessions.get(number).unwrap().root.tgid;
            return (wanted, ended.map(root));
        }
        Act::Exit(_) => {}
        Act::Move(_, cgroup) => model.processes.get_mut(&pid).unwrap().put.cgroup = cgroup,
        Act::Enter(_, mnt) => model.processes.get_mut(&pid).unwrap().put.mnt = mnt,
    }
    (None, None)
}

fn roots(model: &Model, machine: &Machine) -> Vec<(u32, Option<u32>, Option<u32>)> {
    let each = model.processes.iter().map(|(pid, process)| {
        let wanted = match process.kind {
            Kind::Of(root) => Some(root),
            _ => None,
        };
        (
            *pid,
            wanted,
            machine.of(*pid).map(|session| session.root.tgid),
        )
    });
    each.collect()
}

proptest! {
    #[test]
    fn as_the_model(acts in acts()) {
        let (mut model, mut machine) = (Model::new(), Machine::new());
        for act in acts {
            let (wanted, ended) = apply(&mut model, &mut machine, act);
            prop_assert_eq!(wanted, ended, "{:?}", act);
            for (pid, wanted, found) in roots(&model, &machine) {
                prop_assert_eq!(wanted, found, "{} after {:?}", pid, act);
                if let Some(root) = wanted {
                    let session = machine.of(pid).unwrap();
                    prop_assert_eq!(session.processes, model.members(root).count() as u64);
                }
            }
        }
    }

    /// Whatever the process table forgets, nothing of a container fakes a session and nothing leaves one.
    #[test]
    fn what_is_forgotten_changes_nothing(acts in acts()) {
        let small = process::Limits { processes: 8, ..process::Limits::default() };
        let mut machine = Machine::sized(Limits::default(), small);
        machine.begin_container(50);
        machine.exec_into(60, b"sh", 0);
        let mut model = Model::running(50, 62);
        for act in acts {
            let (wanted, ended) = apply(&mut model, &mut machine, act);
            prop_assert_eq!(wanted, ended, "{:?}", act);
            for (pid, wanted, found) in roots(&model, &machine) {
                prop_assert_eq!(wanted, found, "{} after {:?}", pid, act);
            }
        }
    }

    /// Whatever marks are forgotten, nothing of a container fakes a session, and what is missed is counted. What has got to
    /// the host's cgroups and is forgotten is the host's.
    #[test]
    fn what_is_forgotten_of_origins_fakes_nothing(acts in acts(), marks in 1_usize..6) {
        let mut machine = Machine::new();
        machine.state.sessions.marks = Marks::new(marks);
        machine.begin_container(50);
        machine.exec_into(60, b"sh", 0);
        let mut model = Model::running(50, 62);
        let stays = |act: &Act| !matches!(act, Act::Move(_, 1) | Act::Fork(_, Some(1), _));
        for act in acts.into_iter().filter(stays) {
            apply(&mut model, &mut machine, act);
            let is_counted = machine.state.sessions.refused.sessions > 0;
            for (pid, wanted, found) in roots(&model, &machine) {
                let is_missed = is_counted && found.is_none();
                prop_assert!(wanted == found || is_missed, "{} after {:?}: {:?}", pid, act, found);
            }
        }
    }
}
