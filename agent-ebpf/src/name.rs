//! The two names of a file, as keys of the filter's path tables.
//!
//! A name of at most [`MAX_PLAN_PATH`] bytes is copied into a zero-padded area, in which it is
//! compared and searched eight bytes at a time. A name that is longer, not canonical or unknown rules
//! out nothing.

use core::{ffi::c_void, hint::black_box};

use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_map_lookup_elem, bpf_map_update_elem};
use komainu_common::filter::{
    GRAM, MAX_PLAN_PATH, PLAN_BASE, Vector, gram_bits, path_kind, role, source,
};

use crate::{
    filter,
    maps::{self, Filtering, MEMO, PLAN_PATHS, PLAN_PREFIXES, PLANS, Scratch},
    read,
};

/// A name as the tables are asked for it. As a key of the hash table it begins at `slot`, as one of
/// the trie at `bits`; `kind` 0 is the trie's unused byte.
#[repr(C, align(8))]
pub(crate) struct NameKey {
    bits: u32,
    /// Slot, role, class, kind.
    head: [u8; 4],
    bytes: [u8; MAX_PLAN_PATH],
    /// Zero: the name can be looked at in whole words.
    pad: u32,
}

/// Words that a name fills.
const NAME_WORDS: usize = (MAX_PLAN_PATH + 4) / 8;
const WORD: usize = 8;
/// Mask of a length that changes none up to [`MAX_PLAN_PATH`].
const ROOM: usize = (MAX_PLAN_PATH + 1).next_power_of_two() - 1;
/// Every byte 1; every byte's highest bit.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// Areas for names in the scratch buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Area {
    /// The kernel's.
    Kernel,
    /// What the program asked for.
    Asked,
    /// The last component of either.
    Base,
}

impl Area {
    /// Which of the two whole names a number means.
    #[inline(always)]
    fn of(number: u32) -> Self {
        if number == Self::Kernel as u32 {
            Self::Kernel
        } else {
            Self::Asked
        }
    }
}

/// What is known of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// The object has no such name: a failed call has no kernel path.
    None,
    /// It cannot be looked up: too long, unreadable.
    Unknown,
    /// This many bytes are in its area.
    Known(u32),
}

impl Name {
    /// As one number, to be kept in a [`Cell`](crate::maps::Cell).
    #[inline(always)]
    pub(crate) fn encode(self) -> u64 {
        match self {
            Self::None => u64::MAX,
            Self::Unknown => u64::MAX - 1,
            Self::Known(len) => u64::from(len),
        }
    }

    /// Out of such a number.
    #[inline(always)]
    pub(crate) fn decode(number: u64) -> Self {
        match number {
            u64::MAX => Self::None,
            len if len <= MAX_PLAN_PATH as u64 => Self::Known(len as u32),
            _ => Self::Unknown,
        }
    }
}

#[inline(always)]
fn area(scratch: &mut Scratch, area: Area) -> &mut NameKey {
    match area {
        Area::Kernel => &mut scratch.filter.kernel,
        Area::Asked => &mut scratch.filter.asked,
        Area::Base => &mut scratch.filter.base,
    }
}

/// Empties an area.
#[inline(always)]
pub(crate) fn clear(scratch: &mut Scratch, which: Area) {
    for word in words_mut(area(scratch, which)) {
        // SAFETY: a valid reference. Volatile, or the compiler makes a call to a loop over bytes of it.
        unsafe { (&raw mut *word).write_volatile(0) };
    }
}

#[inline(always)]
fn words(key: &NameKey) -> &[u64; NAME_WORDS] {
    // SAFETY: the bytes begin at 8 of an 8-aligned struct, and with the padding fill whole words.
    unsafe { &*(&raw const key.bytes).cast() }
}

#[inline(always)]
fn words_mut(key: &mut NameKey) -> &mut [u64; NAME_WORDS] {
    // SAFETY: as in `words`.
    unsafe { &mut *(&raw mut key.bytes).cast() }
}

