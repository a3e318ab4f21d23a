//! What the kernel half counts, for the page of metrics.

use std::time::Duration;

use komainu_common::Class;
use komainu_common::ledger::ClassCounters;
use tokio::sync::oneshot;

/// Somebody wants a report.
pub(super) type Ask = oneshot::Sender<KernelReport>;

/// What one program did.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgramReport {
    pub(super) name: &'static str,
    /// Times it was not entered, where the kernel tells.
    pub(super) misses: Option<u64>,
    /// Runs, and their time together.
    pub(super) runs: Option<(u64, Duration)>,
}

/// What the kernel half tells; nothing where it cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct KernelReport {
    pub(super) classes: Vec<(Class, ClassCounters)>,
    pub(super) programs: Vec<ProgramReport>,
    /// Bytes of the lifecycle and the bulk ring.
    pub(super) rings: [u64; 2],
}

impl KernelReport {
    /// Of the kernel half as it is now.
    #[cfg(feature = "ebpf")]
    pub(super) fn of(kernel: &crate::kernel::Kernel) -> Self {
        let classes = kernel.counters().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the counters of the kernel half");
            Vec::new()
        });
        let misses: Vec<_> = kernel.missed().collect();
        let programs = kernel.run_times().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the run times of the kernel half");
            Vec::new()
        });
        let programs = programs.into_iter().map(|run| ProgramReport {
            name: run.program,
            misses: misses
                .iter()
                .find(|missed| missed.probe.program == run.program)
                .map(|missed| missed.count),
            runs: Some((run.runs, run.time)),
        });
        Self {
            classes: classes
                .iter()
                .map(|row| (row.class, row.counters))
                .collect(),
            programs: programs.collect(),
            rings: kernel.ring_sizes(),
        }
    }
}
