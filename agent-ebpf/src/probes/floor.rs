//! An empty program on `sys_exit`, for measuring what the hook itself costs. The agent never
//! attaches it.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

/// Does nothing.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn floor(_ctx: RawTracePointContext) -> i32 {
    0
}
