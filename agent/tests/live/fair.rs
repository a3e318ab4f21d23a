//! Fair shares: who floods the bulk lane loses, and nobody else.

use std::{collections::HashSet, time::Duration};

use komainu::{
    decode::{Clock, Scratch, decode},
    kernel::Options,
};
use komainu_common::{Class, Header, ledger::Reason};
use zerocopy::FromBytes as _;

use crate::{
    Test,
    cgroup::Cgroup,
    watch::{Watch, act, finish},
};

pub(crate) const TESTS: &[Test] = &[("fair_shares_of_the_bulk_lane", shares)];

/// Files that the quiet process opens.
const QUIET: usize = 2_000;

/// Two threads flood in one cgroup, one process opens files at a modest pace in another, and the
/// reader is too slow for both.
fn shares(_: &mut Watch) {
    let (Some(loud), Some(quiet)) = (Cgroup::new("loud"), Cgroup::new("quiet")) else {
        println!("left out: no cgroup2 hierarchy is mounted");
        return;
    };
    let small = Options {
        bulk_ring: 1 << 20,
        ..Options::default()
    };
    let mut watch = Watch::with(&small).unwrap();
    let (mut names, mut records) = (HashSet::new(), 0_u32);
    let prefix = format!("/komainu-quiet-{}", std::process::id());
    watch.while_running(
        || {
            let mut flood = act("flood-in")
                .args([loud.path(), "/etc/hostname"])
                .spawn()
                .unwrap();
            let calm = act("open-many-in")
                .args([quiet.path(), &prefix, &QUIET.to_string()])
                .spawn()
                .unwrap();
            finish(calm);
            flood.kill().unwrap();
            flood.wait().unwrap();
        },
        |record| {
            records += 1;
            if records.is_multiple_of(500) {
                std::thread::sleep(Duration::from_millis(20));
            }
            names.extend(name(record, quiet.id()).filter(|name| name.starts_with(&prefix)));
        },
    );
    let ledger = watch.kernel.ledger().unwrap();
    let lost = |cgroup: &Cgroup| {
        let rows = ledger.iter().filter(|row| row.key.cgroup == cgroup.id());
        let opens = rows.filter(|row| row.key.class == u32::from(Class::OPEN.0));
        opens
            .map(|row| (Reason(row.key.reason).name(), row.entry.count))
            .collect::<Vec<_>>()
    };
    println!("lost in the flooding cgroup: {:?}", lost(&loud));
    assert_eq!(lost(&quiet), [], "lost in the quiet cgroup");
    assert_eq!(names.len(), QUIET, "opens of the quiet cgroup");
    assert!(
        lost(&loud)
            .iter()
            .any(|(reason, count)| *reason == "share" && *count > 1_000),
        "the flood must have met its share: {:?}",
        lost(&loud)
    );
    watch.close_accounts();
}

/// The path of an open in `cgroup`.
fn name(record: &[u8], cgroup: u64) -> Option<String> {
    let header = Header::read_from_prefix(record).ok()?.0;
    if header.cgroup != cgroup || header.class != Class::OPEN.0 {
        return None;
    }
    let mut scratch = Scratch::default();
    let decoded = decode(record, Clock::default(), &mut scratch).unwrap();
    let name = decoded.event?.fd?.name.to_vec();
    String::from_utf8(name).ok()
}
