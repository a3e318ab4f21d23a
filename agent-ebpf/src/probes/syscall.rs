//! The dispatcher on `sys_exit`: most system calls end after one array look-up.
//!
//! tracepoint: `sys_exit(struct pt_regs *regs, long ret)`

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext,
};
use komainu_common::{
    arch::{
        NO_NUMBER,
        x86_64::{SOCKETCALL_BASE, SOCKETCALL_LAST, socketcall},
    },
    syscalls::{class_of, handler, handler_of, row_of},
};

use crate::{
    account, arch,
    maps::{HANDLERS, INTEREST, OWN_TGID},
    probes::call::ROWS,
};

/// Finds the handler of the system call and jumps to it.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn sys_exit(ctx: RawTracePointContext) -> i32 {
    let regs = arch::registers(ctx.arg(0));
    let Some(number) = arch::number(regs) else {
        return 0;
    };
    let Some(&interest) = INTEREST.get(number) else {
        return 0;
    };
    // No call has a number of those that stand for the sub-calls of `socketcall`.
    if interest == 0 || number >= SOCKETCALL_BASE {
        return 0;
    }
    let half = if arch::is_compat(regs) {
        match (interest >> 16) as u16 {
            handler::SOCKETCALL if arch::SOCKETCALL != NO_NUMBER => sub_call(ctx.arg(0)),
            half => half,
        }
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
    account::unhandled(class_of(handler).unwrap_or(ROWS[usize::from(row_of(half))].class));
    0
}

/// Half a word of the interest table for the sub-call of `socketcall(2)`, its first argument.
#[inline(always)]
fn sub_call(regs: u64) -> u16 {
    let operation = arch::Call::new(regs).map_or(0, |call| call.arg(0) as u32);
    if operation > SOCKETCALL_LAST {
        return 0;
    }
    let interest = INTEREST.get(socketcall(operation));
    interest.map_or(0, |interest| (interest >> 16) as u16)
}

/// Whether the current process is the agent.
#[inline(always)]
pub(crate) fn is_own_process() -> bool {
    let own = OWN_TGID.get(0).copied().unwrap_or(0);
    own != 0 && own == (bpf_get_current_pid_tgid() >> 32) as u32
}
