//! Overload: what is lost is counted, and nobody else loses.

use std::process::Command;

use komainu_common::{Class, Header};
use zerocopy::FromBytes as _;

use crate::{
    Test,
    watch::{Watch, act, finish, perform},
};

pub(crate) const TESTS: &[Test] = &[
    ("flood_of_opens_loses_no_exec", opens_lose_no_exec),
    (
        "flood_of_failed_execs_loses_no_exec",
        failed_execs_lose_no_exec,
    ),
    (
        "flood_without_a_reader_is_counted",
        without_a_reader_is_counted,
    ),
];

/// 200,000 opens in one process while another starts programs.
fn opens_lose_no_exec(watch: &mut Watch) {
    const EXECS: usize = 300;
    let before = counters(watch, Class::EXEC);
    let mut execs = 0;
    let mut opens = 0;
    let (flooder, children) = watch.while_running(
        || {
            let flood = act("open-flood")
                .args(["/etc/hostname", "200000"])
                .spawn()
                .unwrap();
            let children: Vec<u32> = (0..EXECS)
                .map(|_| finish(Command::new("/bin/true").spawn().unwrap()).0)
                .collect();
            (finish(flood).0, children)
        },
        |record| {
            let header = Header::read_from_prefix(record).unwrap().0;
            execs += usize::from(header.class == Class::EXEC.0 && header.ret == 0);
            opens += usize::from(header.class == Class::OPEN.0);
        },
    );
    let after = counters(watch, Class::EXEC);
    assert_eq!(after.1 - before.1, 0, "execs lost");
    assert!(
        execs > children.len(),
        "{execs} execs of {EXECS} and the flooder {flooder}"
    );
    assert!(opens > 0);
}

/// Failed execs are cheap to make and large; they must not take the place of real ones.
fn failed_execs_lose_no_exec(watch: &mut Watch) {
    let (children, seen) = watch.during(|| {
        perform("exec-fail-flood", &["3000"]);
        let start = || finish(Command::new("/bin/true").env_clear().spawn().unwrap()).0;
        (0..100).map(|_| start()).collect::<Vec<u32>>()
    });
    for child in children {
        let execs = seen.of(child, |decoded| decoded.lifecycle.as_ref().map(|_| ()));
        assert_eq!(execs.len(), 2, "exec and exit of {child}");
    }
}

/// The ring overflows, every loss is in the counters and in the ledger under the right cgroup.
fn without_a_reader_is_counted(watch: &mut Watch) {
    let before = counters(watch, Class::OPEN);
    let ledger_before = ledger_total(watch);
    let (_, seen) = watch.during(|| perform("open-flood", &["/etc/hostname", "150000"]));
    let after = counters(watch, Class::OPEN);
    let (handled, lost) = (after.0 - before.0, after.1 - before.1);
    assert!(handled >= 150_000);
    assert!(lost > 0, "an 8 MiB ring does not hold 150,000 records");
    assert_eq!(ledger_total(watch) - ledger_before, lost);
    let cgroups: Vec<u64> = seen
        .records
        .iter()
        .map(|record| Header::read_from_prefix(record).unwrap().0)
        .filter(|header| header.class == Class::OPEN.0)
        .map(|header| header.cgroup)
        .collect();
    let ledger = watch.kernel.ledger().unwrap();
    let blamed = ledger
        .iter()
        .find(|loss| loss.key.class == u32::from(Class::OPEN.0))
        .unwrap();
    assert!(cgroups.contains(&blamed.key.cgroup));
    assert!(blamed.entry.first > 0 && blamed.entry.first <= blamed.entry.last);
}

/// Seen and lost.
fn counters(watch: &Watch, class: Class) -> (u64, u64) {
    let reports = watch.kernel.counters().unwrap();
    let report = reports.iter().find(|report| report.class == class).unwrap();
    (report.counters.seen, report.lost())
}

fn ledger_total(watch: &Watch) -> u64 {
    watch
        .kernel
        .ledger()
        .unwrap()
        .iter()
        .map(|loss| loss.entry.count)
        .sum()
}
