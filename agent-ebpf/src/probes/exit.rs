//! Ended processes.
//!
//! tracepoint: `sched_process_exit(struct task_struct *p)`, since 6.16 with `bool group_dead`

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, exit::Exit};

use crate::{
    maps::{Slot, offset},
    probes::syscall::is_own_process,
    read::Address as _,
    record, task,
};

/// Records the end of a process, when its last thread ends.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn exit(_ctx: RawTracePointContext) -> i32 {
    // The tracepoint's task is the current one.
    let subject = task::current();
    if !task::is_last_thread(subject) || is_own_process() {
        return 0;
    }
    let Some(record) = record::begin::<Exit, _>(Slot::Exit, Class::EXIT, subject) else {
        return 0;
    };
    let fixed = record.fixed();
    fixed.code = subject.load(offset!(task_exit_code)).unwrap_or(0);
    fixed.reaper_tid = task::reaper(subject);
    record.submit();
    0
}
