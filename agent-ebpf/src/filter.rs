//! The kernel filter: which conjunctions of the loaded rules an event may satisfy.
//!
//! The tables are described in [`komainu_common::filter`]. The cheap tests come first; a path is
//! looked up only while a conjunction is left that depends on it; with nothing left the event is
//! counted as filtered.

use aya_ebpf::helpers::generated::bpf_map_lookup_elem;
use komainu_common::{
    Class,
    class::CLASS_SLOTS,
    filter::{ClassPlan, PLAN_AUDIT, PLAN_FACTS, PLAN_PRESENT, Vector, role, slot_of, source},
};

use crate::{
    account,
    lookup::{Names, lookup},
    maps::{self, ACTIVE_PLAN, CGROUP_KINDS, PLANS, Scratch},
    name::{Area, Name},
    number::{self, SOURCES, alive, is_empty},
    record,
    task::Subject,
};

/// Notes which plan is in force, for the event that begins: all that asks the plan goes by this.
#[inline(always)]
pub(crate) fn note_plan(scratch: &mut Scratch) {
    scratch.filter.generation = ACTIVE_PLAN.get(0).map_or(0, |active| active.generation);
}

/// Index of the plan of a class.
#[inline(always)]
fn index_of(generation: u32, class: Class) -> u32 {
    slot_of(generation) * CLASS_SLOTS + u32::from(class.0)
}

/// The plan of one class, and what is left of its conjunctions for the event at hand.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    plan: &'static ClassPlan,
    /// Its index in the plans.
    index: u32,
    generation: u32,
    class: Class,
}

impl Gate {
    /// The gate of a class for the event in the scratch buffer; `None` where no plan is in force, and everything passes.
    #[inline(always)]
    pub(crate) fn of(scratch: &Scratch, class: Class) -> Option<Self> {
        let generation = scratch.filter.generation;
        let index = index_of(generation, class);
        let plan = PLANS.get(index)?;
        (plan.flags & PLAN_PRESENT != 0).then_some(Self {
            plan,
            index,
            generation,
            class,
        })
    }

    /// Whether a test looks at this source.
    #[inline(always)]
    pub(crate) fn wants(&self, source: u32) -> bool {
        self.plan.sources & (1 << source) != 0
    }

    /// Starts with every conjunction. The values are those of an earlier event until they are set: set
    /// every source that [`Self::wants`] names and the class has.
    #[inline(always)]
    pub(crate) fn begin(&self, scratch: &mut Scratch) {
        for (alive, all) in scratch.filter.alive.iter_mut().zip(self.plan.all) {
            alive.set(all);
        }
    }

    /// Sets what the class's event has in common with every other.
    #[inline(always)]
    pub(crate) fn set_common(&self, scratch: &mut Scratch, task: impl Subject, result: i64) {
        set(scratch, source::RESULT, result);
        if self.wants(source::CGROUP_KIND) {
            set(scratch, source::CGROUP_KIND, cgroup_kind(task.cgroup()));
        }
        if self.wants(source::UID) {
            set(scratch, source::UID, i64::from(task.uid()));
        }
    }

    /// Applies the tests that need no path; `false` if nothing is left.
    #[inline(always)]
    pub(crate) fn test_numbers(&self, scratch: &mut Scratch) -> bool {
        number::test_plan(scratch.index, self.index) != 0
    }

    /// Whether looking at the path of this role can rule out the event. It cannot while a conjunction
    /// is left that says nothing about the path.
    #[inline(always)]
    pub(crate) fn wants_path(&self, scratch: &Scratch, role: u8) -> bool {
        let any = &self.plan.paths_any[role as usize & (role::COUNT - 1)];
        let has_tests = self.plan.tests_len > self.plan.tests_before_path;
        (role == role::FIRST && has_tests) || !meets(&alive(scratch), any)
    }