/// Copies `len` bytes of kernel memory behind the `at` bytes that are there.
#[inline(always)]
pub(crate) fn append(scratch: &mut Scratch, which: Area, at: u32, address: u64, len: u32) -> Name {
    let (at, len) = (at as usize, len as usize);
    if len == 0 || at > MAX_PLAN_PATH || len > MAX_PLAN_PATH - at {
        return Name::Unknown;
    }
    // The verifier does not conclude from the difference; the compiler must not know that it could.
    let (at, len) = (black_box(at) & ROOM, black_box(len) & ROOM);
    let target = area(scratch, which).bytes.as_mut_ptr();
    // SAFETY: `at + len` is within the bytes, as checked.
    if unsafe { read::kernel_bytes(target.add(at), len as u32, address) } {
        Name::Known((at + len) as u32)
    } else {
        Name::Unknown
    }
}

/// Puts a slash at `at`; the bytes there are then.
#[inline(always)]
pub(crate) fn slash(scratch: &mut Scratch, which: Area, at: u32) -> u32 {
    let at = at as usize;
    if at >= MAX_PLAN_PATH {
        return MAX_PLAN_PATH as u32 + 1;
    }
    area(scratch, which).bytes[at] = b'/';
    at as u32 + 1
}

/// Which names are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    /// How the keys begin: slot, role, class.
    pub(crate) head: [u8; 4],
    /// Index of the plan.
    pub(crate) plan: u32,
}

/// Collects what the plan leaves for either name in `found`; `false` if they rule out nothing.
#[inline(always)]
pub(crate) fn lookup(scratch: &mut Scratch, names: Names) -> bool {
    look_up_names(scratch.index, u32::from_ne_bytes(names.head), names.plan) != 0
}

/// [`lookup`], as a function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn look_up_names(index: u32, head: u32, plan: u32) -> u32 {
    let (Some(scratch), Some(tables)) = (maps::scratch(index), PLANS.get(plan)) else {
        return 0;
    };
    let kernel = Name::decode(scratch.filter.kernel_len.get());
    let asked = Name::decode(scratch.filter.asked_len.get());
    let Name::Known(asked_len) = asked else {
        return 0;
    };
    for word in &mut scratch.filter.found {
        word.set(0);
    }
    if kernel == Name::Unknown {
        return 0;
    }
    let is_same = kernel == asked && is_same(scratch);
    if is_same && recall(scratch, Area::Asked, head) {
        return 1;
    }
    let asked_facts = scan_asked(index, asked_len);
    let dotdot = asked_facts & HAS_DOTDOT;
    scratch.filter.values[source::DOTDOT as usize] = i64::from(dotdot != 0);
    if let Name::Known(len) = kernel
        && (is_same || !recall(scratch, Area::Kernel, head | memo_kind(1 + dotdot)))
    {
        let signature = scratch.filter.signature.get();
        scratch.filter.values[source::SIGNATURE as usize] = signature as i64;
        find_name(index, plan, Area::Kernel as u32, head, len);
        let kind = if is_same { 0 } else { memo_kind(1 + dotdot) };
        remember(scratch, Area::Kernel, head | kind);
    }
    if is_same {
        return 1;
    }
    if asked_facts & IS_CANONICAL == 0 {
        return 0;
    }
    if recall(scratch, Area::Asked, head) {
        return 1;
    }
    if tables.sources & (1 << source::SIGNATURE) != 0 {
        sign_asked(index, asked_len);
    }
    find_name(index, plan, Area::Asked as u32, head, asked_len);
    remember(scratch, Area::Asked, head);
    1
}

/// What the plan leaves for a path depends on the path's bytes alone, and on whether the string as passed
/// has two dots in a row, which is the path's own where both names are the same. So it can be kept by
/// these bytes and needs no invalidation: nothing that happens to a file changes what its name means to
/// the rules. The generation is part of the key: the next plan finds nothing of this one.
#[inline(always)]
fn memo_kind(kind: u32) -> u32 {
    kind << 24
}

#[inline(always)]
fn memo_key(scratch: &mut Scratch, which: Area, head: u32) -> *const c_void {
    let generation = scratch.filter.generation;
    let key = area(scratch, which);
    key.bits = generation;
    key.head = head.to_ne_bytes();
    (&raw const *key).cast()
}

