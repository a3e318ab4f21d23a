//! CPU time of the agent.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What this process has taken, all of its threads, user and system.
pub(super) fn taken() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}
