//! arm64.

use crate::{
    maps::{offset, setting},
    read::{Address as _, Typed},
};

/// `struct user_pt_regs` is ABI (`arch/arm64/include/uapi/asm/ptrace.h`) and the beginning of `pt_regs`: 31 registers,
/// the stack pointer, the program counter, the processor's state. What the kernel adds is found by BTF.
const REGISTER: u32 = 8;
const PSTATE: u32 = 264;
/// `PSR_MODE32_BIT`: a program of 32 bits. The thread flag `TIF_32BIT` says the same, but has been renumbered.
const PSR_MODE32: u64 = 0x10;

/// KiB per page: 4, 16 or 64, as the kernel was built.
#[inline(always)]
pub(crate) fn page_kib() -> u64 {
    setting!(page_kib).into()
}

/// The number that the kernel took from `w8`, of 32-bit programs from `r7`, and kept. `None` where the task is in no
/// system call.
#[inline(always)]
pub(super) fn raw_number(regs: Typed) -> Option<u32> {
    regs.load::<u32>(offset!(regs_syscallno))
        .filter(|&number| number != u32::MAX)
}

/// Number in the table.
#[inline(always)]
pub(super) fn in_table(raw: u32) -> u32 {
    raw
}

/// There is no native call with narrow pointers.
#[inline(always)]
pub(super) fn is_narrow(_raw: u32) -> bool {
    false
}

/// The number, of which the compiler knows nothing. Of what it knows to have 32 bits it tests one copy and uses another, and
/// the verifier does not see that they are the same.
#[inline(always)]
pub(super) fn opaque(number: u64) -> u64 {
    // SAFETY: a valid reference.
    unsafe { (&raw const number).read_volatile() }
}

/// Whether the current system call was made by a 32-bit program.
///
/// A native program that starts a 32-bit one returns from `execve` as that one, all of whose registers are 0; its number
/// would mean another call there. So what succeeds with no arguments is none of these: they are `fcntl64` and `socket`,
/// and `fcntl(0, F_DUPFD, 0)` cannot return 0, nor is there a socket of no family.
#[inline(always)]
pub(crate) fn is_compat(regs: Typed) -> bool {
    let is_narrow = |state: u64| state & PSR_MODE32 != 0;
    regs.load::<u64>(PSTATE).is_some_and(is_narrow) && !is_fresh(regs)
}

/// Whether the registers are those of a program that has not run yet: no link register, no arguments, no result.
#[inline(always)]
fn is_fresh(regs: Typed) -> bool {
    const EXECVE: u32 = komainu_common::arch::native("execve");
    const EXECVEAT: u32 = komainu_common::arch::native("execveat");
    let number = raw_number(regs).unwrap_or(0);
    if number != EXECVE && number != EXECVEAT {
        return false;
    }
    let register = |index: u32| regs.load::<u64>(index * REGISTER).unwrap_or(0);
    register(0) | register(1) | register(2) | register(7) == 0
}

/// Argument `index`, counted from 0, as the register has it. `x0` holds the result by now; what it was the kernel keeps.
#[inline(always)]
pub(super) fn argument(regs: Typed, index: u32, _compat: bool) -> u64 {
    let register = match index {
        0 => offset!(regs_orig_x0),
        index => index * REGISTER,
    };
    regs.load::<u64>(register).unwrap_or(0)
}
