//! Addresses of a network event: items that several of them share.

use komainu_common::{item::tag, limits::MAX_SOCKADDR};

use crate::{
    record::Record,
    sock::{self, Name, Target},
    task::Subject,
};

/// Appends the `len` bytes of socket address that the program passed, or got back.
#[inline(always)]
pub(crate) fn append_asked<T, A: Subject>(record: &Record<T, A>, address: u64, len: u64) {
    record.append_user::<MAX_SOCKADDR>(tag::USER_ADDR, address, len);
}

/// Appends the name of a unix socket; nothing for other families.
#[inline(always)]
pub(crate) fn append_name<T, A: Subject>(
    record: &Record<T, A>,
    family: u16,
    target: Target,
    preferred: Name,
) {
    if let Some((address, len)) = sock::name(family, target, preferred) {
        record.append_kernel::<MAX_SOCKADDR>(tag::UNIX_PATH, address, len);
    }
}
