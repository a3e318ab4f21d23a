//! Bytes that are no records, or not whole ones.

use komainu_common::{
    Class, Header,
    exit::Exit,
    fork::Fork,
    header::{HEADER_COMPAT, NO_SYSCALL},
    syscalls::TABLE,
};
use proptest::{collection::vec, prelude::*};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::super::{Clock, DecodeError, Scratch, decode};
use super::{open, record};

#[test]
fn says_what_is_wrong_with_a_record() {
    let mut scratch = Scratch::default();
    let mut error = |bytes: &[u8]| decode(bytes, Clock::default(), &mut scratch).unwrap_err();
    let have = size_of::<Header>();
    assert_eq!(
        error(&[]),
        DecodeError::Short {
            have: 0,
            need: have
        }
    );
    let whole = record(
        Class::EXIT,
        NO_SYSCALL,
        0,
        &Exit {
            code: 0,
            reaper_tid: 0,
        },
        &[],
    );
    let mut short = whole.clone();
    short.truncate(have + 4);
    assert!(matches!(error(&short), DecodeError::Size { have, .. } if have == short.len()));
    let mut other = whole.clone();
    other[4] = 99;
    assert_eq!(error(&other), DecodeError::Class(99));
    let item = record(
        Class::EXIT,
        NO_SYSCALL,
        0,
        &Exit {
            code: 0,
            reaper_tid: 0,
        },
        &[(7, 0, b"abc")],
    );
    let mut item = item[..item.len() - 1].to_vec();
    let size = u32::try_from(item.len()).unwrap();
    item[..4].copy_from_slice(&size.to_ne_bytes());
    assert_eq!(error(&item), DecodeError::Item { tag: 7, at: 0 });
    let stray = record(Class::OPEN, 9999, 0, &open(), &[]);
    assert_eq!(
        error(&stray),
        DecodeError::Syscall {
            class: Class::OPEN,
            number: 9999
        }
    );
    let fork = record(Class::FORK, NO_SYSCALL, 0, &Fork::new_zeroed(), &[]);
    assert!(decode(&fork, Clock::default(), &mut Scratch::default()).is_ok());
}

/// Every number that has a handler of its own, in either table.
fn numbers() -> Vec<u32> {
    let numbers = TABLE.iter().flat_map(|call| {
        let native = call.native.as_slice().iter();
        native.chain(call.compat.as_slice())
    });
    numbers.copied().chain([NO_SYSCALL]).collect()
}

proptest! {
    #[test]
    fn any_bytes_give_an_event_or_an_error(bytes in vec(any::<u8>(), 0..600)) {
        let mut scratch = Scratch::default();
        let _outcome = decode(&bytes, Clock::default(), &mut scratch);
    }

    /// Deeper than random bytes reach: a right header, the rest arbitrary.
    #[test]
    fn any_body_gives_an_event_or_an_error(
        class in 0_u16..32,
        syscall in prop::sample::select(numbers()),
        compat: bool,
        ret: i64,
        body in vec(any::<u8>(), 0..600),
    ) {
        let mut header = Header::new_zeroed();
        header.class = class;
        header.syscall = syscall;
        header.flags = if compat { HEADER_COMPAT } else { 0 };
        header.ret = ret;
        header.size = u32::try_from(size_of::<Header>() + body.len()).unwrap();
        let bytes = [header.as_bytes(), &body].concat();
        let mut scratch = Scratch::default();
        if let Ok(decoded) = decode(&bytes, Clock { boot: u64::MAX }, &mut scratch)
            && let Some(event) = decoded.event
        {
            prop_assert_eq!(event.params.len(), event.ty.params.len());
        }
    }
}
