//! What is told of ledgers and counters that grow.

use super::*;

/// Times of the first look, and of every further one.
const START: u64 = 100;
const NOW: u64 = 200;

/// A loss of which only the class is known.
fn unnamed(stage: &'static str, class: Class, count: u64, first: u64) -> Loss {
    Loss {
        stage,
        class,
        cgroup: None,
        count,
        first,
        last: NOW,
    }
}

fn row(cgroup: u64, count: u64, first: u64, last: u64) -> (LedgerKey, LedgerEntry) {
    let key = LedgerKey {
        cgroup,
        class: u32::from(Class::OPEN.0),
        reason: Reason::RING.0,
    };
    (key, LedgerEntry { count, first, last })
}

fn counters(lost_ring: u64, lost_internal: u64) -> [(Class, ClassCounters); 1] {
    let counters = ClassCounters {
        seen: 100,
        lost_ring,
        lost_internal,
        ..ClassCounters::ZERO
    };
    [(Class::OPEN, counters)]
}

#[test]
fn tells_each_loss_once() {
    let mut told = Told::since(START);
    assert_eq!(told.observe(&[], &counters(0, 0), Look::Next, NOW), []);
    let first = told.observe(&[row(7, 5, 10, 20)], &counters(5, 0), Look::Next, NOW);
    let loss = Loss {
        stage: "ring",
        class: Class::OPEN,
        cgroup: Some(7),
        count: 5,
        first: 10,
        last: 20,
    };
    assert_eq!(first, [loss]);
    assert_eq!(
        told.observe(&[row(7, 5, 10, 20)], &counters(5, 0), Look::Next, NOW),
        []
    );
    let more = told.observe(
        &[row(7, 8, 10, 30), row(8, 1, 25, 25)],
        &counters(9, 0),
        Look::Next,
        NOW,
    );
    let grown = Loss {
        count: 3,
        first: 20,
        last: 30,
        ..loss
    };
    let other = Loss {
        cgroup: Some(8),
        count: 1,
        first: 25,
        last: 25,
        ..loss
    };
    assert_eq!(more, [grown, other]);
}

#[test]
fn what_the_ledger_cannot_hold_is_told_by_class() {
    let mut told = Told::since(START);
    assert_eq!(
        told.observe(&[row(7, 5, 10, 20)], &counters(6, 0), Look::Next, NOW)
            .len(),
        1
    );
    let losses = told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next, NOW);
    assert_eq!(losses, [unnamed("ring", Class::OPEN, 1, START)]);
    let losses = told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next, NOW);
    assert_eq!(losses, [unnamed("internal", Class::OPEN, 2, NOW)]);
    assert_eq!(
        told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next, NOW),
        []
    );
}

#[test]
fn a_ledger_behind_its_counters_is_not_told_twice() {
    let mut told = Told::since(START);
    assert_eq!(told.observe(&[], &counters(4, 0), Look::Next, NOW), []);
    let losses = told.observe(&[row(7, 4, 10, 20)], &counters(4, 0), Look::Next, NOW);
    assert_eq!(losses.iter().map(|l| l.count).sum::<u64>(), 4);
    assert_eq!(
        told.observe(&[row(7, 4, 10, 20)], &counters(4, 0), Look::Next, NOW),
        []
    );
}

#[test]
fn the_last_look_waits_for_no_other() {
    let mut told = Told::since(START);
    assert_eq!(told.observe(&[], &counters(4, 0), Look::Next, NOW), []);
    let losses = told.observe(&[], &counters(6, 0), Look::Last, NOW);
    assert_eq!(losses, [unnamed("ring", Class::OPEN, 6, START)]);
}

#[test]
fn what_was_not_taken_is_kept_and_merged() {
    let mut untold = Untold::default();
    untold.add(vec![unnamed("ring", Class::OPEN, 2, START)]);
    untold.hand_over(Err);
    untold.add(vec![unnamed("ring", Class::OPEN, 3, NOW)]);
    let mut taken = Vec::new();
    untold.hand_over(|losses| {
        taken = losses;
        Ok(())
    });
    assert_eq!(taken, [unnamed("ring", Class::OPEN, 5, START)]);
    assert!(untold.is_empty());
}

/// A row is of one reason: it does not account for losses of another, and they are not told twice.
#[test]
fn reasons_are_kept_apart() {
    let mut told = Told::since(START);
    let (mut key, entry) = row(7, 3, 10, 20);
    key.reason = Reason::INTERNAL.0;
    let rows = [row(7, 5, 10, 20), (key, entry)];
    let losses = told.observe(&rows, &counters(5, 3), Look::Last, NOW);
    let stages: Vec<_> = losses.iter().map(|loss| (loss.stage, loss.count)).collect();
    assert_eq!(stages, [("ring", 5), ("internal", 3)]);
    assert_eq!(told.observe(&rows, &counters(5, 3), Look::Last, NOW), []);
}

#[test]
fn a_cgroup_of_version_1_says_so() {
    let mut loss = unnamed("ring", Class::OPEN, 1, START);
    assert_eq!(loss.cgroup_name(), None);
    loss.cgroup = Some(7);
    assert_eq!(loss.cgroup_name().as_deref(), Some("cgroup 7"));
    loss.cgroup = Some(7 | CGROUP_V1);
    assert_eq!(loss.cgroup_name().as_deref(), Some("v1 cgroup 7"));
}
