//! Filling structs word by word.
//!
//! For more than a few bytes the compiler calls `memset` or `memcpy`, which are loops over bytes here: slow, and
//! followed by the verifier byte by byte on every path that leads there. Volatile accesses stay what they are.

/// Fills a struct with zeros.
#[inline(always)]
pub(crate) fn zero<T: Words>(out: &mut T) {
    for index in 0..T::COUNT {
        // SAFETY: the struct is this many words.
        unsafe { (&raw mut *out).cast::<u64>().add(index).write_volatile(0) };
    }
}

/// Copies a struct.
#[inline(always)]
pub(crate) fn copy<T: Words>(from: &T, to: &mut T) {
    for index in 0..T::COUNT {
        // SAFETY: both are this many words.
        unsafe {
            let word = (&raw const *from).cast::<u64>().add(index).read_volatile();
            (&raw mut *to).cast::<u64>().add(index).write_volatile(word);
        }
    }
}

/// A struct that is a number of whole, aligned words, of which every content is valid.
///
/// # Safety
/// That must be so: integers and arrays of them, without padding.
pub(crate) unsafe trait Words: Sized {
    /// How many.
    const COUNT: usize = {
        assert!(align_of::<Self>() == 8 && size_of::<Self>().is_multiple_of(8));
        size_of::<Self>() / 8
    };
}

// SAFETY: a struct of the wire, which has no padding.
unsafe impl Words for komainu_common::sock::Sock {}
// SAFETY: words.
unsafe impl Words for komainu_common::filter::Vector {}
