//! What the kernel filter does with the events of this machine, for as long as one looks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use komainu_common::filter::Vector;
use komainu_common::{Class, Header};

use crate::decode::{Clock, Decoded, Lifecycle, Scratch, decode};
use crate::enrich::container::Containers;
use crate::event::event_types;
use crate::kernel::{Batch, CgroupKinds, Kernel, Lanes, Options};
use crate::rules::RuleSet;
use crate::rules::plan::{ClassShare, Plan};

/// Longest that records stay unread.
const TICK: Duration = Duration::from_millis(50);
/// Sets of conjunctions that are told apart.
const MAX_SETS: usize = 4096;

/// Rules that are named for a class.
const SHOWN: usize = 5;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Live {
    shares: HashMap<Class, ClassShare>,
    /// How often which conjunctions were left.
    left: HashMap<(Class, Vector), u64>,
}

impl Live {
    /// Loads the kernel half with the plan, and looks.
    pub(super) fn watch(rules: &RuleSet, plan: &Plan, time: Duration) -> anyhow::Result<Self> {
        let mut kernel =
            Kernel::load(&Options::default()).context("cannot start the kernel half")?;
        kernel.prepare(&plan.into(), false)?;
        kernel.commit()?;
        kernel.watch(|name| event_types().any(|ty| ty.name == name && rules.wants(ty)))?;
        let mut lanes = kernel.lanes()?;
        let mut kinds = kernel.cgroup_kinds()?;
        let mut live = Self::default();
        live.read(&mut lanes, &mut kinds, time)?;
        kernel.detach();
        live.shares = kernel
            .counters()?
            .into_iter()
            .map(|report| {
                let (seen, filtered) = (report.counters.seen, report.counters.filtered);
                (report.class, ClassShare { seen, filtered })
            })
            .collect();
        Ok(live)
    }

    fn read(
        &mut self,
        lanes: &mut Lanes,
        kinds: &mut CgroupKinds,
        time: Duration,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        let (mut batch, mut scratch) = (Batch::default(), Scratch::default());
        let mut groups = Containers::new(MAX_SETS);
        while Instant::now() < end {
            lanes.wait(TICK)?;
            lanes.drain(&mut batch);
            for record in batch.records() {
                // A record that does not decode is no event, and passed all the same.
                if let Ok(decoded) = decode(record, Clock::default(), &mut scratch) {
                    learn(&decoded, &mut groups);
                    self.note(&decoded.header);
                }
            }
            for (cgroup, is_container) in groups.kinds() {
                kinds.tell(cgroup, is_container)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, header: &Header) {
        if header.plan == 0 {
            return;
        }
        let key = (Class(header.class), header.conjunctions);
        if self.left.len() < MAX_SETS || self.left.contains_key(&key) {
            *self.left.entry(key).or_default() += 1;
        }
    }

    /// The rules for which most events of a class passed, with the number of events; of an event that
    /// passed for several rules, each counts it.
    pub(super) fn passed(&self, class: Class, plan: &Plan, rules: &RuleSet) -> Vec<(String, u64)> {
        let mut of_rule: HashMap<u32, u64> = HashMap::new();
        for ((_, vector), count) in self.left.iter().filter(|((of, _), _)| *of == class) {
            for rule in plan.rules_of(class, vector).into_iter().flatten() {
                *of_rule.entry(rule).or_default() += count;
            }
        }
        let mut passed: Vec<(u32, u64)> = of_rule.into_iter().collect();
        passed.sort_unstable_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
        passed.truncate(SHOWN);
        let name =
            |(rule, count): (u32, u64)| Some((rules.rule(rule as usize)?.name.clone(), count));
        passed.into_iter().filter_map(name).collect()
    }

    /// What became of the events of a class.
    pub(super) fn share(&self, class: Class) -> Option<ClassShare> {
        self.shares.get(&class).copied()
    }
}

/// Learns the cgroup of a process that starts.
fn learn(decoded: &Decoded<'_>, groups: &mut Containers) {
    let (cgroup, path) = match &decoded.lifecycle {
        Some(Lifecycle::Fork(fork)) => (fork.cgroup, fork.cgroup_path),
        Some(Lifecycle::Exec(exec)) => (exec.cgroup, exec.cgroup_path),
        _ => return,
    };
    if let Some(path) = path {
        groups.learn(cgroup, path);
    }
}
