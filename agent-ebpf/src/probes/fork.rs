//! New processes.
//!
//! tracepoint: `sched_process_fork(struct task_struct *parent, struct task_struct *child)`

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, fork::Fork, item::tag};

use crate::{cgroup, maps::Slot, probes::syscall::is_own_process, record, task};

/// Records a new process; new threads are not of interest.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn fork(ctx: RawTracePointContext) -> i32 {
    let creator: u64 = ctx.arg(0);
    let child: u64 = ctx.arg(1);
    if task::tgid(child) != task::tid(child) || is_own_process() {
        return 0;
    }
    let Some(record) = record::begin::<Fork, _>(Slot::Fork, Class::FORK, child) else {
        return 0;
    };
    let fixed = record.fixed();
    fixed.creator_tgid = task::tgid(creator);
    fixed.creator_tid = task::tid(creator);
    fixed.creator_start_time = task::start_time(creator);
    fixed.pidns_init_start_time = task::pidns_init_start_time(child);
    let flags = cgroup::build_path(record.scratch(), child);
    record.append_path(tag::CGROUP_PATH, flags);
    record.submit();
    0
}
