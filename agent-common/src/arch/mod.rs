//! What differs by architecture: the numbers of system calls, and the few flags that Linux does not number
//! alike everywhere. The only place of both halves' contract that knows more than one.
//!
//! The user half is built for an architecture; the kernel half is the same instruction set everywhere, and its
//! build is told which one by `cfg(bpf_target_arch)`. All tables are compiled for all, so that tests on one
//! machine see every one of them; [`THIS`] is the one in force.

pub mod aarch64;
pub mod x86_64;

#[cfg(any(target_arch = "aarch64", bpf_target_arch = "aarch64"))]
pub use aarch64::THIS;
#[cfg(any(target_arch = "x86_64", bpf_target_arch = "x86_64"))]
pub use x86_64::THIS;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    bpf_target_arch = "x86_64",
    bpf_target_arch = "aarch64"
)))]
compile_error!("there is no table of system calls for this architecture");

/// In the place of a number: there is no such call. No call has it, for it is what a task has that is in none.
pub const NO_NUMBER: u32 = u32::MAX;

/// Numbers by the name that the kernel's table has; one name may have two (x32).
pub type Table = &'static [(&'static str, u32)];

/// What differs.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    /// As rustc names it.
    pub name: &'static str,
    /// Calls of programs of its own word size.
    pub native: Table,
    /// Calls through the entry for 32-bit programs.
    pub compat: Table,
    /// `O_DIRECT` of `open(2)`.
    pub o_direct: u32,
    /// `O_DIRECTORY`.
    pub o_directory: u32,
    /// `O_LARGEFILE`.
    pub o_largefile: u32,
    /// Requests of `ptrace(2)` beside those that every architecture has.
    pub ptrace: &'static [u32],
}

/// The numbers that one call has in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    all: [u32; Self::MOST],
    len: usize,
}

impl Numbers {
    /// More names, of which some have more numbers, no call has.
    const MOST: usize = 4;

    /// Numbers of the calls of these names; an empty name is none.
    ///
    /// # Panics
    /// If there are more than there is room for; in a constant this is an error of the compiler.
    pub const fn of(table: Table, names: &[&str]) -> Self {
        let mut numbers = Self {
            all: [NO_NUMBER; Self::MOST],
            len: 0,
        };
        let mut name = 0;
        while name < names.len() {
            let mut entry = 0;
            while entry < table.len() {
                if is_same(table[entry].0, names[name]) {
                    numbers.all[numbers.len] = table[entry].1;
                    numbers.len += 1;
                }
                entry += 1;
            }
            name += 1;
        }
        numbers
    }

    /// Whether the number is one of them.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a comparison or two with constants, where the caller's are"
    )]
    pub const fn has(&self, number: u32) -> bool {
        let mut at = 0;
        while at < self.len {
            if self.all[at] == number {
                return true;
            }
            at += 1;
        }
        false
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[u32] {
        self.all.get(..self.len).unwrap_or_default()
    }

    /// The first of them.
    pub const fn first(&self) -> Option<u32> {
        match self.len {
            0 => None,
            _ => Some(self.all[0]),
        }
    }
}

/// Number of a native call; [`NO_NUMBER`] where the architecture does not have it.
pub const fn native(name: &str) -> u32 {
    number(THIS.native, name)
}

/// Number of a call through the 32-bit entry; [`NO_NUMBER`] where the architecture does not have it.
pub const fn compat(name: &str) -> u32 {
    number(THIS.compat, name)
}

const fn number(table: Table, name: &str) -> u32 {
    match Numbers::of(table, &[name]).first() {
        Some(number) => number,
        None => NO_NUMBER,
    }
}

/// Whether two names are the same, in constants too.
pub(crate) const fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() && left[index] == right[index] {
        index += 1;
    }
    index == left.len()
}

#[cfg(test)]
mod tests;
