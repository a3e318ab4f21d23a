//! What the agent itself takes of the machine.

use std::time::Duration;

use rustix::param::page_size;

use super::super::cpu;

/// Memory, time, descriptors; 0 where it cannot be read.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Own {
    /// Bytes resident.
    pub(in super::super) resident: u64,
    /// CPU time.
    pub(in super::super) cpu: Duration,
    /// Open descriptors.
    pub(in super::super) descriptors: usize,
}

impl Own {
    /// As it is now. `/proc` here is that of the agent's own pid namespace, whatever is watched.
    pub(in super::super) fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self {
            resident: resident(&statm).unwrap_or(0) * page_size() as u64,
            cpu: cpu::taken(),
            // One of them is that of the list.
            descriptors: descriptors.saturating_sub(1),
        }
    }
}

/// Second number of `statm`, pages (proc_pid_statm(5)).
fn resident(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_something() {
        assert_eq!(resident("7 3 2 1 0 1 0\n"), Some(3));
        assert_eq!(resident(""), None);
        let own = Own::now();
        assert!(own.resident > 1 << 20 && own.descriptors >= 3, "{own:?}");
        assert!(
            own.cpu > Duration::ZERO && own.cpu < Duration::from_hours(1),
            "{own:?}"
        );
    }
}
