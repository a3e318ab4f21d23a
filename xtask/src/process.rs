//! What a process used so far, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks of `/proc/PID/stat` (`USER_HZ`, `proc_pid_stat(5)`).
const TICK: Duration = Duration::from_millis(10);
/// What the mapping of a BPF map is called (`kernel/bpf/syscall.c`).
const MAP: &str = "anon_inode:bpf-map";

/// Processor time, in nanoseconds where the kernel counts them for its threads
/// (`CONFIG_SCHED_INFO`), else in ticks.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
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

/// Memory of a process, in KiB (`proc_pid_status(5)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) resident: u64,
    /// The part of it that is the process's own: heap and stacks.
    pub(crate) anonymous: u64,
}

/// Memory now.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    memory_in(&status).context("cannot read /proc/PID/status")
}

/// Resident memory now, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    Ok(memory(pid)?.resident)
}

fn memory_in(status: &str) -> Option<Memory> {
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line?.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory {
        resident: of("VmRSS:")?,
        anonymous: of("RssAnon:")?,
    })
}

/// The part of it that is BPF maps: the rings, whose pages count as soon as they are mapped.
pub(crate) fn rings_kib(pid: u32) -> Result<u64> {
    Ok(rings(&fs::read_to_string(format!("/proc/{pid}/smaps"))?))
}

/// Sums up the `Rss` of maps (`proc_pid_smaps(5)`).
fn rings(smaps: &str) -> u64 {
    let mut is_map = false;
    let mut sum = 0;
    for line in smaps.lines() {
        match line.split_once(':') {
            Some(("Rss", size)) if is_map => {
                let size = size.trim().strip_suffix(" kB");
                sum += size.and_then(|size| size.parse().ok()).unwrap_or(0);
            }
            // The first line of a mapping, with the device's number in it.
            Some((head, _)) if head.contains(' ') => is_map = line.ends_with(MAP),
            _ => {}
        }
    }
    sum
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
    fn only_maps_count_as_rings() {
        let smaps = "7f00-7f10 rw-p 00000000 00:00 0 \nRss:   8 kB\nPss:   8 kB\n\
                     7f10-7f20 r--s 00001000 00:0f 1071  anon_inode:bpf-map\nSize:  9 kB\nRss:  4 kB\n\
                     7f20-7f30 r--s 00001000 00:0f 1071  anon_inode:bpf-map\nRss:  2 kB\n\
                     7f30-7f40 r-xp 00000000 fe:00 12  /usr/lib/libc.so.6\nRss:  1 kB\n";
        assert_eq!(rings(smaps), 6);
        assert_eq!(rings(""), 0);
    }

    #[test]
    fn memory_is_told_by_kind() {
        let status = "Name:\tx\nVmRSS:\t   52 kB\nRssAnon:\t   40 kB\nRssFile:\t   12 kB\n";
        let memory = memory_in(status).unwrap();
        assert_eq!((memory.resident, memory.anonymous), (52, 40));
        assert_eq!(memory_in("Name:\tx\n"), None, "a kernel thread has none");
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
