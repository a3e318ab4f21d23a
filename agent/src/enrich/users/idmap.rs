//! How a user namespace numbers users or groups (`user_namespaces(7)`).

/// Lines of a map at most, as in the kernel (`UID_GID_MAP_MAX_EXTENTS`).
const MAX_EXTENTS: usize = 340;

/// The extents of `/proc/PID/uid_map` or `gid_map`, as a process in the initial namespace reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IdMap(Box<[Extent]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    inside: u32,
    outside: u32,
    count: u32,
}

impl IdMap {
    /// Total: lines that are no extents are passed over.
    pub(super) fn parse(text: &[u8]) -> Self {
        let lines = text.split(|&byte| byte == b'\n').filter_map(|line| {
            let mut numbers = str::from_utf8(line).ok()?.split_ascii_whitespace();
            let mut next = || numbers.next()?.parse().ok();
            let (inside, outside, count) = (next()?, next()?, next()?);
            Some(Extent {
                inside,
                outside,
                count,
            })
        });
        Self(lines.take(MAX_EXTENTS).collect())
    }

    /// The number inside; `None` for one that is not mapped.
    pub(super) fn inside(&self, outside: u32) -> Option<u32> {
        self.0.iter().find_map(|extent| {
            let offset = outside.checked_sub(extent.outside)?;
            (offset < extent.count).then(|| extent.inside.checked_add(offset))?
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_translated() {
        let initial = IdMap::parse(b"         0          0 4294967295\n");
        assert_eq!(
            (initial.inside(0), initial.inside(1000)),
            (Some(0), Some(1000))
        );
        assert_eq!(initial.inside(u32::MAX), None, "no user has that number");
        let map = IdMap::parse(b"0 100000 1000\n1000 5 1\nx 1 1\n1 2\n");
        assert_eq!(
            (map.inside(100_000), map.inside(100_999)),
            (Some(0), Some(999))
        );
        assert_eq!(
            (map.inside(101_000), map.inside(0), map.inside(5)),
            (None, None, Some(1000))
        );
    }

    proptest! {
        #[test]
        fn total(text in prop::collection::vec(any::<u8>(), 0..200), id: u32) {
            let _ = IdMap::parse(&text).inside(id);
        }

        #[test]
        fn any_extent(inside: u32, outside: u32, count: u32, id: u32) {
            let map = IdMap::parse(format!("{inside} {outside} {count}").as_bytes());
            let expected = (u64::from(outside)..u64::from(outside) + u64::from(count))
                .contains(&u64::from(id))
                .then(|| u64::from(inside) + u64::from(id) - u64::from(outside))
                .and_then(|id| u32::try_from(id).ok());
            prop_assert_eq!(map.inside(id), expected);
        }
    }
}
