//! What is told of ledgers and counters that grow.

use super::*;

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
    let mut told = Told::default();
    assert_eq!(told.observe(&[], &counters(0, 0), Look::Next), []);
    let first = told.observe(&[row(7, 5, 10, 20)], &counters(5, 0), Look::Next);
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
        told.observe(&[row(7, 5, 10, 20)], &counters(5, 0), Look::Next),
        []
    );
    let more = told.observe(
        &[row(7, 8, 10, 30), row(8, 1, 25, 25)],
        &counters(9, 0),
        Look::Next,
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
    let mut told = Told::default();
    assert_eq!(
        told.observe(&[row(7, 5, 10, 20)], &counters(6, 0), Look::Next)
            .len(),
        1
    );
    let losses = told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next);
    assert_eq!(losses, [unnamed("ring", Class::OPEN, 1)]);
    let losses = told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next);
    assert_eq!(losses, [unnamed("internal", Class::OPEN, 2)]);
    assert_eq!(
        told.observe(&[row(7, 5, 10, 20)], &counters(6, 2), Look::Next),
        []
    );
}

#[test]
fn a_ledger_behind_its_counters_is_not_told_twice() {
    let mut told = Told::default();
    assert_eq!(told.observe(&[], &counters(4, 0), Look::Next), []);
    let losses = told.observe(&[row(7, 4, 10, 20)], &counters(4, 0), Look::Next);
    assert_eq!(losses.iter().map(|l| l.count).sum::<u64>(), 4);
    assert_eq!(
        told.observe(&[row(7, 4, 10, 20)], &counters(4, 0), Look::Next),
        []
    );
}

#[test]
fn the_last_look_waits_for_no_other() {
    let mut told = Told::default();
    assert_eq!(told.observe(&[], &counters(4, 0), Look::Next), []);
    let losses = told.observe(&[], &counters(6, 0), Look::Last);
    assert_eq!(losses, [unnamed("ring", Class::OPEN, 6)]);
}

#[test]
fn what_was_not_taken_is_kept_and_merged() {
    let mut untold = Untold::default();
    untold.add(vec![unnamed("ring", Class::OPEN, 2)]);
    untold.hand_over(Err);
    untold.add(vec![unnamed("ring", Class::OPEN, 3)]);
    let mut taken = Vec::new();
    untold.hand_over(|losses| {
        taken = losses;
        Ok(())
    });
    assert_eq!(taken, [unnamed("ring", Class::OPEN, 5)]);
    assert!(untold.is_empty());
}

/// A row is of one reason: it does not account for losses of another, and they are not told twice.
#[test]
fn reasons_are_kept_apart() {
    let mut told = Told::default();
    let (mut key, entry) = row(7, 3, 10, 20);
    key.reason = Reason::INTERNAL.0;
    let rows = [row(7, 5, 10, 20), (key, entry)];
    let losses = told.observe(&rows, &counters(5, 3), Look::Last);
    let stages: Vec<_> = losses.iter().map(|loss| (loss.stage, loss.count)).collect();
    assert_eq!(stages, [("ring", 5), ("internal", 3)]);
    assert_eq!(told.observe(&rows, &counters(5, 3), Look::Last), []);
}
