//! What is in a name: whether rules would see it as it stands, made so where not, and its signature.

use komainu_common::filter::{GRAM, Gram, MAX_PLAN_PATH, source};

use crate::{
    maps::{self, PATH_AREA, PLANS, Scratch},
    name::{self, Area, NAME_WORDS, Name, ROOM, WORD, area, marks, tail, words},
    path,
};

/// Making the path absolute and removing `.`, `..` and doubled slashes leaves it as it is.
pub(crate) const IS_CANONICAL: u32 = 1;
/// It may have two dots in a row.
pub(crate) const HAS_DOTDOT: u32 = 2;
/// It begins with a slash.
pub(crate) const IS_ABSOLUTE: u32 = 4;

/// What the name asked for is like. A function that the verifier checks once, as are the others here.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn scan_asked(index: u32, len: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return HAS_DOTDOT;
    };
    let words = words(&scratch.filter.asked);
    let is_absolute = marks(words[0], b'/') & 0x80 != 0;
    let (mut bad, mut dots) = (0, 0);
    for index in 0..NAME_WORDS {
        if index * WORD >= len as usize {
            break;
        }
        let [here, one, two, three] = [0, 1, 2, 3].map(|bytes| later(words, index, bytes));
        // The name is empty, or one dot, or two.
        let empty = ends(one);
        let dot = marks(one, b'.') & (ends(two) | marks(two, b'.') & ends(three));
        bad |= marks(here, b'/') & (empty | dot);
        dots |= marks(here, b'.') & marks(one, b'.');
    }
    let facts = [
        (bad == 0 && is_absolute, IS_CANONICAL),
        (dots != 0, HAS_DOTDOT),
        (is_absolute, IS_ABSOLUTE),
    ];
    facts.iter().fold(
        0,
        |all, (holds, fact)| if *holds { all | fact } else { all },
    )
}

/// Bytes of a word behind which a component ends: a slash, or the padding.
#[inline(always)]
fn ends(word: u64) -> u64 {
    marks(word, b'/') | marks(word, 0)
}

/// A word of the name moved by some bytes: each byte's place has the one so far behind it.
#[inline(always)]
fn later(words: &[u64; NAME_WORDS], index: usize, bytes: u32) -> u64 {
    let after = if index + 1 < NAME_WORDS {
        words[index + 1]
    } else {
        0
    };
    if bytes == 0 {
        return words[index];
    }
    words[index] >> (8 * bytes) | after << (64 - 8 * bytes)
}

/// Where a name ends that is being made canonical. In front of what is kept of the kernel's path, which may
/// still be wanted: names are shorter than this.
const END: usize = 1024;

const _: () = assert!(MAX_PLAN_PATH + 1 < END && END < PATH_AREA - MAX_PLAN_PATH);

/// Puts the name asked for into the kernel's area as rules see it: without `.`, `..` and empty components, which
/// are resolved as text, `komainu::event::path::join`. Its length; 0 where it has none.
///
/// From the back: a component that as many `..` come after, counted and not yet used, is gone.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn normalise(index: u32, len: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    scratch.walk.total.set(u64::from(len));
    scratch.walk.at.set(0);
    scratch.walk.position.set(END as u64);
    for at in (0..MAX_PLAN_PATH as u32).rev() {
        // Behind the name there are zeros.
        if scratch.filter.asked.byte(at as usize) == b'/' {
            keep_component(index, at);
        }
    }
    let mut start = scratch.walk.position.get() as usize & (PATH_AREA - 1);
    if start == END {
        start = END - 1;
        scratch.path[start] = b'/';
    }
    name::clear(scratch, Area::Kernel);
    let address = scratch.path.as_ptr() as u64 + start as u64;
    let kept = END.wrapping_sub(start) as u32;
    match name::append(scratch, Area::Kernel, 0, address, kept) {
        Name::Known(len) => len,
        Name::None | Name::Unknown | Name::Same => 0,
    }
}

/// Puts the component behind the slash at `slash` in front of what is kept, if it is one.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn keep_component(index: u32, slash: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let from = (slash as usize + 1) & ROOM;
    let len = (scratch.walk.total.get() as usize).wrapping_sub(from);
    scratch.walk.total.set(u64::from(slash));
    let key = &scratch.filter.asked;
    let (first, second) = (key.byte(from), key.byte(from + 1));
    if len == 0 || len == 1 && first == b'.' {
        return 0;
    }
    let above = scratch.walk.at.get();
    if len == 2 && first == b'.' && second == b'.' {
        scratch.walk.at.set(above + 1);
    } else if above != 0 {
        scratch.walk.at.set(above - 1);
    } else {
        let name = scratch.filter.asked.address() + from as u64;
        path::prepend(scratch, name, len, true);
    }
    0
}

/// Puts the signature of a name among the values, [`komainu_common::filter::Grams::signature`].
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn sign(index: u32, plan: u32, which: u32, len: u32) -> u32 {
    let (Some(scratch), Some(plan)) = (maps::scratch(index), PLANS.get(plan)) else {
        return 0;
    };
    let which = Area::of(which);
    scratch.walk.signature.set(0);
    for index in 0..NAME_WORDS {
        if index * WORD >= len as usize {
            break;
        }
        for byte in 0..WORD as u32 {
            let gram = later(words(area(scratch, which)), index, byte) as u32;
            add(scratch, &plan.grams, Gram::inside(gram));
        }
    }
    let tail = tail(area(scratch, which), len);
    for count in 2..=GRAM as u32 {
        add(scratch, &plan.grams, Gram::ending(tail, count));
    }
    let signature = if (len as usize) < GRAM {
        u64::MAX >> 1
    } else {
        scratch.walk.signature.get()
    };
    scratch.filter.values[source::SIGNATURE as usize] = signature as i64;
    0
}

/// Adds the bits of a gram to the signature, if rules ask for it.
#[inline(always)]
fn add(scratch: &mut Scratch, grams: &[u64], gram: Gram) {
    let (word, bit) = gram.place();
    if grams[word] & bit != 0 {
        let signature = &mut scratch.walk.signature;
        signature.set(signature.get() | gram.bits());
    }
}
