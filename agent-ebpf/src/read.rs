//! Probe reads: the only place that turns an address into a value.
//!
//! Addresses are `u64`: they are kernel or user addresses of unknown validity, never Rust pointers
//! to dereference.

use core::mem::{MaybeUninit, transmute};

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use komainu_common::settings::{CAST, CAST_WORDS};

use crate::maps::setting;

/// Where in the kernel's memory something is, and how it is read.
pub(crate) trait Address: Copy {
    /// No address.
    const NULL: Self;
    /// The address.
    fn raw(self) -> u64;
    /// Reads a number at `offset`; `None` for a null address or, where the kernel tells, a fault.
    fn load<T: Number>(self, offset: u32) -> Option<T>;
    /// Follows a pointer to a kernel struct at `offset`; `None` for null.
    fn follow(self, offset: u32) -> Option<Self>;
    /// Follows a pointer of an address that is not null, without looking at what comes out: no branch,
    /// of which the verifier would follow both sides.
    fn hop(self, offset: u32) -> Self;
}

/// An address that came out of memory as a plain number: read through a [cast](Words) or the helper.
impl Address for u64 {
    const NULL: Self = 0;

    #[inline(always)]
    fn raw(self) -> u64 {
        self
    }

    #[inline(always)]
    fn load<T: Number>(self, offset: u32) -> Option<T> {
        kernel(self, offset)
    }

    #[inline(always)]
    fn follow(self, offset: u32) -> Option<Self> {
        pointer(self, offset)
    }

    #[inline(always)]
    fn hop(self, offset: u32) -> Self {
        kernel(self, offset).unwrap_or(0)
    }
}

/// An address whose kernel type the verifier knows, because the kernel handed it to the program: read
/// by a load instruction, which costs a tenth of a helper call. A fault reads as 0.
///
/// Where the kernel does not offer this, or [something better](Words), [`Settings::typed`](komainu_common::Settings)
/// is 0, and it is read as any other address.
#[derive(Clone, Copy)]
pub(crate) struct Typed(u64);

impl Typed {
    /// # Safety
    /// `address` must come from a helper that returns a typed pointer, or `Settings::typed` be 0.
    #[inline(always)]
    pub(crate) unsafe fn new(address: u64) -> Self {
        Self(address)
    }
}

impl Address for Typed {
    const NULL: Self = Self(0);

    #[inline(always)]
    fn raw(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn load<T: Number>(self, offset: u32) -> Option<T> {
        if setting!(typed) == 0 {
            return kernel(self.0, offset);
        }
        if self.0 == 0 {
            return None;
        }
        // SAFETY: the verifier checks offset and size against the kernel's type of the pointer, and the
        // kernel turns a fault into 0. Volatile: it is not Rust's memory.
        Some(unsafe { ((self.0 + u64::from(offset)) as *const T).read_volatile() })
    }

    #[inline(always)]
    fn follow(self, offset: u32) -> Option<Self> {
        self.load::<u64>(offset)
            .filter(|&address| address != 0)
            .map(Self)
    }

    #[inline(always)]
    fn hop(self, offset: u32) -> Self {
        if setting!(typed) == 0 {
            return Self(kernel(self.0, offset).unwrap_or(0));
        }
        // SAFETY: as in `load`.
        Self(unsafe { ((self.0 + u64::from(offset)) as *const u64).read_volatile() })
    }
}

/// What one load instruction reads.
pub(crate) trait Number: Copy {}
impl Number for u8 {}
impl Number for u16 {}
impl Number for u32 {}
impl Number for u64 {}

/// Kernel memory as a struct of words, whatever it is: `bpf_rdonly_cast` makes a pointer out of any number, of
/// which the verifier lets loads through within that struct. They cost a tenth of a helper call, and of the
/// verifier nothing: it searches no types, as it does where [typed](Typed) pointers are followed. The kernel turns a
/// fault into 0.
#[derive(Clone, Copy)]
struct Words(*const u64);

impl Words {
    /// Whether a `T` is read so: in one load, or word by word.
    const fn fit<T>() -> bool {
        let size = size_of::<T>();
        matches!(size, 1 | 2 | 4) || size.is_multiple_of(8) && size <= 8 * CAST_WORDS
    }

    #[inline(always)]
    fn at(address: u64, of: u32) -> Self {
        // SAFETY: the loader puts the kernel's function here, or the setting is 0 and the verifier drops the branch.
        let cast =
            unsafe { transmute::<usize, unsafe extern "C" fn(u64, u32) -> u64>(CAST as usize) };
        // SAFETY: it takes any number.
        Self(unsafe { cast(address, of) } as *const u64)
    }

