//! Which cgroup a task is in, and its path.

use komainu_common::{
    header::CGROUP_V1,
    item::{ITEM_CUT, ITEM_FAULT},
    limits::MAX_CGROUP_LEVELS,
    offsets::ABSENT,
};

use crate::{
    maps::{self, PATH_AREA, Scratch, offset, setting},
    path,
    read::{self, Address},
};

/// Bytes of a cgroup's name at most (`NAME_MAX`).
const MAX_NAME: u32 = 255;

/// Where the path may not reach: room to measure a name, and for one more.
const FRONT: u64 = 2 * (MAX_NAME as u64 + 1);

/// Address of the cgroup that names the task, and whether it is of a v1 hierarchy.
///
/// That is the v2 cgroup, unless the task is in its root and a v1 hierarchy knows better (hosts
/// that use v1 or hybrid hierarchies).
#[inline(always)]
fn of<A: Address>(task: A) -> Option<(A, bool)> {
    let sets = task.hop(offset!(task_cgroups));
    let v2 = sets.follow(offset!(cssset_dfl_cgrp))?;
    let subsys = setting!(cgroup_v1_subsys);
    if subsys == ABSENT || level(v2) > 0 {
        return Some((v2, false));
    }
    let v1 = sets
        .follow(offset!(cssset_subsys) + 8 * subsys)
        .and_then(|css| css.follow(offset!(css_cgroup)));
    match v1 {
        Some(cgroup) if level(cgroup) > 0 => Some((cgroup, true)),
        _ => Some((v2, false)),
    }
}

#[inline(always)]
fn level<A: Address>(cgroup: A) -> u32 {
    cgroup.load(offset!(cgroup_level)).unwrap_or(0)
}

/// cgroup id of the task, see `Header::cgroup`; 0 if unreadable.
#[inline(always)]
pub(crate) fn id<A: Address>(task: A) -> u64 {
    of(task).map_or(0, |(cgroup, v1)| number(cgroup, v1))
}

#[inline(always)]
fn number<A: Address>(cgroup: A, v1: bool) -> u64 {
    let id = cgroup
        .follow(offset!(cgroup_kn))
        .and_then(|node| node.load::<u64>(offset!(kernfs_id)))
        .unwrap_or(0);
    if v1 { id | CGROUP_V1 } else { id }
}

/// Id of a cgroup; `None` for one of a hierarchy that names no tasks.
#[inline(always)]
pub(crate) fn id_of(cgroup: u64) -> Option<u64> {
    let root = read::pointer(cgroup, offset!(cgroup_root))?;
    // That of v2 is numbered 0, as in /proc/PID/cgroup.
    if read::kernel::<i32>(root, offset!(cgroup_hierarchy))? == 0 {
        return Some(number(cgroup, false));
    }
    let subsys = setting!(cgroup_v1_subsys);
    if subsys == ABSENT {
        return None;
    }
    read::pointer(cgroup, offset!(cgroup_subsys) + 8 * subsys)?;
    Some(number(cgroup, true))
}

/// Builds the path of the task's cgroup in [`Scratch::path`]; returns its `ITEM_*` flags.
#[inline(always)]
pub(crate) fn build_path<A: Address>(scratch: &mut Scratch, task: A) -> u64 {
    build_path_of(scratch, of(task).map_or(0, |(cgroup, _)| cgroup.raw()))
}

/// The same of a cgroup by its address; 0 is unreadable.
#[inline(never)]
pub(crate) fn build_path_of(scratch: &mut Scratch, cgroup: u64) -> u64 {
    let node = read::pointer(cgroup, offset!(cgroup_kn));
    let unreadable = node.is_none();
    scratch.walk.at.set(node.unwrap_or(0));
    scratch.walk.position.set(PATH_AREA as u64);
    let mut end = ON;
    // One more turn to see that there is no parent.
    for _ in 0..=MAX_CGROUP_LEVELS {
        end = cgroup_step(scratch.index);
        if end != ON {
            break;
        }
    }
    path::finish(scratch);
    if unreadable {
        u64::from(ITEM_FAULT)
    } else if end == ROOT {
        0
    } else {
        u64::from(ITEM_CUT)
    }
}

/// What [`cgroup_step`] came to: a level further up, the root, or no room.
const ON: u32 = 0;
const ROOT: u32 = 1;
const STUCK: u32 = 2;

/// Puts one more name in front of the path. A function that the verifier checks once and not at every
/// turn of the loop.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cgroup_step(index: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return STUCK;
    };
    let node = scratch.walk.at.get();
    let Some(parent) = read::pointer(node, offset!(kernfs_parent)) else {
        return ROOT;
    };
    if scratch.walk.position.get() < FRONT {
        return STUCK;
    }
    let name = read::kernel(node, offset!(kernfs_name)).unwrap_or(0);
    let len = length(scratch, name);
    if !path::prepend(scratch, name, len, true) {
        return STUCK;
    }
    scratch.walk.at.set(parent);
    ON
}

/// Length of a kernfs name, which is not stored: copies it to the front of the path area, which the
/// path itself must not reach.
#[inline(always)]
fn length(scratch: &mut Scratch, name: u64) -> usize {
    let front = scratch.path.as_mut_ptr();
    // SAFETY: the area is longer than MAX_NAME + 1 bytes.
    let with_nul = unsafe { read::kernel_str(front, MAX_NAME + 1, name) };
    if with_nul < 2 {
        return 0;
    }
    (with_nul - 1) as usize & 0xff
}
