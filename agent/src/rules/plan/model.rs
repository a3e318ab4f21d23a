//! The tables as the kernel uses them, in user space: for tests, and for asking beforehand.

use komainu_common::call;
use komainu_common::filter::{
    Grams, MAX_PLAN_PATH, Vector, cgroup_kind, path_kind, role, row_of_call, source,
};
use komainu_common::syscalls::TABLE;

use super::ClassTables;
use super::tables::{NONE, and, or, outcome};
use crate::event::{Event, Membership, World};

/// What the kernel half knows of an event when it filters it.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// By [`source`]; `None` where the event has no such number: that rules nothing out.
    pub numbers: [Option<i64>; source::COUNT as usize],
    /// By [`role`], what was asked for and what the kernel's path is.
    pub paths: [[Name<'a>; 2]; role::COUNT],
}

/// One name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// There is none: a failed open has no kernel path, a call may have no file.
    Absent,
    /// There is one, but the kernel half does not have it whole, or not in the form in which rules see
    /// it: rules nothing out.
    Unknown,
    /// As rules see it.
    Known(&'a [u8]),
}

impl<'a> Facts<'a> {
    /// What the kernel half knows of an event that user space decoded.
    pub fn of(event: &Event<'a>, world: &dyn World) -> Self {
        let mut facts = Self {
            numbers: [None; source::COUNT as usize],
            paths: [[Name::Absent; 2]; role::COUNT],
        };
        let mut set = |source: u32, value: Option<i64>| {
            if let Some(slot) = facts.numbers.get_mut(source as usize) {
                *slot = value;
            }
        };
        set(source::RESULT, event.ret);
        set(source::CALL, row_of(event.ty.name));
        set(source::UID, Some(event.task.uid.into()));
        let kind = match world.container(event.cgroup) {
            Membership::Host => cgroup_kind::HOST,
            Membership::Container(_) => cgroup_kind::CONTAINER,
            Membership::Unknown => cgroup_kind::UNKNOWN,
        };
        set(source::CGROUP_KIND, Some(kind.into()));
        let Some(fd) = &event.fd else {
            return facts;
        };
        let Some(socket) = &fd.socket else {
            let dotdot = memchr::memmem::find(fd.name_raw, b"..").is_some();
            set(source::OPEN_FLAGS, Some(fd.open_flags.into()));
            set(source::DOTDOT, Some(dotdot.into()));
            // A relative path whose directory is not known does not begin with a slash.
            let asked = match fd.name.first() {
                Some(b'/') => Name::Known(fd.name),
                _ => Name::Unknown,
            };
            facts.paths[usize::from(role::FIRST)] =
                [asked, fd.resolved.map_or(Name::Absent, Name::Known)];
            return facts;
        };
        let ipv4 = socket.peer.and_then(|peer| match peer.ip() {
            std::net::IpAddr::V4(address) => Some(u32::from(address).into()),
            std::net::IpAddr::V6(_) => None,
        });
        set(source::FAMILY, Some(socket.family.into()));
        set(
            source::PEER_PORT,
            Some(socket.peer.map_or(-1, |peer| peer.port().into())),
        );
        set(source::PEER_IPV4, Some(ipv4.unwrap_or(-1)));
        facts
    }
}

/// The conjunctions that an event may satisfy; none: it is filtered.
pub fn survivors(tables: &ClassTables, facts: &Facts<'_>) -> Vector {
    let plan = tables.plan();
    let mut alive = plan.all;
    for test in plan.tests.iter().take(plan.tests_before_path as usize) {
        let value = facts.numbers.get(test.source as usize).copied().flatten();
        alive = and(
            &alive,
            value.map_or(&plan.all, |value| outcome(test, value)),
        );
    }
    for (role, names) in (0_u8..).zip(&facts.paths) {
        alive = and(&alive, &of_names(tables, role, names, facts));
    }
    alive
}

/// What [`source::CALL`] is for events of this name. Of calls that share one, the first: the tests do not tell
/// them apart.
fn row_of(name: &str) -> Option<i64> {
    let handled = TABLE.iter().position(|call| call.name == name);
    let row = || call::TABLE.iter().position(|call| call.name == name);
    let number = |row: usize| u32::try_from(row).ok();
    let of_call = || row().and_then(number).map(row_of_call);
    handled.and_then(number).or_else(of_call).map(i64::from)
}

/// What the tests of a path leave for one of its names.
fn inside(tables: &ClassTables, path: &[u8], facts: &Facts<'_>) -> Vector {
    let plan = tables.plan();
    let late = plan.tests.iter().take(plan.tests_len as usize);
    let signature = Grams(plan.grams).signature(path).cast_signed();
    let mut alive = plan.all;
    for test in late.skip(plan.tests_before_path as usize) {
        let value = match test.source {
            source::SIGNATURE => Some(signature),
            other => facts.numbers.get(other as usize).copied().flatten(),
        };
        alive = and(
            &alive,
            value.map_or(&plan.all, |value| outcome(test, value)),
        );
    }
    alive
}

/// What the names of one file do not rule out.
fn of_names(tables: &ClassTables, role: u8, names: &[Name<'_>], facts: &Facts<'_>) -> Vector {
    let mut found = NONE;
    let mut any = false;
    for name in names {
        match name {
            Name::Absent => continue,
            Name::Known(path) if path.len() <= MAX_PLAN_PATH => {
                let mut left = of_path(tables, role, path);
                if role == role::FIRST {
                    left = and(&left, &inside(tables, path, facts));
                }
                found = or(&found, &left);
            }
            Name::Unknown | Name::Known(_) => return tables.plan().all,
        }
        any = true;
    }
    if any { found } else { tables.plan().all }
}

fn of_path(tables: &ClassTables, role: u8, path: &[u8]) -> Vector {
    let base = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let base = path.get(base..).unwrap_or_default();
    let any = tables
        .plan()
        .paths_any
        .get(usize::from(role))
        .unwrap_or(&NONE);
    let exact = tables.path(role, path_kind::EXACT, path);
    let base = tables.path(role, path_kind::BASE, base);
    or(&or(any, &tables.prefix(role, path)), &or(&exact, &base))
}
