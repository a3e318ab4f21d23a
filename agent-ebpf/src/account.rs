//! Accounting: what was seen, what became of it, and who lost what.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    helpers::generated::{bpf_ktime_get_boot_ns, bpf_map_lookup_elem, bpf_map_update_elem},
};
use komainu_common::{
    Class,
    ledger::{ClassCounters, LedgerEntry, LedgerKey, Reason},
};

use crate::{
    maps::{COUNTERS, LEDGER},
    task::{self, Subject as _},
};

/// `CLOCK_BOOTTIME` in nanoseconds.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Counts something about `class`.
#[inline(always)]
pub(crate) fn count(class: Class, add: impl FnOnce(&mut ClassCounters)) {
    if let Some(counters) = COUNTERS.get_ptr_mut(u32::from(class.0)) {
        // SAFETY: a live per-CPU value that no other program touches meanwhile.
        add(unsafe { &mut *counters });
    }
}

/// Counts an event of the current task that no program could handle: seen, and lost.
#[inline(always)]
pub(crate) fn unhandled(class: Class) {
    count(class, |counters| counters.seen += 1);
    lose(class, Reason::INTERNAL, task::current().cgroup(), now());
}

/// Counts `n` events of the current task that no record is made of.
#[inline(always)]
pub(crate) fn unhandled_many(class: Class, n: u64) {
    if n == 0 {
        return;
    }
    count(class, |counters| {
        counters.seen += n;
        counters.lost_internal += n;
    });
    let cgroup = task::current().cgroup();
    blame(cgroup, class, Reason::INTERNAL, now(), n);
}

/// Counts an event that was counted as seen and comes to nothing.
#[inline(always)]
pub(crate) fn lose(class: Class, reason: Reason, cgroup: u64, time: u64) {
    count(class, |counters| match reason {
        Reason::RING => counters.lost_ring += 1,
        Reason::SHARE => counters.lost_share += 1,
        _ => counters.lost_internal += 1,
    });
    blame(cgroup, class, reason, time, 1);
}

/// Enters `n` losses into the ledger.
#[inline(never)]
fn blame(cgroup: u64, class: Class, reason: Reason, time: u64, n: u64) -> u64 {
    let key = LedgerKey {
        cgroup,
        class: u32::from(class.0),
        reason: reason.0,
    };
    let fresh = LedgerEntry {
        count: n,
        first: time,
        last: time,
    };
    let map = (&raw const LEDGER).cast_mut().cast();
    // SAFETY: key and value types are those of the map.
    unsafe {
        let mut entry = bpf_map_lookup_elem(map, (&raw const key).cast()).cast::<LedgerEntry>();
        if entry.is_null() {
            let added = bpf_map_update_elem(
                map,
                (&raw const key).cast(),
                (&raw const fresh).cast(),
                u64::from(BPF_NOEXIST),
            );
            if added == 0 {
                return 0;
            }
            // Another CPU was first, or the ledger is full.
            entry = bpf_map_lookup_elem(map, (&raw const key).cast()).cast();
            if entry.is_null() {
                return 1;
            }
        }
        // SeqCst: a relaxed add is compiled to a plain one for this target.
        atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(&raw mut (*entry).count, n);
        (*entry).last = time;
    }
    0
}
