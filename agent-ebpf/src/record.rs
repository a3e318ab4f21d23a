//! Building a record and submitting it, or else counting it as lost.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::{bpf_get_smp_processor_id, bpf_ringbuf_output, bpf_ringbuf_query},
    maps::RingBuf,
};
use komainu_common::{
    Class, Header,
    class::Lane,
    header::{HEADER_COMPAT, HEADER_OVERFLOW, NO_SYSCALL},
    item::{ITEM_CUT, ITEM_FAULT, ItemHeader},
    ledger::Reason,
    limits::{MAX_KERNEL_PATH, MAX_RECORD},
};

use crate::{
    account::{count, lose, now},
    arch::Call,
    facts,
    filter::{self, Gate},
    maps::{self, BULK, LIFECYCLE, PATH_AREA, SCRATCH, SLOTS_PER_CPU, Scratch, Slot, setting},
    path,
    read::{self, Typed},
    share,
    task::{self, Subject},
    words,
};

const ITEM: usize = size_of::<ItemHeader>();
/// Bytes in front of an item's own.
pub(crate) const ITEM_HEAD: u32 = ITEM as u32;
/// Mask of an offset into the record.
const MASK: usize = MAX_RECORD - 1;

const _: () = assert!(MAX_RECORD.is_power_of_two() && PATH_AREA.is_power_of_two());
const _: () = assert!(MAX_KERNEL_PATH == PATH_AREA);

/// A record of an event class whose fixed part is `T`, being built in a scratch slot.
pub(crate) struct Record<T, A = Typed> {
    scratch: *mut Scratch,
    lane: Lane,
    subject: A,
    _fixed: core::marker::PhantomData<T>,
}

/// Counts an event as seen and begins its record about the task `subject`.
///
/// The task itself is described by [`Record::submit`], last: what another thread could replace
/// meanwhile (descriptors, user memory) is to be read first.
///
/// `None` after counting the event as lost if there is no buffer, which a correctly sized scratch
/// map rules out.
#[inline(always)]
pub(crate) fn begin<T, A: Subject>(slot: Slot, class: Class, subject: A) -> Option<Record<T, A>> {
    count(class, |counters| counters.seen += 1);
    let record = draft(slot, class, subject);
    if record.is_none() {
        lose(class, Reason::INTERNAL, subject.cgroup(), now());
    }
    record
}

/// Begins the record of an event that is not over yet, and is to be counted when it is.
#[inline(always)]
pub(crate) fn draft<T, A: Subject>(slot: Slot, class: Class, subject: A) -> Option<Record<T, A>> {
    // SAFETY: no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
    let index = cpu * SLOTS_PER_CPU + slot as u32;
    let scratch = SCRATCH.get_ptr_mut(index)?;
    let record = Record {
        scratch,
        lane: class.lane(),
        subject,
        _fixed: core::marker::PhantomData,
    };
    let header = record.header();
    header.class = class.0;
    header.flags = 0;
    header.time = 0;
    header.ret = 0;
    header.syscall = NO_SYSCALL;
    header.cpu = cpu;
    words::zero(&mut header.conjunctions);
    header.plan = 0;
    header.reserved = 0;
    let scratch = record.scratch();
    scratch.len = (size_of::<Header>() + size_of::<T>()) as u32;
    scratch.index = index;
    filter::note_plan(scratch);
    Some(record)
}

/// The record of the current task being built in a slot, for a function that has only its index.
#[inline(always)]
pub(crate) fn resume<T>(index: u32) -> Option<Record<T>> {
    let scratch = maps::scratch(index)?;
    Some(Record {
        lane: Class(header(scratch).class).lane(),
        scratch,
        subject: task::current(),
        _fixed: core::marker::PhantomData,
    })
}

/// The scratch slot of this program on this CPU.
#[inline(always)]
pub(crate) fn scratch(slot: Slot) -> Option<&'static mut Scratch> {
    // SAFETY: no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
    let scratch = SCRATCH.get_ptr_mut(cpu * SLOTS_PER_CPU + slot as u32)?;
    // SAFETY: a slot of the scratch map, ours alone until this program returns.
    Some(unsafe { &mut *scratch })
}

/// The header of the record in a slot.
#[inline(always)]
pub(crate) fn header(scratch: &mut Scratch) -> &mut Header {
    // SAFETY: the record is the first field of the slot and begins with a header; the slot is 8-aligned.
    unsafe { &mut *(&raw mut *scratch).cast::<Header>() }
}

/// Where the bytes of the item go that [`Record::append`] is appending.
#[inline(always)]
pub(crate) fn appending(scratch: &mut Scratch) -> *mut u8 {
    let at = scratch.len as usize & MASK;
    scratch.record.as_mut_ptr().wrapping_add(at + ITEM)
}

impl<T, A: Subject> Record<T, A> {
    /// Sends the record through the bulk ring, whatever its class: anyone can make as many failed
    /// calls as they like, and none may take the place of a process that starts.
    #[inline(always)]
    pub(crate) fn in_bulk(mut self) -> Self {
        self.lane = Lane::Bulk;
        self
    }

