//! What plans leave for names, remembered by the names.
//!
//! What a plan leaves for a path depends on the path's bytes alone, and on whether the string as passed has
//! two dots in a row, which is the path's own where both names are the same. So it can be kept by these
//! bytes and needs no invalidation: nothing that happens to a file changes what its name means to the
//! rules. The generation is part of the key: the next plan finds nothing of this one.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_map_lookup_elem, bpf_map_update_elem};
use komainu_common::filter::{SHORT_NAME, Vector};

use crate::{
    maps::{MEMO, MEMO_SHORT, Scratch},
    name::{Area, area},
};

/// What a name is in a key: the one asked for, which may not be canonical.
pub(crate) const ASKED: u32 = 0;

/// The kernel's, by whether the one asked for has two dots in a row.
#[inline(always)]
pub(crate) fn kernel(has_dotdot: bool) -> u32 {
    (1 + u32::from(has_dotdot)) << 24
}

/// The map for names of this length, and the key that begins such a name's area.
#[inline(always)]
fn entry(scratch: &mut Scratch, which: Area, len: u32, head: u32) -> (*mut c_void, *const c_void) {
    let generation = scratch.filter.generation;
    let key = area(scratch, which);
    key.set_head(generation, head.to_ne_bytes());
    let map: *mut c_void = if len as usize <= SHORT_NAME {
        (&raw const MEMO_SHORT).cast_mut().cast()
    } else {
        (&raw const MEMO).cast_mut().cast()
    };
    (map, key.numbered())
}

/// Adds what is remembered of a name to what was found; `false` if nothing is. `head` is that of the
/// tables, with what the name is in its highest byte.
#[inline(always)]
pub(crate) fn recall(scratch: &mut Scratch, which: Area, len: u32, head: u32) -> bool {
    let (map, key) = entry(scratch, which, len, head);
    // SAFETY: the key is of the map's layout.
    let value = unsafe { bpf_map_lookup_elem(map, key) };
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
pub(crate) fn remember(scratch: &mut Scratch, which: Area, len: u32, head: u32) {
    // SAFETY: no preconditions.
    if unsafe { bpf_get_prandom_u32() } & 3 != 0 {
        return;
    }
    let (map, key) = entry(scratch, which, len, head);
    let value = (&raw const scratch.filter.name).cast();
    // SAFETY: key and value are of the map's layout. A full map drops another name.
    unsafe { bpf_map_update_elem(map, key, value, 0) };
}
