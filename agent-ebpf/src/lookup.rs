//! Asking the filter's path tables, and the memory of earlier answers, for the two names of a file.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_map_lookup_elem;
use komainu_common::filter::{PLAN_BASE, Vector, path_kind, role, source};

use crate::{
    inside::{self, HAS_DOTDOT, IS_ABSOLUTE, IS_CANONICAL},
    maps::{self, Filtering, PLAN_PATHS, PLAN_PREFIXES, PLANS, Scratch},
    memo::{self, recall, remember},
    name::{self, Area, NAME_WORDS, Name, ROOM, WORD, area, marks, words},
    number,
};

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
    let Some(scratch) = maps::scratch(index) else {
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
    let is_same = kernel == Name::Same || kernel == asked && is_same(scratch);
    if is_same && recall(scratch, Area::Asked, asked_len, head | memo::ASKED) {
        return 1;
    }
    let facts = inside::scan_asked(index, asked_len);
    let has_dotdot = facts & HAS_DOTDOT != 0;
    scratch.filter.values[source::DOTDOT as usize] = i64::from(has_dotdot);
    if is_same {
        find_name(index, plan, Area::Asked as u32, head, asked_len);
        remember(scratch, Area::Asked, asked_len, head | memo::ASKED);
        return 1;
    }
    if let Name::Known(len) = kernel {
        let kind = head | memo::kernel(has_dotdot);
        if !recall(scratch, Area::Kernel, len, kind) {
            find_name(index, plan, Area::Kernel as u32, head, len);
            remember(scratch, Area::Kernel, len, kind);
        }
    }
    if recall(scratch, Area::Asked, asked_len, head | memo::ASKED) {
        return 1;
    }
    let (mut which, mut len) = (Area::Asked, asked_len);
    if facts & IS_CANONICAL == 0 {
        // Both names of the kernel's are done with: its area takes the other as rules see it.
        len = inside::normalise(index, asked_len);
        which = Area::Kernel;
        if facts & IS_ABSOLUTE == 0 || len == 0 {
            return 0;
        }
    }
    find_name(index, plan, which as u32, head, len);
    remember(scratch, Area::Asked, asked_len, head | memo::ASKED);
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
    let key = area(scratch, which);
    key.set_head(32 + 8 * len, head);
    let (prefix, exact) = (key.numbered(), key.plain());
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
        if plan.sources & (1 << source::SIGNATURE) != 0 {
            inside::sign(index, plan_index, which as u32, len);
        }
        number::test_name(index, plan_index);
    }
    let Filtering { name, found, .. } = &mut scratch.filter;
    for (name, found) in name.iter().zip(found) {
        found.set(found.get() | name.get());
    }
    0
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
    let from = (slash + 1) & ROOM;
    name::clear(scratch, Area::Base);
    let len = len.wrapping_sub(from as u32);
    let source = area(scratch, which).address() + from as u64;
    if name::append(scratch, Area::Base, 0, source, len) == Name::Unknown {
        return 0;
    }
    let key = area(scratch, Area::Base);
    let [slot, role, class, _] = head.to_ne_bytes();
    key.set_head(0, [slot, role, class, path_kind::BASE]);
    let key = key.plain();
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