    /// Notes the system call and its result.
    #[inline(always)]
    pub(crate) fn set_call(&self, call: &Call, ret: i64) {
        let header = self.header();
        header.ret = ret;
        header.syscall = call.number;
        if call.compat {
            header.flags |= HEADER_COMPAT;
        }
    }

    /// Notes what the filter left of the plan's conjunctions, where one was applied.
    #[inline(always)]
    pub(crate) fn set_outcome(&self, gate: Option<&Gate>) {
        if let Some(gate) = gate {
            let header = self.header();
            (header.conjunctions, header.plan) = gate.outcome(self.scratch());
        }
    }

    /// The scratch buffer, for building paths.
    #[inline(always)]
    pub(crate) fn scratch(&self) -> &'static mut Scratch {
        // SAFETY: a slot of the scratch map, ours alone until this program returns (see `Slot`);
        // each borrow ends before the next begins.
        unsafe { &mut *self.scratch }
    }

    /// The header; who caused the event is in it once it is described.
    #[inline(always)]
    pub(crate) fn header(&self) -> &'static mut Header {
        header(self.scratch())
    }

    /// The fixed part. Every field must be written: the buffer holds an earlier record.
    #[inline(always)]
    pub(crate) fn fixed(&self) -> &'static mut T {
        // SAFETY: the header is followed by room for T, whose alignment is at most 8.
        unsafe { &mut *self.scratch.cast::<Header>().add(1).cast::<T>() }
    }

    /// Appends `len` bytes of kernel memory.
    #[inline(always)]
    pub(crate) fn append_kernel<const CAP: usize>(&self, tag: u8, address: u64, len: u64) {
        self.append::<CAP>(tag, |target| {
            let n = clamp::<CAP>(len);
            // SAFETY: `append` guarantees CAP bytes at the target.
            let ok = unsafe { read::kernel_bytes(target, n, address) };
            (
                if ok { u64::from(n) } else { 0 },
                flags(len > CAP as u64, !ok),
            )
        });
    }

    /// Appends `len` bytes of user memory. Where a page of it cannot be read, what precedes the
    /// page.
    #[inline(always)]
    pub(crate) fn append_user<const CAP: usize>(&self, tag: u8, address: u64, len: u64) {
        self.append::<CAP>(tag, |target| {
            let n = clamp::<CAP>(len);
            // SAFETY: `append` guarantees CAP bytes at the target.
            if unsafe { read::user_bytes(target, n, address) } {
                return (u64::from(n), flags(len > CAP as u64, false));
            }
            let first_page = clamp::<CAP>((4096 - (address & 4095)).min(u64::from(n)));
            // SAFETY: as above.
            let ok = unsafe { read::user_bytes(target, first_page, address) };
            (if ok { u64::from(first_page) } else { 0 }, ITEM_FAULT)
        });
    }

    /// Appends a NUL-terminated user string; returns its first byte, 0 if there is none.
    #[inline(always)]
    pub(crate) fn append_user_str<const CAP: usize>(&self, tag: u8, address: u64) -> u8 {
        let mut first = 0;
        self.append::<CAP>(tag, |target| {
            // SAFETY: `append` guarantees CAP bytes at the target.
            let with_nul = unsafe { read::user_str(target, CAP as u32, address) };
            string_length::<CAP>(with_nul, target, &mut first)
        });
        first
    }

    /// [`Self::append_user_str`] for kernel memory.
    #[inline(always)]
    pub(crate) fn append_kernel_str<const CAP: usize>(&self, tag: u8, address: u64) -> u8 {
        let mut first = 0;
        self.append::<CAP>(tag, |target| {
            // SAFETY: `append` guarantees CAP bytes at the target.
            let with_nul = unsafe { read::kernel_str(target, CAP as u32, address) };
            string_length::<CAP>(with_nul, target, &mut first)
        });
        first
    }

    /// Builds and appends the path that the `struct path` at `address` stands for; returns its
    /// `ITEM_*` flags.
    #[inline(always)]
    pub(crate) fn append_path_of(&self, tag: u8, address: u64) -> Option<u64> {
        let (dentry, mnt) = path::parts(address)?;
        let flags = path::build(self.scratch(), dentry, mnt);
        self.append_path(tag, flags);
        Some(flags)
    }

    /// Appends the path last built in the scratch buffer.
    #[inline(always)]
    pub(crate) fn append_path(&self, tag: u8, path_flags: u64) {
        let start = self.scratch().path_start as usize & (PATH_AREA - 1);
        // SAFETY: a masked offset lies within the area.
        let source = unsafe { (&raw const (*self.scratch).path).cast::<u8>().add(start) };
        let len = PATH_AREA - start;
        self.append::<PATH_AREA>(tag, |target| {
            // SAFETY: `append` guarantees PATH_AREA bytes at the target; the source is kernel
            // memory to the helper.
            let ok = unsafe { read::kernel_bytes(target, len as u32, source as u64) };
            (
                if ok { len as u64 } else { 0 },
                path_flags as u8 | flags(false, !ok),
            )
        });
    }

    /// Appends an item of at most `CAP` bytes: `write` gets room for them and returns how many it
    /// wrote and the item's flags.
    #[inline(always)]
    pub(crate) fn append<const CAP: usize>(
        &self,
        tag: u8,
        write: impl FnOnce(*mut u8) -> (u64, u8),
    ) {
        let at = self.scratch().len as usize & MASK;
        // One byte short of the end: a full record would have the length 0 under the mask.
        if at >= MAX_RECORD - ITEM - CAP {
            self.header().flags |= HEADER_OVERFLOW;
            return;
        }
        let item = self.scratch().record.as_mut_ptr().wrapping_add(at);
        let (len, item_flags) = write(item.wrapping_add(ITEM));
        let len = if len > CAP as u64 { CAP as u64 } else { len };
        // SAFETY: within the record, as checked above.
        unsafe {
            item.write(tag);
            item.add(1).write(item_flags);
            item.add(2).cast::<u16>().write_unaligned(len as u16);
        }
        self.scratch().len = (at + ITEM) as u32 + len as u32;
    }

    /// Describes the task and puts the record into its ring, or counts it as lost.
    #[inline(always)]
    pub(crate) fn submit(self) {
        self.describe();
        self.send();
    }

    /// The same, with the facts that rules read of its class, see [`facts`].
    #[inline(always)]
    pub(crate) fn submit_with_facts(self) {
        facts::append(self.scratch(), Class(self.header().class));
        self.submit();
    }

    /// Says who caused the event.
    #[inline(always)]
    pub(crate) fn describe(&self) {
        self.subject.describe(self.scratch());
    }

    /// Puts a described record into its ring, or counts it as lost.
    #[inline(always)]
    pub(crate) fn send(self) {
        send_record(self.scratch().index, u32::from(self.lane == Lane::Bulk));
    }
}