    /// Reads a `T` that [fits](Self::fit) and is made of integers.
    #[inline(always)]
    fn load<T: Copy>(self) -> T {
        #[repr(C, align(8))]
        struct Aligned<T>(MaybeUninit<T>);

        let mut value = Aligned(MaybeUninit::<T>::uninit());
        let (from, to) = (self.0, (&raw mut value).cast::<u64>());
        // SAFETY: within `value`, whose size this is; within the struct of words, as the verifier checks. Volatile:
        // it is not Rust's memory. Every byte is written, and any bytes are integers.
        unsafe {
            match size_of::<T>() {
                1 => to.cast::<u8>().write(from.cast::<u8>().read_volatile()),
                2 => to.cast::<u16>().write(from.cast::<u16>().read_volatile()),
                4 => to.cast::<u32>().write(from.cast::<u32>().read_volatile()),
                size => {
                    for word in 0..size / 8 {
                        to.add(word).write(from.add(word).read_volatile());
                    }
                }
            }
            value.0.assume_init()
        }
    }
}

/// Reads a `T`, of integers, at `base + offset` in kernel memory. `None` for a null base and, where the helper reads,
/// for a fault, which else reads as zeros.
#[inline(always)]
pub(crate) fn kernel<T: Copy>(base: u64, offset: u32) -> Option<T> {
    if base == 0 {
        return None;
    }
    if setting!(words) != 0 && const { Words::fit::<T>() } {
        let words = Words::at(base + u64::from(offset), setting!(words));
        return Some(words.load());
    }
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes size_of::<T>() bytes to our own stack and checks the source
    // address itself; callers ask only for integers and arrays of them.
    unsafe {
        let result = bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            (base + u64::from(offset)) as *const _,
        );
        (result == 0).then(|| value.assume_init())
    }
}

/// Reads 16 bytes, zeros where they cannot be read. As words: of bytes the compiler would make a call to a
/// loop, which the verifier follows byte by byte.
#[inline(always)]
pub(crate) fn kernel_16(base: u64, offset: u32) -> [u8; 16] {
    let words = kernel::<[u64; 2]>(base, offset).unwrap_or([0; 2]);
    // SAFETY: arrays of integers of the same size.
    unsafe { transmute::<[u64; 2], [u8; 16]>(words) }
}

/// Reads a pointer; `None` for null too.
#[inline(always)]
pub(crate) fn pointer(base: u64, offset: u32) -> Option<u64> {
    kernel::<u64>(base, offset).filter(|&address| address != 0)
}

/// Reads a `T` at `address` in the memory of the current process.
#[inline(always)]
pub(crate) fn user<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as in `kernel`.
    unsafe {
        let result = bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        (result == 0).then(|| value.assume_init())
    }
}

/// Reads a number at `address` in the memory of the current process; 0 where it cannot be read. Without a branch, in
/// one side of which the compiler may leave the number undefined, which the verifier does not let be moved.
#[inline(always)]
pub(crate) fn user_or_zero<T: Number>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: as in `kernel`. Where it fails, the helper writes zeros.
    unsafe {
        bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        value.assume_init()
    }
}

/// Copies `len` bytes of kernel memory to `target`; the caller guarantees the room.
///
/// # Safety
/// `target` must be valid for `len` bytes of writes.
#[inline(always)]
pub(crate) unsafe fn kernel_bytes(target: *mut u8, len: u32, address: u64) -> bool {
    // SAFETY: the caller's guarantee.
    unsafe { bpf_probe_read_kernel(target.cast(), len, address as *const _) == 0 }
}

/// Copies `len` bytes of user memory to `target`; the caller guarantees the room.
///
/// # Safety
/// `target` must be valid for `len` bytes of writes.
#[inline(always)]
pub(crate) unsafe fn user_bytes(target: *mut u8, len: u32, address: u64) -> bool {
    // SAFETY: the caller's guarantee.
    unsafe { bpf_probe_read_user(target.cast(), len, address as *const _) == 0 }
}

/// Copies a NUL-terminated user string of at most `cap` bytes, NUL included. The length with NUL,
/// or a negative error.
///
/// # Safety
/// `target` must be valid for `cap` bytes of writes.
#[inline(always)]
pub(crate) unsafe fn user_str(target: *mut u8, cap: u32, address: u64) -> i64 {
    // SAFETY: the caller's guarantee.
    unsafe { bpf_probe_read_user_str(target.cast(), cap, address as *const _) }
}

/// [`user_str`] for kernel memory.
///
/// # Safety
/// `target` must be valid for `cap` bytes of writes.
#[inline(always)]
pub(crate) unsafe fn kernel_str(target: *mut u8, cap: u32, address: u64) -> i64 {
    // SAFETY: the caller's guarantee.
    unsafe { bpf_probe_read_kernel_str(target.cast(), cap, address as *const _) }
}
