//! Records of events that are not over: kept from one hook to the next.

use aya_ebpf::helpers::generated::bpf_map_update_elem;
use komainu_common::{Class, limits::MAX_PENDING_RECORD};

use crate::{
    account::count,
    maps::{PENDING, Slot},
    read::{self, Address as _},
    record::{self, Record},
    task::Subject,
};

/// Describes the task and keeps a draft under a key; gives it back where there is no room.
#[inline(always)]
pub(crate) fn keep<T, A: Subject>(record: Record<T, A>, key: u64) -> Result<(), Record<T, A>> {
    record.describe();
    let header = record.header();
    header.size = record.scratch().len;
    let map = (&raw const PENDING).cast_mut().cast();
    let value = (&raw const record.scratch().record).cast();
    let fits = header.size as usize <= MAX_PENDING_RECORD;
    // SAFETY: key and value are of the types of the map; the record is longer than the value.
    if fits && unsafe { bpf_map_update_elem(map, (&raw const key).cast(), value, 0) } == 0 {
        return Ok(());
    }
    Err(record)
}

/// Takes up the draft kept under `key`, counts its event as seen, now, and forgets the key. `None` if
/// there is none of this class. It is described already: to be sent, not submitted.
#[inline(always)]
pub(crate) fn resume<T>(slot: Slot, class: Class, key: u64) -> Option<Record<T, u64>> {
    let kept = PENDING.get_ptr(key)?;
    let record = record::draft::<T, u64>(slot, class, u64::NULL)?;
    let target = (&raw mut record.scratch().record).cast();
    // SAFETY: the record is longer than what is kept, which is kernel memory to the helper.
    let copied = unsafe { read::kernel_bytes(target, MAX_PENDING_RECORD as u32, kept as u64) };
    if !copied || record.header().class != class.0 {
        return None;
    }
    // Fails where another CPU took it up: there is one end of an operation.
    PENDING.remove(key).ok()?;
    count(class, |counters| counters.seen += 1);
    record.scratch().len = record.header().size;
    Some(record)
}

/// Counts the event of a draft as seen, and sends it as it is.
#[inline(always)]
pub(crate) fn submit_seen<T, A: Subject>(class: Class, record: Record<T, A>) {
    count(class, |counters| counters.seen += 1);
    record.submit();
}
