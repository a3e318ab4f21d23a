//! cgroups that are made and removed.
//!
//! tracepoints: `cgroup_mkdir(struct cgroup *cgrp, const char *path)`, `cgroup_rmdir` likewise

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, cgroup::Cgroup, item::tag};

use crate::{cgroup, maps::Slot, record, task};

/// Records a new cgroup, before any process can be in it.
#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: RawTracePointContext) -> i32 {
    tell(ctx.arg(0), false)
}

/// Records the end of a cgroup: no process is in it any more, and none will be.
#[raw_tracepoint(tracepoint = "cgroup_rmdir")]
pub fn cgroup_rmdir(ctx: RawTracePointContext) -> i32 {
    tell(ctx.arg(0), true)
}

#[inline(always)]
fn tell(group: u64, is_removed: bool) -> i32 {
    let Some(id) = cgroup::id_of(group) else {
        return 0;
    };
    let current = task::current();
    let Some(record) = record::begin::<Cgroup, _>(Slot::Cgroup, Class::CGROUP, current) else {
        return 0;
    };
    let fixed = record.fixed();
    fixed.id = id;
    fixed.is_removed = u64::from(is_removed);
    if !is_removed {
        let flags = cgroup::build_path_of(record.scratch(), group);
        record.append_path(tag::CGROUP_PATH, flags);
    }
    record.submit();
    0
}