/// Adds what is remembered of a name to what was found; `false` if nothing is.
#[inline(always)]
fn recall(scratch: &mut Scratch, which: Area, head: u32) -> bool {
    let key = memo_key(scratch, which, head);
    // SAFETY: the key is of the map's layout.
    let value = unsafe { bpf_map_lookup_elem((&raw const MEMO).cast_mut().cast(), key) };
    // SAFETY: a live value of the map, or null.
    let Some(value) = (unsafe { value.cast::<Vector>().as_ref() }) else {
        return false;
    };
    for (found, value) in scratch.filter.found.iter_mut().zip(value) {
        found.set(found.get() | value);
    }
    true
}

/// Remembers what was left for the name last looked up; one time in four: what is opened often is soon
/// known, and what is opened once costs less.
#[inline(always)]
fn remember(scratch: &mut Scratch, which: Area, head: u32) {
    // SAFETY: no preconditions.
    if unsafe { bpf_get_prandom_u32() } & 3 != 0 {
        return;
    }
    let key = memo_key(scratch, which, head);
    let value = (&raw const scratch.filter.name).cast();
    // SAFETY: key and value are of the map's layout. A full map drops another name.
    unsafe { bpf_map_update_elem((&raw const MEMO).cast_mut().cast(), key, value, 0) };
}

/// Puts the signature of the name asked for, [`komainu_common::filter::signature`], among the values.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn sign_asked(index: u32, len: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let words = words(&scratch.filter.asked);
    scratch.walk.signature.set(0);
    for index in 0..NAME_WORDS {
        if index * WORD >= len as usize {
            break;
        }
        let slashes = marks(words[index], b'/');
        let after = if index + 1 < NAME_WORDS {
            words[index + 1]
        } else {
            0
        };
        for byte in 0..WORD {
            if slashes >> (8 * byte) & 0x80 != 0 {
                let shift = 8 * byte as u32;
                let gram = words[index] >> shift | (after << 1) << (63 - shift);
                let bits = gram_bits((gram as u32).to_le_bytes());
                scratch
                    .walk
                    .signature
                    .set(scratch.walk.signature.get() | bits);
            }
        }
    }
    scratch.filter.values[source::SIGNATURE as usize] = scratch.walk.signature.get() as i64;
    0
}

/// Making the path absolute and removing `.`, `..` and doubled slashes leaves it as it is: it begins with
/// a slash, and none is followed by a dot, a slash or the end. (A hidden file looks like `.` here, and
/// rules out nothing.)
const IS_CANONICAL: u32 = 1;
/// It may have two dots in a row.
const HAS_DOTDOT: u32 = 2;

/// What the name asked for is like.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn scan_asked(index: u32, len: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return HAS_DOTDOT;
    };
    let key = &scratch.filter.asked;
    let (mut bad, mut dots) = (marks(words(key)[0], b'/') & 0x80 ^ 0x80, 0);
    for index in 0..NAME_WORDS {
        if index * WORD >= len as usize {
            break;
        }
        let (here, next) = pair(words(key), index);
        let dot_next = marks(next, b'.');
        bad |= marks(here, b'/') & (marks(next, b'/') | dot_next | marks(next, 0));
        dots |= marks(here, b'.') & dot_next;
    }
    (if bad == 0 { IS_CANONICAL } else { 0 }) | (if dots == 0 { 0 } else { HAS_DOTDOT })
}

/// Whether both areas hold the same.
#[inline(always)]
fn is_same(scratch: &Scratch) -> bool {
    let (kernel, asked) = (words(&scratch.filter.kernel), words(&scratch.filter.asked));
    let mut differs = 0;
    for index in 0..NAME_WORDS {
        differs |= kernel[index] ^ asked[index];
    }
    differs == 0
}

/// Adds what the plan leaves for one name. A function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find_name(index: u32, plan_index: u32, which: u32, head: u32, len: u32) -> u32 {
    let (Some(scratch), Some(plan)) = (maps::scratch(index), PLANS.get(plan_index)) else {
        return 0;
    };
    let which = Area::of(which);
    let head = head.to_ne_bytes();
    let role = head[1] & (role::COUNT as u8 - 1);
    for (word, name) in scratch.filter.name.iter_mut().enumerate() {
        name.set(plan.paths_any[role as usize][word]);
    }
    let tail = tail(area(scratch, which), len);
    scratch.filter.values[source::TAIL as usize] = i64::from(tail);
    let key = area(scratch, which);
    key.head = head;
    key.bits = 32 + 8 * len;
    let (prefix, exact) = ((&raw const *key).cast(), (&raw const key.head).cast());
    // SAFETY: both keys lie within the area, in the layout of their tables.
    unsafe {
        add(
            scratch,
            (&raw const PLAN_PREFIXES).cast_mut().cast(),
            prefix,
        );
        add(scratch, (&raw const PLAN_PATHS).cast_mut().cast(), exact);
    }
    if plan.flags & (PLAN_BASE << role) != 0 {
        find_base(index, which as u32, u32::from_ne_bytes(head), len);
    }
    if role == role::FIRST {
        filter::test_name(index, plan_index);
    }
    let Filtering { name, found, .. } = &mut scratch.filter;
    for (name, found) in name.iter().zip(found) {
        found.set(found.get() | name.get());
    }
    0
}

