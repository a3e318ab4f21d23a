//! x86-64.

use komainu_common::{arch::x86_64::X32_BIT, offsets::ABSENT};

use crate::{
    maps::offset,
    read::{Address as _, Typed},
    task,
};

/// The layout of `pt_regs` is ABI (`ptrace(2)`, `arch/x86/include/uapi/asm/ptrace.h`), so its offsets are constants.
const R10: u32 = 56;
const R9: u32 = 64;
const R8: u32 = 72;
const BP: u32 = 32;
const BX: u32 = 40;
const CX: u32 = 88;
const DX: u32 = 96;
const SI: u32 = 104;
const DI: u32 = 112;
const ORIG_AX: u32 = 120;

/// `TS_COMPAT` in `thread_info.status`: the call came through a 32-bit entry.
const TS_COMPAT: u32 = 2;

/// KiB per page.
#[inline(always)]
pub(crate) fn page_kib() -> u64 {
    4
}

/// The low half of `orig_ax`, which is all the kernel looks at: a program may set the upper half to
/// anything. `None` where the task is in no system call.
#[inline(always)]
pub(super) fn raw_number(regs: Typed) -> Option<u32> {
    regs.load::<u32>(ORIG_AX)
        .filter(|&number| number != u32::MAX)
}

/// Number in the table, without the x32 bit.
#[inline(always)]
pub(super) fn in_table(raw: u32) -> u32 {
    raw & !X32_BIT
}

/// Whether pointers in the program's memory are 32 bits wide though the call is native: x32.
#[inline(always)]
pub(super) fn is_narrow(raw: u32) -> bool {
    raw & X32_BIT != 0
}

/// The number, as the compiler sees it.
#[inline(always)]
pub(super) fn opaque(number: u64) -> u64 {
    number
}

/// Whether the current system call came through a 32-bit entry (`int 0x80`, 32-bit `syscall`).
#[inline(always)]
pub(crate) fn is_compat(_regs: Typed) -> bool {
    if offset!(task_thread_status) == ABSENT {
        return false;
    }
    task::current()
        .load::<u32>(offset!(task_thread_status))
        .is_some_and(|status| status & TS_COMPAT != 0)
}

/// Argument `index`, counted from 0, as the register has it.
#[inline(always)]
pub(super) fn argument(regs: Typed, index: u32, compat: bool) -> u64 {
    let native = match index {
        0 => DI,
        1 => SI,
        2 => DX,
        3 => R10,
        4 => R8,
        _ => R9,
    };
    let narrow = match index {
        0 => BX,
        1 => CX,
        2 => DX,
        3 => SI,
        4 => DI,
        _ => BP,
    };
    let register = if compat { narrow } else { native };
    regs.load::<u64>(register).unwrap_or(0)
}