    /// Applies what the two names of a path rule out, and the tests that wait for them; `false` if
    /// nothing is left.
    #[inline(always)]
    pub(crate) fn test_names(&self, scratch: &mut Scratch, role: u8) -> bool {
        let names = Names {
            head: [slot_of(self.generation) as u8, role, self.class.0 as u8, 0],
            plan: self.index,
        };
        if lookup(scratch, names) {
            let found = &scratch.filter.found;
            for (word, alive) in scratch.filter.alive.iter_mut().enumerate() {
                alive.set(alive.get() & found[word].get());
            }
        }
        !is_empty(&alive(scratch))
    }

    /// What to write into the header of an event that passes.
    #[inline(always)]
    pub(crate) fn outcome(&self, scratch: &Scratch) -> (Vector, u32) {
        (alive(scratch), self.generation)
    }

    /// Counts the event as filtered. `false` where it is to be delivered all the same
    /// (`--audit-filter`): with no conjunction left.
    #[inline(always)]
    pub(crate) fn reject(&self, scratch: &mut Scratch) -> bool {
        if self.plan.flags & PLAN_AUDIT != 0 {
            for alive in &mut scratch.filter.alive {
                alive.set(0);
            }
            return false;
        }
        account::count(self.class, |counters| counters.filtered += 1);
        true
    }
}

/// The facts that rules read of a class.
#[inline(always)]
pub(crate) fn facts(scratch: &Scratch, class: Class) -> u32 {
    PLANS
        .get(index_of(scratch.filter.generation, class))
        .map_or(0, |plan| plan.flags >> PLAN_FACTS)
}

/// Notes what is known of a name; both are to be noted before [`Gate::test_names`].
#[inline(always)]
pub(crate) fn set_name(scratch: &mut Scratch, area: Area, name: Name) {
    let known = match area {
        Area::Kernel => &mut scratch.filter.kernel_len,
        Area::Asked | Area::Base => &mut scratch.filter.asked_len,
    };
    known.set(name.encode());
}

/// Sets the value of a source.
#[inline(always)]
pub(crate) fn set(scratch: &mut Scratch, source: u32, value: i64) {
    scratch.filter.values[(source & SOURCES) as usize] = value;
}

/// What user space has told about a cgroup.
#[inline(always)]
fn cgroup_kind(id: u64) -> i64 {
    let map = (&raw const CGROUP_KINDS).cast_mut().cast();
    // SAFETY: the key is of the map's type; a value lives until this program ends.
    unsafe {
        let value = bpf_map_lookup_elem(map, (&raw const id).cast()).cast::<u32>();
        if value.is_null() {
            0
        } else {
            i64::from(*value)
        }
    }
}

/// Applies the tests of numbers to a described record of an event that was kept until it ended, and notes what they
/// leave; 0 if nothing is left and the event is counted as filtered. What its class knows besides is to be
/// [`set`] before. Its paths are left to user space. A function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn ended_passes(index: u32, call: u32) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 1;
    };
    let header = record::header(scratch);
    let (result, cgroup, uid) = (header.ret, header.cgroup, header.task.uid);
    let class = Class(header.class);
    let Some(gate) = Gate::of(scratch, class) else {
        return 1;
    };
    gate.begin(scratch);
    set(scratch, source::RESULT, result);
    set(scratch, source::CALL, i64::from(call));
    set(scratch, source::CGROUP_KIND, cgroup_kind(cgroup));
    set(scratch, source::UID, i64::from(uid));
    if !gate.test_numbers(scratch) && gate.reject(scratch) {
        return 0;
    }
    let (left, generation) = gate.outcome(scratch);
    let header = record::header(scratch);
    (header.conjunctions, header.plan) = (left, generation);
    1
}

/// Whether two vectors have a conjunction in common.
#[inline(always)]
fn meets(left: &Vector, right: &Vector) -> bool {
    left.iter()
        .zip(right)
        .fold(0, |bits, (a, b)| bits | (a & b))
        != 0
}
