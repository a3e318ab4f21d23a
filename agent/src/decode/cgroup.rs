//! cgroups that are made and removed.

use komainu_common::{cgroup::Cgroup, item::tag};

use super::{Body, DecodeError};

/// A cgroup was made or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupRecord<'a> {
    /// Which one, numbered as `Header::cgroup`.
    pub id: u64,
    /// When, nanoseconds since boot.
    pub time: u64,
    /// It was removed.
    pub is_removed: bool,
    /// Its path; `None` where it could not be read whole, or is not needed any more.
    pub path: Option<&'a [u8]>,
}

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<CgroupRecord<'a>, DecodeError> {
    let (facts, items) = body.parts::<Cgroup>()?;
    Ok(CgroupRecord {
        id: facts.id,
        time: body.header.time,
        is_removed: facts.is_removed != 0,
        path: items.whole(tag::CGROUP_PATH),
    })
}

#[cfg(test)]
mod tests {
    use komainu_common::{Class, header::NO_SYSCALL};

    use super::super::tests::record;
    use super::super::{Clock, Lifecycle, Scratch, decode as decode_record};
    use super::*;

    #[test]
    fn made_and_removed() {
        let facts = |is_removed| Cgroup { id: 7, is_removed };
        let path: &[(u8, u8, &[u8])] = &[(tag::CGROUP_PATH, 0, b"/kubepods/x")];
        for (is_removed, items, path) in [(0, path, Some(&b"/kubepods/x"[..])), (1, &[], None)] {
            let bytes = record(Class::CGROUP, NO_SYSCALL, 0, &facts(is_removed), items);
            let mut scratch = Scratch::default();
            let decoded = decode_record(&bytes, Clock::default(), &mut scratch).unwrap();
            assert!(decoded.event.is_none(), "no rule asks for it");
            let Some(Lifecycle::Cgroup(group)) = decoded.lifecycle else {
                panic!("{:?}", decoded.lifecycle);
            };
            assert_eq!(
                (group.id, group.is_removed, group.path),
                (7, is_removed == 1, path)
            );
        }
    }
}
