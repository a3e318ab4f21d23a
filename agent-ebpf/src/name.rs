//! The two names of a file, as keys of the filter's path tables.
//!
//! A name of at most [`MAX_PLAN_PATH`] bytes is copied into a zero-padded area, in which it is
//! compared and searched eight bytes at a time. A name that is longer or unknown rules out nothing.

use core::{ffi::c_void, hint::black_box};

use komainu_common::filter::{GRAM, MAX_PLAN_PATH};

use crate::{maps::Scratch, read};

/// A name as the tables are asked for it. As a key of the hash table it begins at `slot`, as one of
/// the trie at `bits`; `kind` 0 is the trie's unused byte.
#[repr(C, align(8))]
pub(crate) struct NameKey {
    bits: u32,
    /// Slot, role, class, kind.
    head: [u8; 4],
    bytes: [u8; MAX_PLAN_PATH],
    /// Zero: the name can be looked at in whole words, and at any index under [`ROOM`].
    pad: [u8; ROOM + 1 - MAX_PLAN_PATH],
}

impl NameKey {
    /// Makes it a key; `number` is how many bits of it count, or the generation of a plan.
    #[inline(always)]
    pub(crate) fn set_head(&mut self, number: u32, head: [u8; 4]) {
        self.bits = number;
        self.head = head;
    }

    /// The key with the number in front.
    #[inline(always)]
    pub(crate) fn numbered(&self) -> *const c_void {
        (&raw const *self).cast()
    }

    /// The key without it.
    #[inline(always)]
    pub(crate) fn plain(&self) -> *const c_void {
        (&raw const self.head).cast()
    }

    /// A byte of the name or of the padding behind it.
    #[inline(always)]
    pub(crate) fn byte(&self, at: usize) -> u8 {
        // SAFETY: the bytes and the padding behind them.
        let bytes: &[u8; ROOM + 1] = unsafe { &*(&raw const self.bytes).cast() };
        bytes[at & ROOM]
    }

    /// Where the name begins.
    #[inline(always)]
    pub(crate) fn address(&self) -> u64 {
        self.bytes.as_ptr() as u64
    }
}

/// Words that a name fills.
pub(crate) const NAME_WORDS: usize = (MAX_PLAN_PATH + 4) / 8;
/// Bytes of one.
pub(crate) const WORD: usize = 8;
/// Mask of a length that changes none up to [`MAX_PLAN_PATH`].
pub(crate) const ROOM: usize = (MAX_PLAN_PATH + 1).next_power_of_two() - 1;
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
    pub(crate) fn of(number: u32) -> Self {
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
    /// It is the other name, byte by byte.
    Same,
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
            Self::Same => u64::MAX - 2,
            Self::Known(len) => u64::from(len),
        }
    }

    /// Out of such a number.
    #[inline(always)]
    pub(crate) fn decode(number: u64) -> Self {
        match number {
            u64::MAX => Self::None,
            n if n == u64::MAX - 2 => Self::Same,
            len if len <= MAX_PLAN_PATH as u64 => Self::Known(len as u32),
            _ => Self::Unknown,
        }
    }
}

/// An area.
#[inline(always)]
pub(crate) fn area(scratch: &mut Scratch, area: Area) -> &mut NameKey {
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

/// The words of a name.
#[inline(always)]
pub(crate) fn words(key: &NameKey) -> &[u64; NAME_WORDS] {
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

/// Puts the string at `user` of the process's memory into an area.
#[inline(always)]
pub(crate) fn read_user(scratch: &mut Scratch, which: Area, user: u64) -> Name {
    // Room for the NUL, and for one byte more to see that there is more.
    const CAP: usize = MAX_PLAN_PATH + 2;
    clear(scratch, which);
    let target = area(scratch, which).bytes.as_mut_ptr();
    // SAFETY: the bytes and the padding behind them.
    let with_nul = unsafe { read::user_str(target, CAP as u32, user) };
    if with_nul > 1 && with_nul < CAP as i64 {
        Name::Known(with_nul as u32 - 1)
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

/// The last four bytes of a name; 0 where it has fewer.
#[inline(always)]
pub(crate) fn tail(key: &NameKey, len: u32) -> u32 {
    let mut tail = 0;
    if len as usize >= GRAM {
        let from = black_box(len as usize - GRAM) & ROOM;
        for byte in (from..from + GRAM).rev() {
            tail = tail << 8 | u32::from(key.byte(byte));
        }
    }
    tail
}

/// Bytes of a word that equal `byte`, marked by their highest bit.
#[inline(always)]
pub(crate) fn marks(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (ONES * u64::from(byte));
    !(((zeroed & !HIGHS) + !HIGHS) | zeroed | !HIGHS)
}
