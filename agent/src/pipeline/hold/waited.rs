//! What became of those that waited, in numbers.

use std::fmt::Write as _;
use std::time::Duration;

use crate::enrich::resolution::Resolution;
use crate::metrics::Histogram;

/// Waits since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waited {
    /// cgroups whose events waited.
    pub(crate) cgroups: u64,
    /// Records that waited.
    pub(crate) records: u64,
    /// Times until identity was known.
    pub(crate) times: Histogram,
    /// cgroups whose events went on without whole identity, by resolution.
    without: [u64; Resolution::ALL.len()],
}

impl Waited {
    /// A cgroup waited so long, with so many records, and this came of it.
    pub(crate) fn add(&mut self, time: Duration, records: usize, end: Resolution) {
        self.cgroups += 1;
        self.records += records as u64;
        if end.is_whole() {
            self.times.add(time);
        } else if let Some(count) = self.without.get_mut(end as usize) {
            *count += 1;
        }
    }

    /// cgroups whose identity came in time.
    pub(crate) fn known(&self) -> u64 {
        self.times.count()
    }

    /// Why the others went on without: resolution and number of cgroups, where there are any.
    pub(crate) fn without(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let reasons = Resolution::ALL.iter().zip(self.without);
        reasons
            .map(|(reason, count)| (reason.name(), count))
            .filter(|(_, count)| *count > 0)
    }

    /// Times until identity was known, as `<=5ms 3, <=10ms 1`, empty buckets left out.
    pub(crate) fn times(&self) -> String {
        let mut text = String::new();
        for (bound, count) in self.times.buckets().filter(|(_, count)| *count > 0) {
            let separator = if text.is_empty() { "" } else { ", " };
            let written = match bound {
                Some(bound) => write!(text, "{separator}<={bound:?} {count}"),
                None => write!(text, "{separator}more {count}"),
            };
            debug_assert!(written.is_ok(), "writing to memory cannot fail");
        }
        text
    }

    /// The longest that an identity took to be known.
    pub(crate) fn longest(&self) -> Duration {
        self.times.longest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_reasons() {
        let mut waited = Waited::default();
        let ms = Duration::from_millis;
        for (time, end) in [
            (ms(0), Resolution::Complete),
            (ms(5), Resolution::Host),
            (ms(6), Resolution::NotAPod),
            (ms(11_000), Resolution::Complete),
            (ms(3_000), Resolution::NoRuntimeAnswer),
            (ms(300), Resolution::CgroupUnknown),
            (ms(300), Resolution::CgroupUnknown),
        ] {
            waited.add(time, 2, end);
        }
        assert_eq!((waited.cgroups, waited.records, waited.known()), (7, 14, 4));
        assert_eq!(waited.times(), "<=1ms 1, <=5ms 1, <=10ms 1, more 1");
        assert_eq!(waited.longest(), ms(11_000));
        let without: Vec<_> = waited.without().collect();
        assert_eq!(without, [("no_runtime_answer", 1), ("cgroup_unknown", 2)]);
    }
}
