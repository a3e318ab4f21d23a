//! System call numbers and arguments out of `struct pt_regs`; what differs by architecture is in the files here.

use aya_ebpf::helpers::generated::bpf_task_pt_regs;

use crate::{
    maps::setting,
    read::{self, Address as _, Typed},
    task,
};
use komainu_common::arch::{NO_NUMBER, Numbers, compat, x86_64::socketcall};

#[cfg(bpf_target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod this;
#[cfg(bpf_target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod this;

use this::{argument, in_table, is_narrow, opaque, raw_number};
pub(crate) use this::{is_compat, page_kib};

/// Number of `socketcall(2)`, where 32-bit calls have it.
pub(crate) const SOCKETCALL: u32 = compat("socketcall");

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

/// Number in the table of its entry; `None` where the task is not in a system call.
#[inline(always)]
pub(crate) fn number(regs: Typed) -> Option<u32> {
    raw_number(regs).map(in_table)
}

impl Call {
    /// Reads number and entry of the call in `regs`.
    #[inline(always)]
    pub(crate) fn new(regs: u64) -> Option<Self> {
        let regs = registers(regs);
        let number = raw_number(regs)?;
        let compat = is_compat(regs);
        Some(Self {
            regs,
            number: in_table(number),
            compat,
            narrow: compat || is_narrow(number),
            array: None,
        })
    }

    /// Of a network call: `socketcall` counts as the call it stands for, with that call's arguments
    /// and a [number](socketcall) of its own.
    #[inline(always)]
    pub(crate) fn of_socket(regs: u64) -> Option<Self> {
        let mut call = Self::new(regs)?;
        if SOCKETCALL != NO_NUMBER && call.compat && call.number == SOCKETCALL {
            call.number = socketcall(call.arg(0) as u32);
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
        let value = argument(self.regs, index, self.compat);
        if self.compat {
            value & 0xffff_ffff
        } else {
            value
        }
    }

    /// Argument `index` as a length, of which the kernel takes an int.
    #[inline(always)]
    pub(crate) fn length(&self, index: u32) -> u64 {
        opaque(self.arg(index) & 0xffff_ffff)
    }

    /// Whether it is one of these, by the table of its entry.
    #[inline(always)]
    pub(crate) fn is(&self, native: &Numbers, compat: &Numbers) -> bool {
        if self.compat {
            compat.has(self.number)
        } else {
            native.has(self.number)
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
    /// Of the current task, whichever system call it is in.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        Self {
            narrow: is_compat(registers(0)),
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
