//! The dispatcher on `sys_exit`: most system calls end after one array look-up.
//!
//! tracepoint: `sys_exit(struct pt_regs *regs, long ret)`

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext,
};
use komainu_common::syscalls::{class_of, handler, handler_of, row_of};

use crate::{
    arch,
    maps::{HANDLERS, INTEREST, OWN_TGID},
    probes::call::ROWS,
    record,
};

/// Finds the handler of the system call and jumps to it.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn sys_exit(ctx: RawTracePointContext) -> i32 {
    let Some(number) = arch::number(arch::registers(ctx.arg(0))) else {
        return 0;
    };
    let Some(&interest) = INTEREST.get(number) else {
        return 0;
    };
    if interest == 0 {
        return 0;
    }
    let half = if arch::is_compat() {
        (interest >> 16) as u16
    } else {
        interest as u16
    };
    let handler = handler_of(half);
    if handler == handler::NONE || is_own_process() {
        return 0;
    }
    // SAFETY: the programs in HANDLERS are of this type and expect this context.
    unsafe { HANDLERS.tail_call(&ctx, u32::from(handler)) };
    // Only reached if the handler is not there: it could not be loaded.
    record::lose(class_of(handler).unwrap_or(ROWS[usize::from(row_of(half))].class));
    0
}

/// Whether the current process is the agent.
#[inline(always)]
pub(crate) fn is_own_process() -> bool {
    let own = OWN_TGID.get(0).copied().unwrap_or(0);
    own != 0 && own == (bpf_get_current_pid_tgid() >> 32) as u32
}
