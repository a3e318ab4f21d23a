//! Every map and global of the kernel half.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{
        Array, HashMap, LruHashMap, PerCpuArray, ProgramArray, RingBuf,
        lpm_trie::{Key, LpmTrie},
    },
};
use komainu_common::{
    KernelOffsets, Settings,
    class::CLASS_SLOTS,
    facts::Held,
    filter::{
        ActivePlan, ClassPlan, MAX_CGROUP_KINDS, MAX_MEMO, MAX_PLAN_ENTRIES, MAX_PLAN_PATH,
        PathKey, SHORT_NAME, SLOTS, Vector, WORDS,
    },
    ledger::{ClassCounters, LedgerEntry, LedgerKey, Share},
    limits::{MAX_LEDGER, MAX_PENDING, MAX_PENDING_RECORD, MAX_RECORD, MAX_SHARES},
    sock::Sock,
    syscalls::{INTEREST_SLOTS, handler},
};

use crate::{
    name::NameKey,
    number::{SEEN, Seen, Values},
};

/// Frozen before load, so the verifier treats every offset as a constant.
#[unsafe(no_mangle)]
pub(crate) static OFFSETS: KernelOffsets = KernelOffsets::UNRESOLVED;

/// Frozen before load.
#[unsafe(no_mangle)]
pub(crate) static SETTINGS: Settings = Settings::DEFAULT;

/// Offset of a kernel struct member.
///
/// Read volatile: the compiler would otherwise fold the placeholder of the object file.
macro_rules! offset {
    ($name:ident) => {{
        // SAFETY: a field of a live, initialised static.
        unsafe { core::ptr::read_volatile(&raw const $crate::maps::OFFSETS.$name) }
    }};
}
pub(crate) use offset;

/// A setting; see [`offset`] for why it is volatile.
macro_rules! setting {
    ($name:ident) => {{
        // SAFETY: a field of a live, initialised static.
        unsafe { core::ptr::read_volatile(&raw const $crate::maps::SETTINGS.$name) }
    }};
}
pub(crate) use setting;

/// Process, privilege and lifecycle records. The size is the loader's choice.
#[map]
pub(crate) static LIFECYCLE: RingBuf = RingBuf::with_byte_size(4096, 0);

/// File and network records. The size is the loader's choice.
#[map]
pub(crate) static BULK: RingBuf = RingBuf::with_byte_size(4096, 0);

/// Handler of each system call number: low half native, high half 32-bit compat.
#[map]
pub(crate) static INTEREST: Array<u32> = Array::with_max_entries(INTEREST_SLOTS, 0);

/// Programs that `sys_exit` tail-calls.
#[map]
pub(crate) static HANDLERS: ProgramArray = ProgramArray::with_max_entries(handler::SLOTS, 0);

/// Process id of the agent itself in the initial pid namespace; 0 until known.
#[map]
pub(crate) static OWN_TGID: Array<u32> = Array::with_max_entries(1, 0);

/// Counters by event class.
#[map]
pub(crate) static COUNTERS: PerCpuArray<ClassCounters> =
    PerCpuArray::with_max_entries(CLASS_SLOTS, 0);

/// Losses by cgroup, event class and reason.
#[map]
pub(crate) static LEDGER: HashMap<LedgerKey, LedgerEntry> =
    HashMap::with_max_entries(MAX_LEDGER, 0);

/// What each cgroup took of the bulk ring, see [`crate::share`].
#[map]
pub(crate) static SHARES: LruHashMap<u64, Share> = LruHashMap::with_max_entries(MAX_SHARES, 0);

/// Records of operations that an `io_uring` has not finished, by the address of their `io_kiocb`.
#[map]
pub(crate) static PENDING: HashMap<u64, Pending> = HashMap::with_max_entries(MAX_PENDING, 0);

/// A record as it was at the submission; [`Header::size`](komainu_common::Header) bytes are in use.
#[repr(C, align(8))]
pub(crate) struct Pending(pub(crate) [u8; MAX_PENDING_RECORD]);

