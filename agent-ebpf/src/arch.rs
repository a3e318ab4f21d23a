//! System call numbers and arguments out of `struct pt_regs`.
//!
//! The layout of `pt_regs` is ABI (`ptrace(2)`, `arch/x86/include/uapi/asm/ptrace.h`), so its
//! offsets are constants.

use aya_ebpf::helpers::generated::bpf_task_pt_regs;

use crate::{
    maps::{offset, setting},
    read::{self, Address as _, Typed},
    task,
};
use komainu_common::{
    offsets::ABSENT,
    syscalls::{X32_BIT, x86_64::compat},
};

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

/// The system call being returned from.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    regs: Typed,
    /// Number in the table of its entry.
    pub(crate) number: u32,
    /// Through a 32-bit entry.
    pub(crate) compat: bool,
    /// Pointers in its memory are 32 bits wide: compat and x32.
    narrow: bool,
    /// Where the arguments are, 32 bits each, if they are in memory: `socketcall(2)`.
    array: Option<u64>,
}

/// The registers that the current task entered the kernel with: those that `sys_exit` hands over as a
/// plain number.
#[inline(always)]
pub(crate) fn registers(of_tracepoint: u64) -> Typed {
    let address = if setting!(typed) == 0 {
        of_tracepoint
    } else {
        // SAFETY: the current task is typed, as the helper wants it.
        unsafe { bpf_task_pt_regs(task::current().raw() as *mut _) as u64 }
    };
    // SAFETY: typed, or `Settings::typed` is 0.
    unsafe { Typed::new(address) }
}

/// The low half of `orig_ax`, which is all the kernel looks at: a program may set the upper half to
/// anything. `None` where the task is in no system call.
#[inline(always)]
fn raw_number(regs: Typed) -> Option<u32> {
    regs.load::<u32>(ORIG_AX)
        .filter(|&number| number != u32::MAX)
}

/// Number without the x32 bit; `None` where the task is not in a system call (`orig_ax` = -1).
#[inline(always)]
pub(crate) fn number(regs: Typed) -> Option<u32> {
    raw_number(regs).map(|number| number & !X32_BIT)
}

/// Whether the current system call came through a 32-bit entry (`int 0x80`, 32-bit `syscall`).
#[inline(always)]
pub(crate) fn is_compat() -> bool {
    if offset!(task_thread_status) == ABSENT {
        return false;
    }
    task::current()
        .load::<u32>(offset!(task_thread_status))
        .is_some_and(|status| status & TS_COMPAT != 0)
}

impl Call {
    /// Reads number and entry of the call in `regs`.
    #[inline(always)]
    pub(crate) fn new(regs: u64) -> Option<Self> {
        let regs = registers(regs);
        let number = raw_number(regs)?;
        let compat = is_compat();
        Some(Self {
            regs,
            number: number & !X32_BIT,
            compat,
            narrow: compat || number & X32_BIT != 0,
            array: None,
        })
    }

    /// Of a network call: `socketcall` counts as the call it stands for, with that call's arguments
    /// and a [number](compat::socketcall) of its own.
    #[inline(always)]
    pub(crate) fn of_socket(regs: u64) -> Option<Self> {
        let mut call = Self::new(regs)?;
        if call.compat && call.number == compat::SOCKETCALL {
            call.number = compat::socketcall(call.arg(0) as u32);
            call.array = Some(call.arg(1));
        }
        Some(call)
    }

    /// Argument `index`, counted from 0; 0 if it cannot be read.
    #[inline(always)]
    pub(crate) fn arg(&self, index: u32) -> u64 {
        if let Some(array) = self.array {
            return read::user_or_zero::<u32>(array + 4 * u64::from(index)).into();
        }
        let native = match index {
            0 => DI,
            1 => SI,
            2 => DX,
            3 => R10,
            4 => R8,
            _ => R9,
        };
        let compat = match index {
            0 => BX,
            1 => CX,
            2 => DX,
            3 => SI,
            4 => DI,
            _ => BP,
        };
        let register = if self.compat { compat } else { native };
        let value = self.regs.load::<u64>(register).unwrap_or(0);
        if self.compat {
            value & 0xffff_ffff
        } else {
            value
        }
    }

    /// Argument 0 of a network call, the descriptor; -1 if it cannot be read.
    #[inline(always)]
    pub(crate) fn descriptor(&self) -> i32 {
        match self.array {
            Some(array) => read::user::<i32>(array).unwrap_or(-1),
            None => self.arg(0) as i32,
        }
    }

    /// How its program's memory is read.
    #[inline(always)]
    pub(crate) fn words(&self) -> Words {
        Words {
            narrow: self.narrow,
        }
    }
}

/// How wide the words of a program's memory are.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// 32 bits: compat and x32.
    narrow: bool,
}

impl Words {
    /// Of the current system call, whichever it is.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        Self {
            narrow: is_compat(),
        }
    }

    /// By the bytes of a pointer.
    #[inline(always)]
    pub(crate) fn of_size(size: u64) -> Self {
        Self { narrow: size == 4 }
    }

    /// Bytes of a pointer.
    #[inline(always)]
    pub(crate) fn size(self) -> u64 {
        if self.narrow { 4 } else { 8 }
    }

    /// Reads `N` words at `address` of the program's memory.
    #[inline(always)]
    pub(crate) fn read<const N: usize>(self, address: u64) -> Option<[u64; N]> {
        if self.narrow {
            read::user::<[u32; N]>(address).map(|words| words.map(u64::from))
        } else {
            read::user(address)
        }
    }
}
