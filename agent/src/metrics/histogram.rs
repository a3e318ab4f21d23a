//! Counts of times by length.

use std::time::Duration;

/// Upper ends of the buckets, inclusive; above the last is one more.
pub const BOUNDS: [Duration; 13] = [
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// Times, counted in [`BOUNDS`]. Plain memory: one thread adds, and hands out copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
    longest: Duration,
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, time: Duration) {
        let bucket = BOUNDS.partition_point(|bound| time > *bound);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(time);
        self.longest = self.longest.max(time);
    }

    /// How many there are of each length, and its upper end; the last has none.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        bounds.zip(self.counts)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut times = Histogram::default();
        for time in [0, 1, 2, 10_000, 10_001] {
            times.add(Duration::from_millis(time));
        }
        let filled: Vec<_> = times.buckets().filter(|(_, count)| *count > 0).collect();
        let expected = [
            (Some(BOUNDS[0]), 2),
            (Some(BOUNDS[1]), 1),
            (Some(BOUNDS[12]), 1),
            (None, 1),
        ];
        assert_eq!(filled, expected);
        assert_eq!(times.count(), 5);
        assert_eq!(times.sum(), Duration::from_millis(20_004));
        assert_eq!(times.longest(), Duration::from_millis(10_001));
        assert!(BOUNDS.is_sorted());
    }
}
