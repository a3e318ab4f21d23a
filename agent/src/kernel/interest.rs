//! Which system calls the dispatcher hands on: the interest table.

use aya::maps::Array;
use komainu_common::{
    arch::{Numbers, compat, x86_64::SOCKETCALL_BASE},
    call,
    syscalls::{INTEREST_SLOTS, TABLE, half_of_row, handler, handler_of},
};

use super::{Hook, Kernel, LoadError};

impl Kernel {
    /// Which system calls are to be delivered, by the name of their event: the others end in the
    /// dispatcher. Starts and ends of processes always are, the process table lives on them.
    pub fn watch(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<(), LoadError> {
        let loaded = |handler: u16| {
            self.probes.iter().any(|status| {
                status.probe.hook == Hook::SyscallHandler(handler) && status.attached()
            })
        };
        let words = interest_table(|name, handler| loaded(handler) && is_wanted(name));
        let map = self
            .object
            .map_mut("INTEREST")
            .ok_or(LoadError::NoMap("INTEREST"))?;
        let failed = |e| LoadError::Map("INTEREST", e);
        let mut table = Array::<_, u32>::try_from(map).map_err(failed)?;
        for (number, word) in (0..INTEREST_SLOTS).zip(words) {
            table.set(number, word, 0).map_err(failed)?;
        }
        Ok(())
    }
}

/// The interest table for the calls whose event and handler are wanted: one word per system call
/// number.
fn interest_table(is_wanted: impl Fn(&str, u16) -> bool) -> Vec<u32> {
    let mut words = vec![0_u32; INTEREST_SLOTS as usize];
    let mut enter = |numbers: &[u32], bits: u32| {
        for &number in numbers {
            if let Some(word) = words.get_mut(number as usize) {
                *word |= bits;
            }
        }
    };
    let mut enter_call = |native: &Numbers, narrow: &Numbers, half: u32| {
        enter(native.as_slice(), half);
        enter(narrow.as_slice(), half << 16);
        let mut narrow = narrow.as_slice().iter();
        if narrow.any(|&number| number >= SOCKETCALL_BASE) {
            let by_sub_call = u32::from(handler::SOCKETCALL) << 16;
            enter(&[compat("socketcall")], by_sub_call);
        }
    };
    for call in TABLE {
        if is_wanted(call.name, call.handler) {
            enter_call(&call.native, &call.compat, u32::from(call.handler));
        }
    }
    for (row, call) in (0..=u8::MAX).zip(call::TABLE) {
        let half = half_of_row(row, &call.spec);
        if is_wanted(call.name, handler_of(half)) {
            enter_call(&call.native, &call.compat, half.into());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use komainu_common::arch::{native, x86_64::socketcall};

    use super::*;

    /// The two halves of the word of a number.
    fn halves(words: &[u32], number: u32) -> (u16, u16) {
        let word = words[number as usize];
        ((word & 0xffff) as u16, (word >> 16) as u16)
    }

    #[test]
    fn one_number_can_mean_two_calls() {
        let words = interest_table(|_, _| true);
        // 5 is open of 32-bit programs, and natively fstat or setxattr.
        assert_eq!(halves(&words, 5), (0, handler::OPEN));
        let own = |name| halves(&words, native(name)).0;
        assert_eq!(own("execve"), handler::EXEC_FAILED);
        assert_eq!(own("connect"), handler::CONNECT);
        let openat2 = halves(&words, native("openat2"));
        assert_eq!(openat2, (handler::OPEN, handler::OPEN), "it has one number");
        assert_eq!(words[998], 0, "no call has it");
    }

    #[test]
    fn unwanted_calls_have_no_entry() {
        let words = interest_table(|_, handler| handler == handler::CONNECT);
        assert_eq!(halves(&words, native("openat")).0, 0);
        assert_eq!(halves(&words, native("connect")).0, handler::CONNECT);
        let words = interest_table(|name, _| name == "unlinkat");
        let unlinkat = halves(&words, native("unlinkat")).0;
        assert_eq!(handler_of(unlinkat), handler::CALL_PATH);
        let row = usize::from(komainu_common::syscalls::row_of(unlinkat));
        assert_eq!(call::TABLE[row].name, "unlinkat");
        assert_eq!(halves(&words, native("linkat")).0, 0);
    }

    /// Where there is a `socketcall`, it is looked into for the sake of its sub-calls.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn sub_calls_are_entered_as_calls() {
        let of = |words: &[u32]| halves(words, compat("socketcall")).1;
        let connect = interest_table(|_, handler| handler == handler::CONNECT);
        assert_eq!(of(&connect), handler::SOCKETCALL);
        assert_eq!(halves(&connect, socketcall(3)).1, handler::CONNECT);
        assert_eq!(halves(&connect, socketcall(1)).1, 0, "socket");
        let none = interest_table(|_, handler| handler == handler::OPEN);
        assert_eq!(of(&none), 0, "no sub-call is wanted");
        let shutdown = interest_table(|name, _| name == "shutdown");
        assert_eq!(of(&shutdown), handler::SOCKETCALL);
    }

    #[test]
    #[cfg(target_arch = "aarch64")]
    fn there_are_no_sub_calls() {
        let words = interest_table(|_, _| true);
        assert!(
            !words
                .iter()
                .any(|word| word >> 16 == u32::from(handler::SOCKETCALL))
        );
        assert_eq!(words[socketcall(3) as usize], 0);
    }
}
