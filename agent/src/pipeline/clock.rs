//! The one clock: records carry boot time, alerts wall-clock time.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds since boot, `CLOCK_BOOTTIME`.
pub(super) fn boot() -> u64 {
    nanoseconds(clock_gettime(ClockId::Boottime))
}

/// Nanoseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime))
}

/// Wall-clock time of boot: adds to a boot time to give wall-clock time. Changes when the wall
/// clock is set.
pub(super) fn epoch() -> u64 {
    now().saturating_sub(boot())
}

fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    #[test]
    fn wall_clock_is_boot_time_and_epoch() {
        let (before, sum, after) = (super::now(), super::boot() + super::epoch(), super::now());
        let second = 1_000_000_000;
        assert!(sum + second > before && sum < after + second);
    }
}