/// Which filter plan is in force.
#[map]
pub(crate) static ACTIVE_PLAN: Array<ActivePlan> = Array::with_max_entries(1, 0);

/// Plans by slot and class: `slot * CLASS_SLOTS + class`.
#[map]
pub(crate) static PLANS: Array<ClassPlan> = Array::with_max_entries(SLOTS * CLASS_SLOTS, 0);

/// Whole paths and last components of the plans.
#[map]
pub(crate) static PLAN_PATHS: HashMap<PathKey, Vector> =
    HashMap::with_max_entries(MAX_PLAN_ENTRIES, BPF_F_NO_PREALLOC);

/// Beginnings of paths of the plans; the key without its length is the head of a name and its bytes.
#[map]
pub(crate) static PLAN_PREFIXES: LpmTrie<[u8; 4 + MAX_PLAN_PATH], Vector> =
    LpmTrie::with_max_entries(MAX_PLAN_ENTRIES, BPF_F_NO_PREALLOC);

/// What plans leave for short names, by generation and name; see [`crate::memo`].
#[map]
pub(crate) static MEMO_SHORT: LruHashMap<[u8; 8 + SHORT_NAME], Vector> =
    LruHashMap::with_max_entries(MAX_MEMO, 0);

/// The same for all others.
#[map]
pub(crate) static MEMO: LruHashMap<[u8; 8 + MAX_PLAN_PATH], Vector> =
    LruHashMap::with_max_entries(MAX_MEMO, 0);

const _: () = assert!(size_of::<Key<[u8; 4 + MAX_PLAN_PATH]>>() == 196);

/// What user space knows of cgroups: `filter::cgroup_kind` by cgroup id.
#[map]
pub(crate) static CGROUP_KINDS: LruHashMap<u64, u32> =
    LruHashMap::with_max_entries(MAX_CGROUP_KINDS, 0);

/// Where records are built: [`SLOTS_PER_CPU`] per CPU, the number of CPUs is the loader's knowledge.
///
/// Not a per-CPU array, whose values cannot exceed 32 KiB.
#[map]
pub(crate) static SCRATCH: Array<Scratch> = Array::with_max_entries(SLOTS_PER_CPU, 0);

/// One slot per entry program. The kernel does not enter a tracing program twice on one CPU
/// (`bpf_prog.active`), so a slot has one user at a time even where programs can be preempted.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Slot {
    /// `sys_exit` and everything it tail-calls.
    Syscall = 0,
    /// `sched_process_fork`.
    Fork = 1,
    /// `sched_process_exec`.
    Exec = 2,
    /// `sched_process_exit`.
    Exit = 3,
    /// `io_uring_submit_req`.
    RingSubmit = 4,
    /// `io_uring_complete`.
    RingComplete = 5,
    /// `cgroup_mkdir`, `cgroup_rmdir`.
    Cgroup = 6,
}

/// Number of [`Slot`]s.
pub(crate) const SLOTS_PER_CPU: u32 = komainu_common::limits::SCRATCH_SLOTS_PER_CPU;

/// Room behind the record so that a masked offset plus the largest item stays inside.
pub(crate) const SLACK: usize = 8192 + 8;

/// Bytes of the area that paths are built in, back to front; a power of two.
pub(crate) const PATH_AREA: usize = 4096;

/// Room behind the path area for one component at the largest masked offset.
pub(crate) const PATH_SLACK: usize = 256;

