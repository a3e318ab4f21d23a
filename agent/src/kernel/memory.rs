//! Giving memory back to the kernel.
#![cfg_attr(
    target_env = "gnu",
    expect(
        unsafe_code,
        reason = "a function of the C library that no crate in use wraps"
    )
)]

/// Gives back what the allocator keeps of memory that is not used any more: compiling rules and reading
/// the kernel's types leaves several megabytes, spread over the heap. `malloc_trim(3)`; other C libraries
/// than glibc give back by themselves.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: the signature of glibc's `malloc_trim`, which may be called at any time.
        unsafe extern "C" {
            safe fn malloc_trim(pad: usize) -> core::ffi::c_int;
        }
        malloc_trim(0);
    }
}
