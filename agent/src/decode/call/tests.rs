//! Tests of the table of calls against the table of event types, and of what decoding makes of them.

use std::collections::BTreeSet;

use komainu_common::header::Header;
use proptest::{collection::vec, prelude::*};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::super::{
    Clock, Scratch, decode,
    tests::{check_event, record, value},
};
use super::*;
use crate::event::event_types;

/// The row of a call that has this number in the 32-bit table.
fn compat(name: &str, number: u32) -> (u32, &'static Row) {
    (0..)
        .zip(TABLE)
        .find(|(_, row)| row.name == name && row.compat.has(number))
        .unwrap()
}

fn call(row: u32, args: [u64; 6]) -> Call {
    let mut call = Call::new_zeroed();
    call.row = row;
    call.args = args;
    call
}

#[test]
fn every_row_is_an_event_of_its_class() {
    for row in TABLE {
        let ty = event_type(row.name).unwrap_or_else(|| panic!("no event {}", row.name));
        assert_eq!(ty.class, Some(row.spec.class), "{}", row.name);
        for param in ty.params {
            let from = (row.name, param.name, param.source);
            match param.source {
                Source::Decoder => panic!("{from:?} has no source"),
                Source::Arg(index) | Source::Long(index) | Source::Id(index) => {
                    assert!(index < 6, "{from:?}");
                }
                Source::Path => assert_ne!(row.spec.paths[0].path, NO_ARGUMENT, "{from:?}"),
                Source::Path2 => assert_ne!(row.spec.paths[1].path, NO_ARGUMENT, "{from:?}"),
                Source::Text => assert_ne!(row.spec.strings[0], NO_ARGUMENT, "{from:?}"),
                Source::Text2 => assert_ne!(row.spec.strings[1], NO_ARGUMENT, "{from:?}"),
                Source::Bytes | Source::Words(_) => {
                    assert_ne!(row.spec.bytes, NO_ARGUMENT, "{from:?}");
                }
                Source::Caller(_) | Source::Exe | Source::Args | Source::Item(_) => {
                    assert_eq!(row.spec.shape, shape::PROCESS, "{from:?}");
                }
                Source::Result | Source::Of(_) | Source::Task(_) | Source::Comm => {}
            }
        }
    }
}

#[test]
fn every_event_of_these_classes_has_a_row() {
    let rows: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    let types = event_types().filter(|ty| ty.class.is_some_and(has));
    for ty in types {
        assert!(rows.contains(ty.name), "{}", ty.name);
    }
}

#[test]
fn ids_of_sixteen_bits_are_widened() {
    for (number, id, expected) in [
        (23, 0xffff, u64::from(u32::MAX)),
        (23, 0x1_0007, 7),
        (213, 0xffff, 0xffff),
        (213, 0xffff_ffff, u64::from(u32::MAX)),
    ] {
        let (index, row) = compat("setuid", number);
        let call = call(index, [id, 0, 0, 0, 0, 0]);
        let bytes = record(row.spec.class, number, 0, &call, &[]);
        check_event(&bytes, |event| {
            assert_eq!(value(event, "uid"), Value::Uint(expected), "{number}");
        });
    }
}

#[test]
fn numbers_have_the_sign_and_the_width_of_their_kind() {
    let number = komainu_common::arch::compat("unlinkat");
    let (index, row) = compat("unlinkat", number);
    // A 32-bit program's registers are zero-extended.
    let call = call(index, [0xffff_ff9c, 0, 0xdead_0000_0200, 0, 0, 0]);
    let items: [(u8, u8, &[u8]); 2] = [(tag::USER_PATH, 0, b"x"), (tag::BASE_PATH, 0, b"/d")];
    let bytes = record(row.spec.class, number, -13, &call, &items);
    check_event(&bytes, |event| {
        assert_eq!(value(event, "dirfd"), Value::Int(-100));
        assert_eq!(value(event, "flags"), Value::Uint(0x200));
        assert_eq!(value(event, "res"), Value::Int(-13));
        let fd = event.fd.as_ref().unwrap();
        assert_eq!((fd.number, fd.kind, fd.name), (-100, None, &b""[..]));
        let Value::Path(path) = value(event, "name") else {
            panic!("no path");
        };
        assert_eq!((path.raw, path.base), (&b"x"[..], Some(&b"/d"[..])));
    });
}

#[test]
fn a_descriptor_is_what_the_kernel_calls_it() {
    for (mode, path, expected) in [
        (0o100_644, &b"/etc/x"[..], FdKind::File),
        (0o020_666, b"/dev/null", FdKind::File),
        (0o040_755, b"/etc", FdKind::Directory),
        (0o010_600, b"", FdKind::Pipe),
        (0o010_600, b"/run/fifo", FdKind::File),
        (0, b"[eventpoll]", FdKind::Epoll),
        (0o100_777, b"memfd:x", FdKind::Memfd),
        (0, b"bpf-map", FdKind::Bpf),
        (0, b"", FdKind::Other),
    ] {
        assert_eq!(kind(mode, path), expected, "{mode:o} {path:?}");
    }
}