/// A record being built.
#[repr(C, align(8))]
pub(crate) struct Scratch {
    /// The record: header, fixed part, items.
    pub(crate) record: [u8; MAX_RECORD + SLACK],
    /// The path last built, see [`crate::path`].
    pub(crate) path: [u8; PATH_AREA + PATH_SLACK],
    /// Bytes of `record` in use.
    pub(crate) len: u32,
    /// Index of this buffer in [`SCRATCH`], see [`scratch`].
    pub(crate) index: u32,
    /// Unused.
    reserved: u32,
    /// Where the path begins in `path`; it ends at [`PATH_AREA`].
    pub(crate) path_start: u32,
    /// State of the loop being run, see [`Cell`].
    pub(crate) walk: Walk,
    /// Arguments of the system call, and zeros behind them; here for the reason that [`Cell`] gives.
    pub(crate) args: [Cell; 8],
    /// State of the filter for the event at hand.
    pub(crate) filter: Filtering,
    /// What a descriptor stands for, see [`crate::facts`].
    pub(crate) held: Held,
    /// Message of a call with several that is to be reported next; 0 outside of such a call.
    pub(crate) message: Cell,
    /// The socket last read, see [`crate::sock`].
    pub(crate) sock: Sock,
}

/// What the filter works with, see [`crate::filter`] and [`crate::name`].
#[repr(C, align(8))]
pub(crate) struct Filtering {
    /// Generation of the plan.
    pub(crate) generation: u32,
    reserved: u32,
    /// Conjunctions that are left, a [`Vector`].
    pub(crate) alive: [Cell; WORDS],
    /// What is known of the kernel's name, [`Name::encode`](crate::name::Name::encode).
    pub(crate) kernel_len: Cell,
    /// The same of the name asked for.
    pub(crate) asked_len: Cell,
    /// What is left for the name being looked up.
    pub(crate) name: [Cell; WORDS],
    /// What is left for the names looked up.
    pub(crate) found: [Cell; WORDS],
    /// Values by `filter::source`.
    pub(crate) values: Values,
    /// What tests left for values seen lately.
    pub(crate) seen: [Seen; SEEN],
    /// The kernel's name.
    pub(crate) kernel: NameKey,
    /// The name asked for.
    pub(crate) asked: NameKey,
    /// The last component of either.
    pub(crate) base: NameKey,
    /// Room behind a name for one at the largest masked offset.
    slack: [u8; 512],
}

/// A scratch buffer by its index: how a function that the verifier checks by itself (a global one, of
/// which it knows nothing but numbers) gets at the buffer of its caller.
#[inline(always)]
pub(crate) fn scratch(index: u32) -> Option<&'static mut Scratch> {
    // SAFETY: the caller's own buffer (see `Slot`), handed down to its functions one at a time.
    SCRATCH
        .get_ptr_mut(index)
        .map(|scratch| unsafe { &mut *scratch })
}

/// Where a loop over dentries, cgroups or arguments stands.
#[repr(C)]
pub(crate) struct Walk {
    /// Object the loop is at.
    pub(crate) at: Cell,
    /// Mount it is on.
    pub(crate) mount: Cell,
    /// Mount that this one is mounted on, and the dentry there.
    pub(crate) above: Cell,
    pub(crate) mountpoint: Cell,
    /// Root dentry of that mount.
    pub(crate) root: Cell,
    /// Bytes used, or where the path begins so far.
    pub(crate) position: Cell,
    /// Signature of the name so far.
    pub(crate) signature: Cell,
    /// Bytes there are in all.
    pub(crate) total: Cell,
}

/// A number that lives in memory, never in a register across a loop.
///
/// The verifier follows every path through a loop body and joins two paths only if they know the
/// same of every register. What it reads from a map it knows nothing of: with the loop's state here,
/// all paths look alike at the next turn and the loop costs its length times its body, not two to
/// the power of its length. Volatile, because the compiler would move it into a register.
#[repr(transparent)]
pub(crate) struct Cell(u64);

impl Cell {
    /// The number.
    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        // SAFETY: a valid reference.
        unsafe { (&raw const self.0).read_volatile() }
    }

    /// Replaces it.
    #[inline(always)]
    pub(crate) fn set(&mut self, value: u64) {
        // SAFETY: a valid reference.
        unsafe { (&raw mut self.0).write_volatile(value) }
    }
}
