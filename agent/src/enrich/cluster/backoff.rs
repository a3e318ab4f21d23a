//! Pauses after failures: longer each time, bounded, and not in step with other agents.

use std::time::Duration;

/// Shortest and longest pause.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After the first failure.
    pub least: Duration,
    /// After many.
    pub most: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            least: Duration::from_millis(500),
            most: Duration::from_secs(30),
        }
    }
}

/// Failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    pace: Pace,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, failures: 0 }
    }

    /// It works again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next pause: doubled with each failure, and of that a random part of at least a half. Not
    /// shorter than what the server asked for, but that is believed up to the longest pause only.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let whole = self.pace.least.saturating_mul(doubled).min(self.pace.most);
        let pause = whole.mul_f64(0.5 + fastrand::f64() / 2.0);
        asked.map_or(pause, |asked| pause.max(asked.min(self.pace.most)))
    }

    /// A pause that no failure asks for, only that not all agents come at once.
    pub(super) fn spread(&self) -> Duration {
        self.pace.least.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_start_anew() {
        let pace = Pace::default();
        let mut backoff = Backoff::new(pace);
        let mut whole = pace.least;
        for _ in 0..100 {
            let pause = backoff.next(None);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} {whole:?}");
            whole = (whole * 2).min(pace.most);
        }
        backoff.reset();
        assert!(backoff.next(None) <= pace.least);
        assert!(backoff.spread() <= pace.least);
    }

    #[test]
    fn what_the_server_asks_for_is_kept_within_bounds() {
        let mut backoff = Backoff::new(Pace::default());
        let asked = Duration::from_secs(7);
        assert_eq!(backoff.next(Some(asked)), asked);
        let mut backoff = Backoff::new(Pace::default());
        assert_eq!(
            backoff.next(Some(Duration::from_hours(24))),
            Pace::default().most
        );
    }

    #[test]
    fn agents_do_not_keep_step() {
        let pauses: std::collections::HashSet<Duration> = (0..20)
            .map(|_| Backoff::new(Pace::default()).next(None))
            .collect();
        assert!(pauses.len() > 10);
    }
}
