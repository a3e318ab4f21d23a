//! Who waits, how long, and who makes room.

use proptest::prelude::*;

use super::*;

fn hold(bytes: usize, records: usize) -> Hold {
    Hold::new(Limits {
        wait: Duration::from_secs(3),
        bytes,
        records,
    })
}

/// Numbers of what is released, each record being its own number.
fn numbers(released: &Released) -> Vec<u64> {
    let check = |(number, record): (u64, &[u8])| {
        assert_eq!(record, number.to_ne_bytes());
        number
    };
    released.records().map(check).collect()
}

fn park(hold: &mut Hold, cgroup: u64, number: u64, now: Instant) -> Result<bool, Full> {
    hold.park(cgroup, number, &number.to_ne_bytes(), now)
}

#[test]
fn groups_released_together_keep_their_order() {
    let (mut hold, now) = (hold(1 << 20, 100), Instant::now());
    for (number, cgroup) in (0..).zip([1, 2, 1, 3, 2, 1]) {
        assert_eq!(
            park(&mut hold, cgroup, number, now),
            Ok(number != 2 && number < 4)
        );
    }
    assert!(hold.has(3) && !hold.has(4));
    let released = hold.take(|cgroup| cgroup != 3);
    assert_eq!(numbers(&released), [0, 1, 2, 4, 5]);
    let mut waits: Vec<_> = released.waits().collect();
    waits.sort_unstable();
    assert_eq!(waits, [(1, now, 3), (2, now, 2)]);
    assert!(!hold.is_empty());
    assert_eq!(numbers(&hold.take(|_| true)), [3]);
    assert_eq!((hold.is_empty(), hold.sizes()), (true, (0, 0)));
}

#[test]
fn a_flood_leaves_room_for_others() {
    let now = Instant::now();
    for mut hold in [hold(usize::MAX, 64), hold(64 * (8 + OVERHEAD), usize::MAX)] {
        let flooded = (0..).take_while(|number| park(&mut hold, 1, *number, now).is_ok());
        assert_eq!(flooded.count(), 32, "half of it");
        let second = (0..).take_while(|number| park(&mut hold, 2, *number, now).is_ok());
        assert_eq!(second.count(), 16);
        for cgroup in 3..10 {
            assert_eq!(park(&mut hold, cgroup, 0, now), Ok(true));
        }
        hold.take(|cgroup| cgroup == 1);
        assert_eq!(
            park(&mut hold, 2, 17, now),
            Ok(false),
            "there is room again"
        );
    }
}

#[test]
fn time_depends_on_what_is_waited_for() {
    let (mut hold, now) = (hold(1 << 20, 100), Instant::now());
    for cgroup in 1..4 {
        assert_eq!(park(&mut hold, cgroup, 0, now), Ok(true));
    }
    let wait = |cgroup| match cgroup {
        1 => Wait::Path,
        2 => Wait::Identity,
        _ => Wait::No,
    };
    let late = |after: Duration| {
        let mut late = hold.late(now + after, wait);
        late.sort_unstable();
        late
    };
    assert!(late(PATH.saturating_sub(Duration::from_millis(1))).is_empty());
    assert_eq!(late(PATH), [1]);
    assert_eq!(late(Duration::from_millis(2_999)), [1]);
    assert_eq!(late(Duration::from_secs(3)), [1, 2]);
}

#[test]
fn asks_less_and_less_often() {
    let (mut hold, now) = (hold(1 << 20, 100), Instant::now());
    park(&mut hold, 1, 0, now).unwrap();
    hold.ask(now, |_| false);
    let mut asked = Vec::new();
    for ms in 0..3_000 {
        hold.ask(now + Duration::from_millis(ms), |cgroup| {
            asked.push((cgroup, ms));
            true
        });
    }
    assert_eq!(asked, [(1, 0), (1, 100), (1, 300), (1, 700), (1, 1_500)]);
}

proptest! {
    /// Everything that went in comes out once and in order, and never is more in it than allowed.
    #[test]
    fn nothing_is_lost(ops in prop::collection::vec((0u8..8, 1u64..6), 0..300), bytes in 0usize..4_000, records in 0usize..64) {
        let (mut hold, now) = (hold(bytes, records), Instant::now());
        let mut inside: Vec<(u64, u64)> = Vec::new();
        for (number, (op, cgroup)) in (0..).zip(ops) {
            if op > 0 {
                if park(&mut hold, cgroup, number, now).is_ok() {
                    inside.push((number, cgroup));
                }
            } else {
                let released = numbers(&hold.take(|of| of <= cgroup));
                let expected: Vec<u64> = inside.extract_if(.., |(_, of)| *of <= cgroup).map(|(number, _)| number).collect();
                prop_assert_eq!(released, expected);
            }
            let (held, count) = hold.sizes();
            prop_assert!(held <= bytes && count <= records);
            prop_assert_eq!(count, inside.len());
        }
        prop_assert_eq!(numbers(&hold.take(|_| true)).len(), inside.len());
        prop_assert_eq!(hold.sizes(), (0, 0));
    }
}
