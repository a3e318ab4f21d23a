//! Which cgroup a task is in, and its path.

use komainu_common::{header::CGROUP_V1, limits::MAX_CGROUP_LEVELS, offsets::ABSENT};

use crate::{
    maps::{PATH_AREA, Scratch, offset, setting},
    read,
};

const MASK: usize = PATH_AREA - 1;

/// Bytes of a cgroup's name at most (`NAME_MAX`).
const MAX_NAME: u32 = 255;

/// Address of the cgroup that names the task, and whether it is of a v1 hierarchy.
///
/// That is the v2 cgroup, unless the task is in its root and a v1 hierarchy knows better (hosts
/// that use v1 or hybrid hierarchies).
#[inline(always)]
fn of(task: u64) -> Option<(u64, bool)> {
    let sets = read::pointer(task, offset!(task_cgroups))?;
    let v2 = read::pointer(sets, offset!(cssset_dfl_cgrp))?;
    let subsys = setting!(cgroup_v1_subsys);
    if subsys == ABSENT || level(v2) > 0 {
        return Some((v2, false));
    }
    let v1 = read::pointer(sets, offset!(cssset_subsys) + 8 * subsys)
        .and_then(|css| read::pointer(css, offset!(css_cgroup)));
    match v1 {
        Some(cgroup) if level(cgroup) > 0 => Some((cgroup, true)),
        _ => Some((v2, false)),
    }
}

#[inline(always)]
fn level(cgroup: u64) -> u32 {
    read::kernel(cgroup, offset!(cgroup_level)).unwrap_or(0)
}

/// cgroup id of the task, see `Header::cgroup`; 0 if unreadable.
#[inline(always)]
pub(crate) fn id(task: u64) -> u64 {
    let Some((cgroup, v1)) = of(task) else {
        return 0;
    };
    let id = read::pointer(cgroup, offset!(cgroup_kn))
        .and_then(|node| read::kernel::<u64>(node, offset!(kernfs_id)))
        .unwrap_or(0);
    if v1 { id | CGROUP_V1 } else { id }
}

/// Builds the path of the task's cgroup in [`Scratch::path`]; whether it is whole.
#[inline(never)]
pub(crate) fn build_path(scratch: &mut Scratch, task: u64) -> u64 {
    let mut start = PATH_AREA;
    let mut node = of(task)
        .and_then(|(cgroup, _)| read::pointer(cgroup, offset!(cgroup_kn)))
        .unwrap_or(0);
    let mut complete = 0;
    for _ in 0..MAX_CGROUP_LEVELS {
        let Some(parent) = read::pointer(node, offset!(kernfs_parent)) else {
            complete = 1;
            break;
        };
        let name = read::pointer(node, offset!(kernfs_name)).unwrap_or(0);
        let Some(next) = prepend(scratch, start, name) else {
            break;
        };
        start = next;
        node = parent;
    }
    if start == PATH_AREA {
        start -= 1;
        scratch.path[start & MASK] = b'/';
    }
    scratch.path_start = start as u32;
    complete
}

/// kernfs names have no stored length: copies to the front of the area to measure, then into place.
#[inline(always)]
fn prepend(scratch: &mut Scratch, start: usize, name: u64) -> Option<usize> {
    let front = scratch.path.as_mut_ptr();
    // SAFETY: the area is longer than MAX_NAME + 1 bytes.
    let with_nul = unsafe { read::kernel_str(front, MAX_NAME + 1, name) };
    if with_nul < 2 || with_nul > i64::from(MAX_NAME) + 1 {
        return None;
    }
    let len = (with_nul - 1) as usize & 0xff;
    // The front of the area is the measuring place.
    if start > PATH_AREA || start < len + 1 + MAX_NAME as usize + 1 {
        return None;
    }
    let start = start - len;
    let target = scratch.path.as_mut_ptr().wrapping_add(start & MASK);
    // SAFETY: a masked offset plus MAX_NAME lies within the area and its slack.
    if !unsafe { read::kernel_bytes(target, len as u32, name) } {
        return None;
    }
    let start = start - 1;
    scratch.path[start & MASK] = b'/';
    Some(start)
}
