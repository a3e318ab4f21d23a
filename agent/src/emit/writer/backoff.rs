//! How long to wait until something that failed is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Waits that double, each a random part of it longer than half: agents that failed together do not come back together.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// Failures in a row.
    failures: u32,
    random: RandomState,
}

impl Backoff {
    /// From `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
            random: RandomState::new(),
        }
    }

    /// It went well: the next wait is a short one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after this failure.
    pub fn wait(&mut self) -> Duration {
        let whole = self
            .first
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let mut hasher = self.random.build_hasher();
        hasher.write_u32(self.failures);
        // Different agents have different keys, so this differs too.
        let part = f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(0)) / 4_294_967_296.0;
        whole / 2 + whole.mul_f64(part / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_mins(1));
        let mut backoff = Backoff::new(first, longest);
        let mut whole = first;
        for _ in 0..100 {
            let wait = backoff.wait();
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
            whole = (whole * 2).min(longest);
        }
        backoff.reset();
        assert!(backoff.wait() <= first);
        let firsts: std::collections::BTreeSet<Duration> = (0..50)
            .map(|_| Backoff::new(first, longest).wait())
            .collect();
        assert!(
            firsts.len() > 25,
            "they would come back together: {firsts:?}"
        );
    }
}
