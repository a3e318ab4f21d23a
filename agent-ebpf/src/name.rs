//! The two names of a file, as keys of the filter's path tables.
//!
//! A name of at most [`MAX_PLAN_PATH`] bytes is copied into a zero-padded area, in which it is
//! compared and searched eight bytes at a time. A name that is longer, not canonical or unknown rules
//! out nothing.

use core::{ffi::c_void, hint::black_box};

use aya_ebpf::helpers::generated::bpf_map_lookup_elem;
use komainu_common::filter::{MAX_PLAN_PATH, Vector, WORDS, path_kind};

use crate::{
    maps::{self, PLAN_PATHS, PLAN_PREFIXES, Scratch},
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
pub(crate) enum Area {
    /// The kernel's.
    Kernel,
    /// What the program asked for.
    Asked,
    /// The last component of either.
    Base,
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
    if unsafe { read::kernel_bytes(target.add(at as usize), len as u32, address) } {
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

/// Collects what the tables hold for the two names in `found`; `false` if they rule out nothing. `head`
/// is how the keys begin: slot, role, class.
#[inline(always)]
pub(crate) fn lookup(scratch: &mut Scratch, head: [u8; 4], has_base: bool) -> bool {
    look_up_names(scratch.index, u32::from_ne_bytes(head), u32::from(has_base)) != 0
}

/// [`lookup`], as a function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn look_up_names(index: u32, head: u32, has_base: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let (head, has_base) = (head.to_ne_bytes(), has_base != 0);
    let kernel = Name::decode(scratch.filter.kernel_len.get());
    let asked = Name::decode(scratch.filter.asked_len.get());
    for word in &mut scratch.filter.found {
        word.set(0);
    }
    match kernel {
        Name::Known(len) => find(scratch, Area::Kernel, head, has_base, len),
        Name::Unknown => return 0,
        Name::None => {}
    }
    let Name::Known(len) = asked else {
        return 0;
    };
    if kernel != asked || !is_same(scratch) {
        if !is_canonical(&scratch.filter.asked, len) {
            return 0;
        }
        find(scratch, Area::Asked, head, has_base, len);
    }
    1
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

/// Adds what the three tables hold for one name.
#[inline(always)]
fn find(scratch: &mut Scratch, which: Area, head: [u8; 4], has_base: bool, len: u32) {
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
    if has_base && let Some(slash) = last_slash(area(scratch, which)) {
        find_base(scratch, which, head, slash + 1, len);
    }
}

/// Adds what the tables hold for the last component, which begins at `from`.
#[inline(always)]
fn find_base(scratch: &mut Scratch, which: Area, head: [u8; 4], from: usize, len: u32) {
    clear(scratch, Area::Base);
    let len = (len as usize).wrapping_sub(from);
    let from = from & (MAX_PLAN_PATH | 3);
    let source = area(scratch, which).bytes.as_ptr() as u64 + from as u64;
    if append(scratch, Area::Base, 0, source, len as u32) == Name::Unknown {
        return;
    }
    let key = area(scratch, Area::Base);
    key.head = head;
    key.head[3] = path_kind::BASE;
    let key = (&raw const key.head).cast();
    // SAFETY: the key lies within the area, in the layout of the table.
    unsafe { add(scratch, (&raw const PLAN_PATHS).cast_mut().cast(), key) };
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
        for word in 0..WORDS {
            let found = &mut scratch.filter.found[word];
            found.set(found.get() | value[word]);
        }
    }
}

/// Bytes of a word that equal `byte`, marked by their highest bit.
#[inline(always)]
fn marks(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (ONES * byte as u64);
    !(((zeroed & !HIGHS) + !HIGHS) | zeroed | !HIGHS)
}

/// Position of the last slash.
#[inline(always)]
fn last_slash(key: &NameKey) -> Option<usize> {
    let (mut at, mut found) = (0, 0);
    for (index, word) in words(key).iter().enumerate() {
        let slashes = marks(*word, b'/');
        if slashes != 0 {
            (at, found) = (index * WORD, slashes);
        }
    }
    (0..WORD)
        .rev()
        .find(|byte| found >> (8 * byte) & 0x80 != 0)
        .map(|byte| at + byte)
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

/// Whether making the path absolute and removing `.`, `..` and doubled slashes leaves it as it is: no
/// slash is followed by a dot, a slash or the end. (A hidden file looks like `.` here, and rules out
/// nothing.)
#[inline(always)]
fn is_canonical(key: &NameKey, len: u32) -> bool {
    let words = words(key);
    let mut bad = marks(words[0], b'/') & 0x80 ^ 0x80;
    for index in 0..NAME_WORDS {
        if index * WORD >= len as usize {
            break;
        }
        let (here, next) = pair(words, index);
        let follows = marks(next, b'/') | marks(next, b'.') | marks(next, 0);
        bad |= marks(here, b'/') & follows;
    }
    bad == 0
}

/// Whether what the program asked for may have two dots in a row.
#[inline(always)]
pub(crate) fn may_have_dotdot(scratch: &Scratch) -> bool {
    let Name::Known(len) = Name::decode(scratch.filter.asked_len.get()) else {
        return true;
    };
    let words = words(&scratch.filter.asked);
    let mut dots = 0;
    for index in 0..NAME_WORDS {
        if index * WORD >= len as usize {
            break;
        }
        let (here, next) = pair(words, index);
        dots |= marks(here, b'.') & marks(next, b'.');
    }
    dots != 0
}
