//! Learns the agent's process id in the initial pid namespace, which the agent cannot see from
//! inside a container. Never attached: the loader runs it once in its own context
//! (`BPF_PROG_TEST_RUN`).

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext,
};

use aya_log_ebpf::debug;

use crate::maps::OWN_TGID;

/// Stores the current process id in [`OWN_TGID`].
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn whoami(ctx: RawTracePointContext) -> i32 {
    let tgid = (bpf_get_current_pid_tgid() >> 32) as u32;
    if let Some(own) = OWN_TGID.get_ptr_mut(0) {
        // SAFETY: a live map value.
        unsafe { *own = tgid };
    }
    debug!(
        &ctx,
        "the agent is process {} of the initial pid namespace", tgid
    );
    0
}
