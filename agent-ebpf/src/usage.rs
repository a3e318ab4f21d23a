//! What a task uses of memory and descriptors.

use komainu_common::{Usage, offsets::ABSENT};

use crate::{arch::page_kib, maps::offset, read::Address};

/// `RLIMIT_NOFILE` (`include/uapi/asm-generic/resource.h`).
const RLIMIT_NOFILE: u32 = 7;
/// Members of `rss_stat` (`include/linux/mm_types_task.h`).
const MM_FILEPAGES: u32 = 0;
const MM_ANONPAGES: u32 = 1;
const MM_SWAPENTS: u32 = 2;
const MM_SHMEMPAGES: u32 = 3;

/// Fills every field of `out` about `task`.
#[inline(always)]
pub(crate) fn fill<A: Address>(task: A, out: &mut Usage) {
    let signal = task.follow(offset!(task_signal)).unwrap_or(A::NULL);
    // The soft limit is the first member of a `struct rlimit`.
    let limit = offset!(signal_rlim) + RLIMIT_NOFILE * offset!(rlimit_size);
    out.fd_limit = signal.load(limit).unwrap_or(0);
    out.major_faults = task.load(offset!(task_maj_flt)).unwrap_or(0);
    out.minor_faults = task.load(offset!(task_min_flt)).unwrap_or(0);
    out.vm_size = 0;
    out.vm_rss = 0;
    out.vm_swap = 0;
    // Not a null address that reads as nothing: a number that may be that address is none to the verifier.
    let Some(mm) = task.follow(offset!(task_mm)) else {
        return;
    };
    let pages = mm.load::<u64>(offset!(mm_total_vm)).unwrap_or(0);
    out.vm_size = pages * page_kib();
    let resident =
        pages_of(mm, MM_FILEPAGES) + pages_of(mm, MM_ANONPAGES) + pages_of(mm, MM_SHMEMPAGES);
    out.vm_rss = resident * page_kib();
    out.vm_swap = pages_of(mm, MM_SWAPENTS) * page_kib();
}

/// Pages of one kind that the memory holds. The kernel's counts may be negative for a moment.
#[inline(always)]
fn pages_of<A: Address>(mm: A, kind: u32) -> u64 {
    let at = if offset!(mm_rss_numbers) != ABSENT {
        offset!(mm_rss_numbers) + 8 * kind
    } else if offset!(mm_rss_counters) != ABSENT {
        offset!(mm_rss_counters)
            + kind * offset!(percpu_counter_size)
            + offset!(percpu_counter_count)
    } else {
        return 0;
    };
    (mm.load::<u64>(at).unwrap_or(0) as i64).max(0) as u64
}
