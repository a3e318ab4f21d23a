//! What a process used so far, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks of `/proc/PID/stat` (`USER_HZ`, `proc_pid_stat(5)`).
const TICK: Duration = Duration::from_millis(10);

/// Processor time, in nanoseconds where the kernel counts them for its threads
/// (`CONFIG_SCHED_INFO`), else in ticks.
pub(super) fn cpu_time(pid: u32) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else {
            // The thread ended, or the kernel has no such file.
            continue;
        };
        sum += on_cpu(&text).context("cannot read schedstat")?;
    }
    if sum > Duration::ZERO {
        return Ok(sum);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat).context("cannot read /proc/PID/stat")
}

/// Resident memory now, in KiB.
pub(super) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .context("cannot read /proc/PID/status")
}

/// The first number of a `schedstat` (`Documentation/scheduler/sched-stats.rst`).
fn on_cpu(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// User and system time: the 14th and 15th field, counted after the name in parentheses.
fn ticks(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest
        .split(' ')
        .skip(11)
        .map(|field| field.parse::<u32>().ok());
    Some(TICK * (fields.next()?? + fields.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_spaces() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 1 0 5 0 0";
        assert_eq!(ticks(stat), Some(Duration::from_millis(420)));
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn a_process_that_works_uses_time() {
        let before = cpu_time(std::process::id()).unwrap();
        let start = std::time::Instant::now();
        while start.elapsed() < 4 * TICK {}
        assert!(cpu_time(std::process::id()).unwrap() > before);
        assert!(resident_kib(std::process::id()).unwrap() > 0);
        assert_eq!(on_cpu("1500 20 3\n"), Some(Duration::from_nanos(1500)));
    }
}
