//! Sets of numbers as ranges.

/// A set of 64-bit numbers: sorted ranges, both ends inclusive, that do not touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Every number.
    pub(super) fn all() -> Self {
        Self::between(i64::MIN, i64::MAX)
    }

    /// No number.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// From `low` to `high`; none where that is empty.
    pub(super) fn between(low: i64, high: i64) -> Self {
        Self::new(vec![(low, high)])
    }

    /// One number.
    pub(super) fn one(number: i64) -> Self {
        Self::between(number, number)
    }

    /// Ranges in any order.
    pub(super) fn new(mut ranges: Vec<(i64, i64)>) -> Self {
        ranges.retain(|(low, high)| low <= high);
        ranges.sort_unstable();
        let mut out: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match out.last_mut() {
                Some(last) if last.1 == i64::MAX || low <= last.1 + 1 => last.1 = last.1.max(high),
                _ => out.push((low, high)),
            }
        }
        Self(out)
    }

    /// The ranges.
    pub(super) fn ranges(&self) -> &[(i64, i64)] {
        &self.0
    }

    pub(super) fn is_all(&self) -> bool {
        self.0 == [(i64::MIN, i64::MAX)]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, number: i64) -> bool {
        self.0
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&number))
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self::new([self.0.as_slice(), &other.0].concat())
    }

    pub(super) fn complement(&self) -> Self {
        let mut out = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(i64::MIN);
        for (low, high) in &self.0 {
            if let (Some(from), Some(to)) = (next, low.checked_sub(1)) {
                out.push((from, to));
            }
            next = high.checked_add(1);
        }
        out.extend(next.map(|from| (from, i64::MAX)));
        Self::new(out)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.complement().union(&other.complement()).complement()
    }

    pub(super) fn is_subset(&self, other: &Self) -> bool {
        self.intersection(other) == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave_as_sets() {
        let some = Ranges::new(vec![(5, 9), (1, 2), (3, 3), (8, 12), (20, 19)]);
        assert_eq!(some.ranges(), [(1, 3), (5, 12)]);
        let rest = [(i64::MIN, 0), (4, 4), (13, i64::MAX)];
        assert_eq!(some.complement().ranges(), rest);
        assert_eq!(some.complement().complement(), some);
        assert!(some.union(&some.complement()).is_all());
        assert!(some.intersection(&some.complement()).is_empty());
        assert!(Ranges::between(6, 7).is_subset(&some) && !Ranges::between(3, 5).is_subset(&some));
        assert!(some.contains(12) && !some.contains(4));
        assert!(Ranges::none().complement().is_all() && Ranges::all().complement().is_empty());
    }
}
