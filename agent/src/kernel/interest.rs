//! Which system calls the dispatcher hands on: the interest table.

use aya::maps::Array;
use komainu_common::{
    call,
    syscalls::{
        INTEREST_SLOTS, half_of_row, handler, handler_of,
        x86_64::{self, compat},
    },
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
    let mut enter_call = |native: &[u32], narrow: &[u32], half: u32| {
        enter(native, half);
        enter(narrow, half << 16);
        if narrow
            .iter()
            .any(|&number| number >= compat::SOCKETCALL_BASE)
        {
            let by_sub_call = u32::from(handler::SOCKETCALL) << 16;
            enter(&[compat::SOCKETCALL], by_sub_call);
        }
    };
    for call in x86_64::TABLE {
        if is_wanted(call.name, call.handler) {
            enter_call(call.native, call.compat, u32::from(call.handler));
        }
    }
    for (row, call) in (0..=u8::MAX).zip(call::TABLE) {
        let half = half_of_row(row, &call.spec);
        if is_wanted(call.name, handler_of(half)) {
            enter_call(call.native, call.compat, half.into());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_can_mean_two_calls() {
        let words = interest_table(|_, _| true);
        // 5 is open in the compat table and fstat natively; 59 is execve natively.
        assert_eq!(words[5], u32::from(handler::OPEN) << 16);
        assert_eq!(words[59], u32::from(handler::EXEC_FAILED));
        let open = u32::from(handler::OPEN);
        assert_eq!(words[437], open | open << 16, "openat2 has one number");
        assert_eq!(words[110], 0, "getppid");
    }

    #[test]
    fn unwanted_calls_have_no_entry() {
        let words = interest_table(|_, handler| handler == handler::CONNECT);
        assert_eq!(words[257], 0);
        assert_eq!(words[42], u32::from(handler::CONNECT));
        let sub_call = |number| words[compat::socketcall(number) as usize] >> 16;
        assert_eq!(words[102] >> 16, u32::from(handler::SOCKETCALL));
        assert_eq!(sub_call(3), u32::from(handler::CONNECT));
        assert_eq!(sub_call(1), 0, "socket");
        let none = interest_table(|_, handler| handler == handler::OPEN);
        assert_eq!(none[102] >> 16, 0, "no sub-call is wanted");
        let shutdown = interest_table(|name, _| name == "shutdown");
        assert_eq!(shutdown[102] >> 16, u32::from(handler::SOCKETCALL));
        let words = interest_table(|name, _| name == "unlinkat");
        let unlinkat = words[263] & 0xffff;
        assert_eq!(handler_of(unlinkat as u16), handler::CALL_PATH);
        let row = usize::from(komainu_common::syscalls::row_of(unlinkat as u16));
        assert_eq!(call::TABLE[row].name, "unlinkat");
        assert_eq!(words[87], 0, "unlink");
    }

    /// Each half of a word means one call.
    #[test]
    fn no_number_is_taken_twice() {
        let mut taken = std::collections::BTreeSet::new();
        let own = x86_64::TABLE.iter().map(|call| (call.native, call.compat));
        let rows = call::TABLE.iter().map(|row| (row.native, row.compat));
        for (native, compat) in own.chain(rows) {
            for number in native {
                assert!(taken.insert((false, *number)), "native {number}");
            }
            for number in compat {
                assert!(taken.insert((true, *number)), "compat {number}");
            }
        }
    }
}
