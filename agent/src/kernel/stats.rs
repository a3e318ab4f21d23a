//! Counters and the loss ledger.

use aya::maps::{HashMap, MapError, PerCpuArray};
use komainu_common::{
    Class,
    ledger::{ClassCounters, LedgerEntry, LedgerKey},
};

use super::Kernel;

/// Counters of one event class, summed over CPUs.
#[derive(Clone, Copy, Debug)]
pub struct ClassReport {
    /// The class.
    pub class: Class,
    /// Its counters.
    pub counters: ClassCounters,
}

impl ClassReport {
    /// Events lost, whatever the reason.
    pub fn lost(&self) -> u64 {
        self.counters
            .lost_ring
            .saturating_add(self.counters.lost_internal)
    }
}

/// Losses of one event class in one cgroup.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Which.
    pub key: LedgerKey,
    /// How many, and when.
    pub entry: LedgerEntry,
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
                let zero = ClassCounters {
                    seen: 0,
                    emitted: 0,
                    filtered: 0,
                    lost_ring: 0,
                    lost_internal: 0,
                };
                let counters = per_cpu.iter().fold(zero, |sum, cpu| ClassCounters {
                    seen: sum.seen.wrapping_add(cpu.seen),
                    emitted: sum.emitted.wrapping_add(cpu.emitted),
                    filtered: sum.filtered.wrapping_add(cpu.filtered),
                    lost_ring: sum.lost_ring.wrapping_add(cpu.lost_ring),
                    lost_internal: sum.lost_internal.wrapping_add(cpu.lost_internal),
                });
                Ok(ClassReport { class, counters })
            })
            .collect()
    }

    /// Losses by cgroup and class since the programs were loaded.
    pub fn ledger(&self) -> Result<Vec<Loss>, MapError> {
        let Some(map) = self.object.map("LEDGER") else {
            return Ok(Vec::new());
        };
        let map = HashMap::<_, LedgerKey, LedgerEntry>::try_from(map)?;
        map.iter()
            .map(|row| row.map(|(key, entry)| Loss { key, entry }))
            .collect()
    }
}
