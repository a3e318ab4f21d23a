//! Tests of numbers, and what they left for the numbers seen lately.
//!
//! What they leave depends on the numbers alone, so it is kept by these: an open mostly has the result, the
//! flags and the user of one a moment ago, and dozens of tests become one comparison.

use core::{hint::black_box, ops::Range};

use komainu_common::filter::{ClassPlan, MAX_NUMBER_TESTS, NumberTest, Vector, WORDS, source};

use crate::maps::{self, Cell, Filtering, PLANS, Scratch};

/// Mask of an index into the values.
pub(crate) const SOURCES: u32 = source::COUNT - 1;

const _: () = assert!(source::COUNT.is_power_of_two());

/// Values by source.
pub(crate) type Values = [i64; source::COUNT as usize];

/// The conjunctions that are left.
#[inline(always)]
pub(crate) fn alive(scratch: &Scratch) -> Vector {
    let [a, b, c, d] = &scratch.filter.alive;
    [a.get(), b.get(), c.get(), d.get()]
}

/// Whether there is none in it.
#[inline(always)]
pub(crate) fn is_empty(vector: &Vector) -> bool {
    vector.iter().fold(0, |bits, word| bits | word) == 0
}

/// Sources that the numbers of an event are kept by. Of a plan that tests others before its paths,
/// nothing is kept.
const KEPT_BY: [u32; 5] = [
    source::RESULT,
    source::CALL,
    source::OPEN_FLAGS,
    source::CGROUP_KIND,
    source::UID,
];
/// A bit for each.
const REMEMBERED: u32 = {
    let (mut bits, mut at) = (0, 0);
    while at < KEPT_BY.len() {
        bits |= 1 << KEPT_BY[at];
        at += 1;
    }
    bits
};
/// The same of sources that are tested later, with a name.
const ABOUT_PATHS: u32 = 1 << source::DOTDOT | 1 << source::SIGNATURE;

/// Sets of numbers that are remembered by each program on each CPU.
pub(crate) const SEEN: usize = 32;

/// What the tests of a plan left for some numbers.
#[repr(C)]
pub(crate) struct Seen {
    /// Generation and index of the plan; 0 for none.
    plan: Cell,
    values: [Cell; KEPT_BY.len()],
    left: [Cell; WORDS],
}

type Kept = [u64; KEPT_BY.len()];

impl Seen {
    #[inline(always)]
    fn is_of(&self, plan: u64, values: &Kept) -> bool {
        let mut differs = self.plan.get() ^ plan;
        for (known, value) in self.values.iter().zip(values) {
            differs |= known.get() ^ value;
        }
        differs == 0
    }

    #[inline(always)]
    fn set(&mut self, plan: u64, values: &Kept, left: &[Cell; WORDS]) {
        self.plan.set(plan);
        for (known, value) in self.values.iter_mut().zip(values) {
            known.set(*value);
        }
        for (known, left) in self.left.iter_mut().zip(left) {
            known.set(left.get());
        }
    }
}

/// What the numbers of an event are kept by: the plan, and those that it tests; 0 for others, which are of
/// an earlier event.
#[inline(always)]
fn key(filter: &Filtering, plan: &ClassPlan, index: u32) -> (u64, Kept) {
    let values = KEPT_BY.map(|source| {
        let is_tested = u64::from(plan.sources >> source & 1);
        filter.values[source as usize] as u64 & is_tested.wrapping_neg()
    });
    let plan = u64::from(filter.generation) << 32 | u64::from(index);
    (plan, values)
}