#[test]
fn a_row_of_another_class_is_refused() {
    let (index, row) = compat("setuid", 213);
    let mut scratch = Scratch::default();
    let mut outcome = |class, index| {
        let bytes = record(class, 213, 0, &call(index, [0; 6]), &[]);
        decode(&bytes, Clock::default(), &mut scratch).map(|_| ())
    };
    assert_eq!(outcome(row.spec.class, index), Ok(()));
    for (class, index) in [(Class::UNLINK, index), (row.spec.class, u32::MAX)] {
        assert_eq!(
            outcome(class, index),
            Err(DecodeError::Syscall { class, number: 213 })
        );
    }
}

proptest! {
    /// Every row, with anything for arguments and items.
    #[test]
    fn any_call_gives_its_event(
        row in 0..TABLE.len(),
        args: [u64; 6],
        ret: i64,
        facts: u32,
        mode: u32,
        items in vec((0_u8..24, any::<u8>(), vec(any::<u8>(), 0..120)), 0..8),
    ) {
        let of_row = &TABLE[row];
        let mut call = call(u32::try_from(row).unwrap(), args);
        (call.facts, call.inode_mode) = (facts, mode);
        let items: Vec<(u8, u8, &[u8])> = items
            .iter()
            .map(|(tag, flags, value)| (*tag, *flags, value.as_slice()))
            .collect();
        let bytes = record(of_row.spec.class, 0, ret, &call, &items);
        let mut scratch = Scratch::default();
        let decoded = decode(&bytes, Clock::default(), &mut scratch).unwrap();
        let event = decoded.event.unwrap();
        prop_assert_eq!(event.ty.name, of_row.name);
        prop_assert_eq!(event.params.len(), event.ty.params.len());
    }

    /// A right header and a known row, the rest cut anywhere.
    #[test]
    fn a_cut_call_is_an_error_or_an_event(row in 0..TABLE.len(), len in 0_usize..200, fill: u8) {
        let call = call(u32::try_from(row).unwrap(), [0; 6]);
        let items: [(u8, u8, &[u8]); 1] = [(tag::USER_PATH, 0, &[fill; 64])];
        let whole = record(TABLE[row].spec.class, 0, 0, &call, &items);
        let mut bytes = whole[..(size_of::<Header>() + len).min(whole.len())].to_vec();
        let size = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(size.as_bytes());
        let mut scratch = Scratch::default();
        let _outcome = decode(&bytes, Clock::default(), &mut scratch);
    }
}

/// Of what makes a process: who called, and the bits of the flags as rules number them.
#[test]
fn a_clone_tells_its_caller() {
    let row = (0..)
        .zip(TABLE)
        .find(|(_, row)| row.name == "clone3")
        .unwrap();
    let mut caller = Caller::new_zeroed();
    caller.usage.fd_limit = 1024;
    caller.pidns_init_start_time = 5;
    // CLONE_NEWUSER | CLONE_VFORK | CLONE_CLEAR_SIGHAND
    let call = call(row.0, [0x1_1000_4000, 88, 0, 0, 0, 0]);
    let items: [(u8, u8, &[u8]); 3] = [
        (tag::CALLER, 0, caller.as_bytes()),
        (tag::ARGV, 0, b"sh\0-c\0id\0"),
        (tag::CWD, 0, b"/root"),
    ];
    check_event(&record(Class::CLONE, 435, 77, &call, &items), |event| {
        assert_eq!((event.ty.name, event.ret), ("clone3", Some(77)));
        assert_eq!(value(event, "flags"), Value::Uint(1 << 20 | 1 << 27));
        assert_eq!(value(event, "exe"), Value::Bytes(b"sh"));
        assert_eq!(value(event, "args"), Value::Bytes(b"-c\0id"));
        assert_eq!(value(event, "cwd"), Value::Bytes(b"/root"));
        assert_eq!(value(event, "fdlimit"), Value::Int(1024));
        assert_eq!(value(event, "tid"), Value::Int(41));
        assert_eq!(value(event, "uid"), Value::Uint(1000));
        assert_eq!(value(event, "pidns_init_start_ts"), Value::Uint(5));
        assert_eq!(value(event, "cgroups"), Value::Absent);
    });
    let bare = record(Class::CLONE, 435, -11, &call, &[]);
    check_event(&bare, |event| {
        assert_eq!(value(event, "vm_size"), Value::Absent);
    });
}
