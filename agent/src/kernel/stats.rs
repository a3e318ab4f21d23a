//! Counters, the loss ledger, and programs that the kernel did not enter.

use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::maps::{HashMap, MapError, PerCpuArray};
use komainu_common::{
    Class,
    ledger::{ClassCounters, LedgerEntry, LedgerKey},
};

use super::{Hook, Kernel, PROBES, Probe};

/// Counters of one event class, summed over CPUs.
#[derive(Clone, Copy, Debug)]
pub struct ClassReport {
    /// The class.
    pub class: Class,
    /// Its counters.
    pub counters: ClassCounters,
}

/// Losses of one event class in one cgroup for one reason.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Which.
    pub key: LedgerKey,
    /// How many, and when.
    pub entry: LedgerEntry,
}

/// Times the kernel did not run a program of ours, because it was in it already on that CPU.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    /// The program.
    pub probe: &'static Probe,
    /// Times since it was loaded. What they would have been is not known.
    pub count: u64,
}

impl Kernel {
    /// Counters of every class. While events happen, `seen` may be ahead of the sum of the others
    /// by those being built.
    pub fn counters(&self) -> Result<Vec<ClassReport>, MapError> {
        let Some(map) = self.object.map("COUNTERS") else {
            return Ok(Vec::new());
        };
        let map = PerCpuArray::<_, ClassCounters>::try_from(map)?;
        Class::ALL
            .iter()
            .map(|&class| {
                let per_cpu = map.get(&u32::from(class.0), 0)?;
                let sum = |sum: ClassCounters, cpu| sum.plus(cpu);
                let counters = per_cpu.iter().fold(ClassCounters::ZERO, sum);
                Ok(ClassReport { class, counters })
            })
            .collect()
    }

    /// Losses by cgroup, class and reason since the programs were loaded.
    pub fn ledger(&self) -> Result<Vec<Loss>, MapError> {
        let Some(map) = self.object.map("LEDGER") else {
            return Ok(Vec::new());
        };
        let map = HashMap::<_, LedgerKey, LedgerEntry>::try_from(map)?;
        map.iter()
            .map(|row| row.map(|(key, entry)| Loss { key, entry }))
            .collect()
    }

    /// How often each attached program was not entered (`recursion_misses`; nothing before 5.12,
    /// which does not tell).
    pub fn missed(&self) -> impl Iterator<Item = Missed> + '_ {
        let entered = |probe: &&Probe| matches!(probe.hook, Hook::RawTracepoint(_));
        PROBES.iter().filter(entered).filter_map(|probe| {
            let count = self.recursion_misses(probe.program)?;
            Some(Missed { probe, count })
        })
    }

    /// From `fdinfo`: the loader has no accessor for this member of `struct bpf_prog_info`.
    fn recursion_misses(&self, program: &str) -> Option<u64> {
        let fd = self.object.program(program)?.fd().ok()?;
        let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
        let text = std::fs::read_to_string(path).ok()?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("recursion_misses:"))?;
        value.trim().parse().ok()
    }
}