/// [`Record::send`], as a function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_record(index: u32, is_bulk: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let size = scratch.len as usize & MASK;
    let data = (&raw mut scratch.record).cast();
    let header = header(scratch);
    header.size = size as u32;
    // Now, when it has passed the filter: what is filtered needs no clock.
    header.time = now();
    let class = Class(header.class);
    if size < size_of::<Header>() {
        // Unreachable, but the verifier wants a lower bound.
        lose(class, Reason::INTERNAL, header.cgroup, header.time);
        return 0;
    }
    let ring: *mut RingBuf = if is_bulk != 0 {
        (&raw const BULK).cast_mut()
    } else {
        (&raw const LIFECYCLE).cast_mut()
    };
    // SAFETY: a ring buffer map.
    let waiting = unsafe { bpf_ringbuf_query(ring.cast(), u64::from(BPF_RB_AVAIL_DATA)) };
    if is_bulk != 0 && !share::admits(ring, header.cgroup, size as u64, waiting) {
        lose(class, Reason::SHARE, header.cgroup, header.time);
        return 0;
    }
    // SAFETY: `size` bytes of the record are initialised: header, fixed part and items have been
    // written in full up to `len`.
    let result = unsafe { bpf_ringbuf_output(ring.cast(), data, size as u64, wakeup(waiting)) };
    if result == 0 {
        count(class, |counters| counters.emitted += 1);
    } else {
        lose(class, Reason::RING, header.cgroup, header.time);
    }
    0
}

/// From a part of the ring that waits, its reader is woken. Below it the reader's own clock decides:
/// waking it for each record costs the traced program, and the reader, more than the record.
#[inline(always)]
fn wakeup(waiting: u64) -> u64 {
    if waiting >= u64::from(setting!(wakeup_bytes)) {
        u64::from(BPF_RB_FORCE_WAKEUP)
    } else {
        u64::from(BPF_RB_NO_WAKEUP)
    }
}

#[inline(always)]
fn clamp<const CAP: usize>(len: u64) -> u32 {
    if len > CAP as u64 {
        CAP as u32
    } else {
        len as u32
    }
}

#[inline(always)]
fn flags(cut: bool, fault: bool) -> u8 {
    (if cut { ITEM_CUT } else { 0 }) | (if fault { ITEM_FAULT } else { 0 })
}

/// Length without NUL and flags of what a `…_str` helper wrote.
#[inline(always)]
fn string_length<const CAP: usize>(with_nul: i64, target: *mut u8, first: &mut u8) -> (u64, u8) {
    if with_nul < 0 {
        return (0, ITEM_FAULT);
    }
    // SAFETY: the helper wrote at least the NUL.
    *first = unsafe { target.read() };
    let len = if with_nul == 0 {
        0
    } else {
        with_nul as u64 - 1
    };
    // A full buffer may be a string that just fits; a path of PATH_MAX bytes cannot be longer.
    (len, flags(with_nul as usize >= CAP, false))
}
