//! Fair shares of the bulk ring: who floods it loses, and nobody else.
//!
//! Dynamic thresholds (Choudhury & Hahne, IEEE/ACM ToN 6(2), 1998): in a ring that is getting full a
//! cgroup may have as much as is still free. One that floods thus stops where as much is free as it
//! took; one that is quiet finds room, because it took little. What a cgroup took is counted anew
//! each time that the reader has read a quarter of the ring, so there is no queue per cgroup to keep,
//! and no help from the reader: the position it publishes in the ring is the clock.
//!
//! Two CPUs that begin an epoch of one cgroup at one time may forget a record of each other; a
//! threshold does not need to be exact.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::{bindings::BPF_RB_CONS_POS, helpers::generated::bpf_ringbuf_query, maps::RingBuf};
use komainu_common::ledger::Share;

use crate::maps::{SHARES, setting};

/// The ring is getting full from this part of it on.
const CROWDED: u64 = 2;
/// Parts of the ring read in one epoch.
const EPOCHS: u64 = 4;

/// Whether `cgroup` may put `size` bytes into the bulk ring, in which `waiting` bytes are unread.
#[inline(always)]
pub(crate) fn admits(ring: *mut RingBuf, cgroup: u64, size: u64, waiting: u64) -> bool {
    let bytes = u64::from(setting!(bulk_bytes));
    if waiting < bytes / CROWDED {
        return true;
    }
    // SAFETY: a ring buffer map.
    let read = unsafe { bpf_ringbuf_query(ring.cast(), u64::from(BPF_RB_CONS_POS)) };
    let free = bytes.saturating_sub(waiting);
    // The ring is not empty, but the compiler cannot know: a panic is no BPF instruction.
    let epoch = read.checked_div(bytes / EPOCHS).unwrap_or(0);
    take(cgroup, size, epoch, free)
}

/// Takes `size` bytes for `cgroup` if it has taken less than `free` in this epoch.
#[inline(never)]
fn take(cgroup: u64, size: u64, epoch: u64, free: u64) -> bool {
    let Some(share) = SHARES.get_ptr_mut(cgroup) else {
        let fresh = Share { epoch, taken: size };
        // Fails where another CPU was first, or has all the spare entries: not counted, once.
        let _stored = SHARES.insert(cgroup, fresh, 0).is_ok();
        return true;
    };
    // SAFETY: a live map value; other CPUs change it too, see above.
    unsafe {
        if (*share).epoch != epoch {
            (*share).epoch = epoch;
            (*share).taken = 0;
        }
        if (*share).taken >= free {
            return false;
        }
        // SeqCst: a relaxed add is compiled to a plain one for this target.
        atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(&raw mut (*share).taken, size);
    }
    true
}
