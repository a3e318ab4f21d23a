//! Learns the agent's process id in the initial pid namespace, which the agent cannot see from
//! inside a container. Never attached: the loader runs it once in its own context
//! (`BPF_PROG_TEST_RUN`).

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext,
};

use crate::maps::OWN_TGID;

/// Stores the current process id in [`OWN_TGID`].
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn whoami(_ctx: RawTracePointContext) -> i32 {
    if let Some(own) = OWN_TGID.get_ptr_mut(0) {
        // SAFETY: a live map value.
        unsafe { *own = (bpf_get_current_pid_tgid() >> 32) as u32 };
    }
    0
}
