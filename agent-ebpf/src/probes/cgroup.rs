//! cgroups that are made and removed.
//!
//! tracepoints: `cgroup_mkdir(struct cgroup *cgrp, const char *path)`, `cgroup_rmdir` likewise

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, cgroup::Cgroup, item::tag};

use crate::{cgroup, maps::Slot, record, task};

/// Records a new cgroup, before any process can be in it.
#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: RawTracePointContext) -> i32 {
    let group: u64 = ctx.arg(0);
    let Some(id) = cgroup::id_of(group) else {
        return 0;
    };
    let current = task::current();
    let Some(record) = record::begin::<Cgroup, _>(Slot::Cgroup, Class::CGROUP, current) else {
        return 0;
    };
    record.fixed().id = id;
    let flags = cgroup::build_path_of(record.scratch(), group);
    record.append_path(tag::CGROUP_PATH, flags);
    record.submit();
    0
}

/// Records the end of a cgroup: no process is in it any more, and none will be.
#[raw_tracepoint(tracepoint = "cgroup_rmdir")]
pub fn cgroup_rmdir(ctx: RawTracePointContext) -> i32 {
    let Some(id) = cgroup::id_of(ctx.arg::<u64>(0)) else {
        return 0;
    };
    let current = task::current();
    let Some(record) = record::begin::<Cgroup, _>(Slot::Cgroup, Class::CGROUP, current) else {
        return 0;
    };
    let fixed = record.fixed();
    fixed.id = id;
    fixed.is_removed = 1;
    record.submit();
    0
}
