//! What the programs cost: how often each ran and for how long, as the kernel counts it.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::Duration,
};

use aya::sys::{Stats, SyscallError, enable_stats};

use super::Kernel;

/// Runs of one program since it was loaded, counted while [`count_run_time`] is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunTime {
    /// Name of the program in the object.
    pub program: &'static str,
    /// How often it was entered by its hook; tail calls count for the program that made them.
    pub runs: u64,
    /// Time from entry to return, tail calls included.
    pub time: Duration,
}

/// Makes the kernel count run time (`BPF_ENABLE_STATS`, Linux 5.8) until the descriptor is closed. It
/// costs every BPF program of the machine some 20 to 40 ns per run, which are not in the figures.
pub fn count_run_time() -> Result<OwnedFd, SyscallError> {
    enable_stats(Stats::RunTime)
}

impl Kernel {
    /// Run time of each loaded program, in the order of the probe table.
    pub fn run_times(&self) -> io::Result<Vec<RunTime>> {
        let attached = self.probes().iter().filter(|status| status.attached());
        attached
            .map(|status| self.run_time(status.probe.program))
            .collect()
    }

    fn run_time(&self, name: &'static str) -> io::Result<RunTime> {
        let program = self.object.program(name).ok_or(io::ErrorKind::NotFound)?;
        let fd = program.fd().map_err(io::Error::other)?;
        let number = fd.as_fd().as_raw_fd();
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
        parse(name, &text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// From the text that `bpf_prog_show_fdinfo` writes (`kernel/bpf/syscall.c`).
fn parse(program: &'static str, text: &str) -> Option<RunTime> {
    let number = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key))?;
        value.trim().parse().ok()
    };
    Some(RunTime {
        program,
        runs: number("run_cnt:")?,
        time: Duration::from_nanos(number("run_time_ns:")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let text =
            "pos:\t0\nprog_type:\t17\nrun_time_ns:\t2500\nrun_cnt:\t10\nverified_insns:\t77\n";
        let read = parse("exec", text).unwrap();
        assert_eq!((read.runs, read.time), (10, Duration::from_nanos(2500)));
        assert_eq!(parse("exec", "pos:\t0\n"), None);
    }
}