/// Where they are kept.
#[inline(always)]
fn slot(values: &Kept) -> usize {
    let hash = values.iter().fold(0_u64, |hash, value| {
        (hash ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (hash >> (u64::BITS - SEEN.trailing_zeros())) as usize
}

const _: () = assert!(SEEN.is_power_of_two() && MAX_NUMBER_TESTS.is_power_of_two());

/// Applies the number tests of a plan that need no path; 0 if nothing is left. A function that the
/// verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn test_plan(index: u32, plan_index: u32) -> u32 {
    let (Some(scratch), Some(plan)) = (maps::scratch(index), PLANS.get(plan_index)) else {
        return 1;
    };
    let filter = &mut scratch.filter;
    let (plan_key, values) = key(filter, plan, plan_index);
    let seen = &mut filter.seen[slot(&values)];
    if seen.is_of(plan_key, &values) {
        for (alive, left) in filter.alive.iter_mut().zip(&seen.left) {
            alive.set(left.get());
        }
    } else {
        test_range(index, plan_index, 0..plan.tests_before_path, EVENT);
        if plan.sources & !REMEMBERED & !ABOUT_PATHS == 0 {
            seen.set(plan_key, &values, &filter.alive);
        }
    }
    u32::from(!is_empty(&alive(scratch)))
}

/// Applies the number tests of a plan that are about a path to what the tables hold for a name. A function
/// that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn test_name(index: u32, plan_index: u32) -> u32 {
    let (Some(scratch), Some(plan)) = (maps::scratch(index), PLANS.get(plan_index)) else {
        return 0;
    };
    let filter = &mut scratch.filter;
    let is_signed = filter.values[source::SIGNATURE as usize] != 0;
    let end = if is_signed {
        plan.tests_len
    } else {
        plan.tests_before_signature
    };
    let left = test_range(index, plan_index, plan.tests_before_path..end, NAME);
    if left && !is_signed && plan.sources & (1 << source::SIGNATURE) != 0 {
        for (name, unsigned) in filter.name.iter_mut().zip(plan.unsigned) {
            name.set(name.get() & unsigned);
        }
    }
    0
}

/// What tests are applied to: the event's conjunctions, or those of the name being looked up.
const EVENT: u32 = 0;
const NAME: u32 = 1;

/// Tests that [`test_some`] applies; a divisor of all.
const AT_ONCE: u32 = 8;

/// Applies tests by their numbers; `false` if nothing is left.
#[inline(always)]
fn test_range(scratch: u32, plan: u32, tests: Range<u32>, to: u32) -> bool {
    for turn in 0..MAX_NUMBER_TESTS as u32 / AT_ONCE {
        let first = tests.start.wrapping_add(turn * AT_ONCE);
        if first >= tests.end {
            break;
        }
        if test_some(scratch, plan, first, tests.end, to) == 0 {
            return false;
        }
    }
    true
}

/// Applies a few tests; 0 if nothing is left. A function that the verifier checks once, and not for each
/// of all the tests there may be.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn test_some(scratch: u32, plan: u32, first: u32, end: u32, to: u32) -> u32 {
    let (Some(scratch), Some(plan)) = (maps::scratch(scratch), PLANS.get(plan)) else {
        return 1;
    };
    let Filtering {
        alive,
        name,
        values,
        ..
    } = &mut scratch.filter;
    let vector = if to == NAME { name } else { alive };
    for step in 0..AT_ONCE {
        let at = first.wrapping_add(step);
        if at >= end {
            break;
        }
        // The verifier is told by a mask that there is such a test.
        let test = &plan.tests[black_box(at) as usize & (MAX_NUMBER_TESTS - 1)];
        if !apply(vector, values, test) {
            return 0;
        }
    }
    1
}

/// Applies one test; `false` if nothing is left.
#[inline(always)]
fn apply(alive: &mut [Cell; WORDS], values: &Values, test: &NumberTest) -> bool {
    let value = values[(test.source & SOURCES) as usize] & test.mask as i64;
    let outside = is_outside(value, test.low, test.high);
    let mut left = 0;
    for (word, alive) in alive.iter_mut().enumerate() {
        let outcome = test.holds[word] & !outside | test.fails[word] & outside;
        let bits = alive.get() & outcome;
        alive.set(bits);
        left |= bits;
    }
    left != 0
}

/// All ones where a value is not in a range, else zero: by the borrow of a subtraction (Warren, Hacker's Delight,
/// 2-13), for of a branch the verifier would follow both sides, in each test.
#[inline(always)]
fn is_outside(value: i64, low: i64, high: i64) -> u64 {
    let distance = value.wrapping_sub(low) as u64;
    let width = high.wrapping_sub(low) as u64;
    let borrow = !width & distance | (!width | distance) & width.wrapping_sub(distance);
    ((borrow as i64) >> 63) as u64
}
