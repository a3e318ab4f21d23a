//! The tables of every architecture against those of the kernel.

extern crate std;

use core::str::FromStr as _;
use std::{collections::BTreeMap, vec::Vec};

use super::{Architecture, NO_NUMBER, Numbers, aarch64, x86_64};
use crate::{call, syscalls};

/// Number of a system call by its name.
type NumberOf = fn(&str) -> Option<u32>;

/// Every architecture, with its tables, native and of 32-bit programs, as the crate `syscalls` has them, which is generated from the kernel's.
const ALL: [(Architecture, NumberOf, NumberOf); 2] = [
    (
        x86_64::THIS,
        |name| number(::syscalls::x86_64::Sysno::from_str(name).map(|call| call.id())),
        |name| number(::syscalls::x86::Sysno::from_str(name).map(|call| call.id())),
    ),
    (
        aarch64::THIS,
        |name| number(::syscalls::aarch64::Sysno::from_str(name).map(|call| call.id())),
        |name| number(::syscalls::arm::Sysno::from_str(name).map(|call| call.id())),
    ),
];

fn number(found: Result<i32, ()>) -> Option<u32> {
    found.ok().and_then(|number| u32::try_from(number).ok())
}

/// Names that the rows of both tables ask for: natively, and of 32-bit programs.
fn asked() -> (Vec<&'static str>, Vec<&'static str>) {
    let own = || syscalls::TABLE.iter();
    let rows = || call::TABLE.iter();
    let native = own().map(|call| call.name);
    let native = native.chain(rows().flat_map(|row| row.native_names));
    let compat = own().flat_map(|call| call.compat_names);
    let compat = compat.chain(rows().flat_map(|row| row.compat_names));
    let known = |name: &&str| !name.is_empty();
    (
        native.filter(known).collect(),
        compat.filter(known).collect(),
    )
}

/// Neither a wrong number, nor a call that an architecture has and its table lacks.
#[test]
fn numbers_are_those_of_the_kernel() {
    let (native, compat) = asked();
    for (arch, native_of, compat_of) in ALL {
        for (names, table, right) in [
            (&native, arch.native, native_of),
            (&compat, arch.compat, compat_of),
        ] {
            for name in names {
                let ours = super::number(table, name);
                let sub_call = name.starts_with("SYS_");
                let expected = right(name).unwrap_or(NO_NUMBER);
                assert!(
                    ours == expected || sub_call,
                    "{name} of {}: {ours}",
                    arch.name
                );
            }
            for (name, number) in table {
                let asked = names.contains(name) || *name == "socketcall";
                assert!(asked, "nobody asks for {name} of {}", arch.name);
                // A second number is one of x32.
                let first = super::number(table, name) == *number;
                assert!(first || (512..548).contains(number), "{name}");
            }
        }
    }
}

#[test]
fn every_name_is_a_call_somewhere() {
    let (native, compat) = asked();
    let known = |name: &&str| {
        let mut tables = ALL.iter().flat_map(|(arch, ..)| [arch.native, arch.compat]);
        tables.any(|table| super::number(table, name) != NO_NUMBER)
    };
    for name in native.iter().chain(&compat) {
        assert!(known(name), "{name}");
    }
}

/// Each half of a word of the interest table means one call, on every architecture.
#[test]
fn no_number_is_taken_twice() {
    for (arch, ..) in ALL {
        let mut taken = BTreeMap::new();
        let mut take = |entry, table, names: &[&str], row: usize| {
            for &number in Numbers::of(table, names).as_slice() {
                assert!(number < syscalls::INTEREST_SLOTS);
                let before = taken.insert((entry, number), row);
                assert_eq!(before, None, "{entry} {number} of {}", arch.name);
            }
        };
        for (row, call) in syscalls::TABLE.iter().enumerate() {
            take("native", arch.native, &[call.name], row);
            take("compat", arch.compat, &call.compat_names, row);
        }
        for (row, call) in call::TABLE.iter().enumerate() {
            take("native", arch.native, &call.native_names, 1000 + row);
            take("compat", arch.compat, &call.compat_names, 1000 + row);
        }
    }
}

/// A network call of a 32-bit program is known by every number that it has.
#[test]
fn sub_calls_stand_for_calls() {
    let numbers = |name: &str| {
        let row = &syscalls::TABLE[syscalls::row(name) as usize];
        Numbers::of(x86_64::THIS.compat, &row.compat_names)
            .as_slice()
            .to_vec()
    };
    assert_eq!(numbers("connect"), [362, 1003]);
    assert_eq!(numbers("accept"), [1005]);
    assert_eq!(numbers("sendto"), [369, 1009, 1011]);
    assert_eq!(numbers("recvmmsg"), [337, 417, 1019]);
    let of_arm = |names: &[&str]| Numbers::of(aarch64::THIS.compat, names).as_slice().to_vec();
    assert_eq!(of_arm(&["sendto", "send", "SYS_SEND"]), [290, 289]);
}

/// Flags of `open(2)` are different bits.
#[test]
fn flags_do_not_overlap() {
    for (arch, ..) in ALL {
        let flags = [arch.o_direct, arch.o_directory, arch.o_largefile];
        let all = flags.iter().fold(0, |all, flag| all | flag);
        assert_eq!(all.count_ones(), 3, "{}", arch.name);
    }
}
