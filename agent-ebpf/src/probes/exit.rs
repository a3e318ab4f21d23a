//! Ended processes.
//!
//! tracepoint: `sched_process_exit(struct task_struct *p)`, since 6.16 with `bool group_dead`

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use komainu_common::{Class, exit::Exit};

use crate::{
    maps::{Slot, offset},
    probes::syscall::is_own_process,
    read, record, task,
};

/// Records the end of a process, when its last thread ends.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn exit(ctx: RawTracePointContext) -> i32 {
    let subject: u64 = ctx.arg(0);
    if !task::is_last_thread(subject) || is_own_process() {
        return 0;
    }
    let Some(record) = record::begin::<Exit>(Slot::Exit, Class::EXIT, subject) else {
        return 0;
    };
    let fixed = record.fixed();
    fixed.code = read::kernel(subject, offset!(task_exit_code)).unwrap_or(0);
    fixed.reserved = 0;
    record.submit();
    0
}
