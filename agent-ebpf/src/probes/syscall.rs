//! The dispatcher on `sys_exit`: most system calls end after one array look-up.
//!
//! tracepoint: `sys_exit(struct pt_regs *regs, long ret)`

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext,
};
use komainu_common::syscalls::{class_of, handler};

use crate::{
    account, arch,
    maps::{HANDLERS, INTEREST, OWN_TGID},
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
    let handler = if arch::is_compat() {
        interest >> 16
    } else {
        interest & 0xffff
    };
    if handler == u32::from(handler::NONE) || is_own_process() {
        return 0;
    }
    // SAFETY: the programs in HANDLERS are of this type and expect this context.
    unsafe { HANDLERS.tail_call(&ctx, handler) };
    // Only reached if the handler is not there: it could not be loaded.
    if let Some(class) = class_of(handler as u16) {
        account::unhandled(class);
    }
    0
}

/// Whether the current process is the agent.
#[inline(always)]
pub(crate) fn is_own_process() -> bool {
    let own = OWN_TGID.get(0).copied().unwrap_or(0);
    own != 0 && own == (bpf_get_current_pid_tgid() >> 32) as u32
}
