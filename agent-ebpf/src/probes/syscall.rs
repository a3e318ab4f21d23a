//! The dispatcher on `sys_exit`: most system calls end after one array look-up.
//!
//! tracepoint: `sys_exit(struct pt_regs *regs, long ret)`

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext,
};
use komainu_common::syscalls::{class_of, handler, x86_64::compat};

use crate::{
    arch,
    maps::{HANDLERS, INTEREST, OWN_TGID},
    record,
};

/// [`handler::SOCKETCALL`] in half a word of the interest table.
const SOCKETCALL: u32 = handler::SOCKETCALL as u32;

/// Finds the handler of the system call and jumps to it.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn sys_exit(ctx: RawTracePointContext) -> i32 {
    let Some(number) = arch::number(ctx.arg(0)) else {
        return 0;
    };
    let Some(&interest) = INTEREST.get(number) else {
        return 0;
    };
    // No call has a number of those that stand for the sub-calls of `socketcall`.
    if interest == 0 || number >= compat::SOCKETCALL_BASE {
        return 0;
    }
    let handler = if arch::is_compat() {
        match interest >> 16 {
            SOCKETCALL => socketcall(ctx.arg(0)),
            handler => handler,
        }
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
        record::lose(class);
    }
    0
}

/// Handler of the sub-call of `socketcall(2)`, its first argument.
#[inline(always)]
fn socketcall(regs: u64) -> u32 {
    let operation = arch::Call::new(regs).map_or(0, |call| call.arg(0) as u32);
    if operation > compat::SOCKETCALL_LAST {
        return 0;
    }
    let interest = INTEREST.get(compat::socketcall(operation));
    interest.map_or(0, |interest| interest >> 16)
}

/// Whether the current process is the agent.
#[inline(always)]
pub(crate) fn is_own_process() -> bool {
    let own = OWN_TGID.get(0).copied().unwrap_or(0);
    own != 0 && own == (bpf_get_current_pid_tgid() >> 32) as u32
}