/// The last four bytes of a name; 0 where it has fewer.
#[inline(always)]
fn tail(key: &NameKey, len: u32) -> u32 {
    let mut tail = 0;
    if len as usize >= GRAM {
        let from = black_box(len as usize - GRAM) & ROOM;
        for byte in (from..from + GRAM).rev() {
            tail = tail << 8 | u32::from(bytes_and_pad(key)[byte & ROOM]);
        }
    }
    tail
}

#[inline(always)]
fn bytes_and_pad(key: &NameKey) -> &[u8; ROOM + 1] {
    // SAFETY: the bytes and the padding behind them.
    unsafe { &*(&raw const key.bytes).cast() }
}

/// Adds what the tables hold for the last component. A function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find_base(index: u32, which: u32, head: u32, len: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let which = Area::of(which);
    let Some(slash) = last_slash(scratch, which) else {
        return 0;
    };
    let from = (slash + 1) & (MAX_PLAN_PATH | 3);
    clear(scratch, Area::Base);
    let len = len.wrapping_sub(from as u32);
    let source = area(scratch, which).bytes.as_ptr() as u64 + from as u64;
    if append(scratch, Area::Base, 0, source, len) == Name::Unknown {
        return 0;
    }
    let key = area(scratch, Area::Base);
    key.head = head.to_ne_bytes();
    key.head[3] = path_kind::BASE;
    let key = (&raw const key.head).cast();
    // SAFETY: the key lies within the area, in the layout of the table.
    unsafe { add(scratch, (&raw const PLAN_PATHS).cast_mut().cast(), key) };
    0
}

/// Adds an entry of a table to what was found.
///
/// # Safety
/// `key` must be one of `map`, whose values are vectors.
#[inline(always)]
unsafe fn add(scratch: &mut Scratch, map: *mut c_void, key: *const c_void) {
    // SAFETY: the caller's guarantee.
    let value = unsafe { bpf_map_lookup_elem(map, key) }.cast::<Vector>();
    // SAFETY: a live value of the table, or null.
    if let Some(value) = unsafe { value.as_ref() } {
        for (name, value) in scratch.filter.name.iter_mut().zip(value) {
            name.set(name.get() | value);
        }
    }
}

/// Bytes of a word that equal `byte`, marked by their highest bit.
#[inline(always)]
fn marks(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (ONES * u64::from(byte));
    !(((zeroed & !HIGHS) + !HIGHS) | zeroed | !HIGHS)
}

/// Position of the last slash of a name.
#[inline(always)]
fn last_slash(scratch: &mut Scratch, which: Area) -> Option<usize> {
    // In memory: see `Cell`.
    scratch.walk.at.set(0);
    scratch.walk.total.set(0);
    for index in 0..NAME_WORDS {
        let slashes = marks(words(area(scratch, which))[index], b'/');
        if slashes != 0 {
            scratch.walk.at.set((index * WORD) as u64);
            scratch.walk.total.set(slashes);
        }
    }
    let found = scratch.walk.total.get();
    if found == 0 {
        return None;
    }
    let byte = (u64::BITS - 1 - found.leading_zeros()) as usize / 8;
    Some((scratch.walk.at.get() as usize & ROOM) + byte)
}

/// A word of the name as it is, and moved by a byte: each byte beside its successor.
#[inline(always)]
fn pair(words: &[u64; NAME_WORDS], index: usize) -> (u64, u64) {
    let after = if index + 1 < NAME_WORDS {
        words[index + 1]
    } else {
        0
    };
    (words[index], words[index] >> 8 | after << 56)
}
