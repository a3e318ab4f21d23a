//! Whether a file's path is the one that was asked for: both are compared component by component, from the
//! back, without building the kernel's. So it is for most files, and comparing reads each dentry once.

use komainu_common::limits::MAX_PATH_COMPONENTS;

use crate::{
    maps::{self, Scratch, offset},
    name::{NAME_WORDS, ROOM, WORD, words},
    path::{self, Step},
    read,
};

/// Words of a name that are compared; a file with a longer one has its path built.
const SHORT_WORDS: usize = 4;

/// Members of `struct dentry` as they stand: parent, name (`struct qstr`), inode, and the bytes of a name that is
/// short enough to be kept here. Where a kernel has them elsewhere, `name` does not point here.
#[repr(C)]
#[derive(Clone, Copy)]
struct Dentry {
    parent: u64,
    hash: u32,
    len: u32,
    name: u64,
    inode: u64,
    short: [u64; SHORT_WORDS],
}

/// Whether the path that the `struct path` at `address` stands for is the `len` bytes in the area of the
/// name asked for. `false` also where that is not easy to tell.
#[inline(always)]
pub(crate) fn is_asked(scratch: &Scratch, address: u64, len: u32) -> bool {
    compare_paths(scratch.index, address, len) != 0
}

/// [`is_asked`], as a function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn compare_paths(index: u32, address: u64, len: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let Some((dentry, mnt)) = path::parts(address) else {
        return 0;
    };
    path::begin(scratch, dentry, mnt);
    scratch.walk.position.set(u64::from(len));
    let mut end = Step::On as u32;
    for _ in 0..MAX_PATH_COMPONENTS {
        end = compare_step(index);
        if end != Step::On as u32 {
            break;
        }
    }
    let left = scratch.walk.position.get();
    // The root directory is its slash.
    let is_all = left == 0 || left == 1 && len == 1;
    u32::from(end == Step::Root as u32 && is_all)
}

/// One component or mount; anything but [`Step::On`] and [`Step::Root`] where they differ. A function that the
/// verifier checks once and not at every turn of the loop.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn compare_step(index: u32) -> u32 {
    maps::scratch(index).map_or(Step::Stuck, step) as u32
}

#[inline(always)]
fn step(scratch: &mut Scratch) -> Step {
    let at = scratch.walk.at.get();
    if at == scratch.walk.root.get() {
        return path::leave_mount(scratch);
    }
    let Some(dentry) = read::kernel::<Dentry>(at, offset!(dentry_parent)) else {
        return Step::Stuck;
    };
    let short =
        at + u64::from(offset!(dentry_parent)) + core::mem::offset_of!(Dentry, short) as u64;
    let (len, position) = (dentry.len as usize, scratch.walk.position.get() as usize);
    let fits = len <= SHORT_WORDS * WORD && len < position && position <= ROOM;
    if dentry.name != short || dentry.parent == at || !fits {
        return Step::Stuck;
    }
    let start = position - len;
    let asked = &scratch.filter.asked;
    if asked.byte(start.wrapping_sub(1)) != b'/' {
        return Step::Stuck;
    }
    let mut differs = 0;
    for (index, word) in dentry.short.iter().enumerate() {
        let of_word = len.saturating_sub(index * WORD);
        if of_word != 0 {
            let other = word_at(words(asked), start + index * WORD);
            differs |= (word ^ other) & first_bytes(of_word);
        }
    }
    if differs != 0 {
        return Step::Stuck;
    }
    scratch.walk.position.set(start as u64 - 1);
    scratch.walk.at.set(dentry.parent);
    Step::On
}

/// The eight bytes from `at` on.
#[inline(always)]
fn word_at(words: &[u64; NAME_WORDS], at: usize) -> u64 {
    let (index, shift) = (at / WORD, 8 * (at % WORD) as u32);
    let word = |index: usize| words.get(index).copied().unwrap_or(0);
    word(index) >> shift | (word(index + 1) << 1) << (63 - shift)
}

/// Mask of so many bytes of a word, at least one; all of it from eight on.
#[inline(always)]
fn first_bytes(count: usize) -> u64 {
    if count >= WORD {
        u64::MAX
    } else {
        u64::MAX >> (64 - 8 * count as u32)
    }
}
