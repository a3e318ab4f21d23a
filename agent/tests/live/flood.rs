//! Overload: what is lost is counted, and nobody else loses.

use std::{collections::HashMap, process::Command};

use komainu::kernel::{Hook, Loss, PROBES, Probe};
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
    ("programs_that_are_not_entered_are_counted", not_entered),
];

/// 200,000 opens in one process while another starts programs.
fn opens_lose_no_exec(watch: &mut Watch) {
    const EXECS: usize = 300;
    let before = counters(watch, Class::EXEC);
    let mut execs = Vec::new();
    let mut opens = HashMap::<u32, u32>::new();
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
            if header.class == Class::EXEC.0 && header.ret == 0 {
                execs.push(header.task.tgid);
            } else if header.class == Class::OPEN.0 {
                *opens.entry(header.task.tgid).or_default() += 1;
            }
        },
    );
    let after = counters(watch, Class::EXEC);
    assert_eq!(after.1 - before.1, 0, "execs lost");
    assert_eq!(children.len(), EXECS);
    for started in children.iter().chain([&flooder]) {
        let count = execs.iter().filter(|tgid| *tgid == started).count();
        assert_eq!(count, 1, "execs of {started}");
    }
    assert!(opens.contains_key(&flooder));
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
    let ledger_before = ledger(watch);
    let ((flooder, _), seen) = watch.during(|| perform("open-flood", &["/etc/hostname", "150000"]));
    let after = counters(watch, Class::OPEN);
    let (handled, lost) = (after.0 - before.0, after.1 - before.1);
    assert!(handled >= 150_000);
    assert!(lost > 0, "an 8 MiB ring does not hold 150,000 records");
    let ledger_after = ledger(watch);
    let total = |ledger: &[Loss]| ledger.iter().map(|loss| loss.entry.count).sum::<u64>();
    assert_eq!(total(&ledger_after) - total(&ledger_before), lost);
    let cgroup = seen
        .all(|decoded| (decoded.header.task.tgid == flooder).then_some(decoded.header.cgroup))
        .into_iter()
        .next_back()
        .unwrap();
    let of_flooder = |ledger: &[Loss]| {
        let rows = ledger.iter().filter(|loss| loss.key.cgroup == cgroup);
        rows.map(|loss| loss.entry.count).sum::<u64>()
    };
    let blamed = of_flooder(&ledger_after) - of_flooder(&ledger_before);
    assert!(blamed > 0 && blamed <= lost, "{blamed} of {lost}");
    let rows = ledger_after.iter();
    for loss in rows.filter(|loss| loss.key.cgroup == cgroup) {
        assert!(loss.entry.first > 0 && loss.entry.first <= loss.entry.last);
    }
}

/// The kernel tells it of every program that it enters.
fn not_entered(watch: &mut Watch) {
    let missed: Vec<_> = watch.kernel.missed().collect();
    let names: Vec<_> = missed.iter().map(|row| row.probe.program).collect();
    let entered = |probe: &&Probe| matches!(probe.hook, Hook::RawTracepoint(_));
    let expected: Vec<_> = PROBES.iter().filter(entered).collect();
    let expected: Vec<_> = expected.iter().map(|probe| probe.program).collect();
    assert_eq!(names, expected);
}

/// Seen and lost.
fn counters(watch: &Watch, class: Class) -> (u64, u64) {
    let reports = watch.kernel.counters().unwrap();
    let report = reports.iter().find(|report| report.class == class).unwrap();
    (report.counters.seen, report.counters.lost())
}

/// What the ledger says about opens.
fn ledger(watch: &Watch) -> Vec<Loss> {
    let mut rows = watch.kernel.ledger().unwrap();
    rows.retain(|loss| loss.key.class == u32::from(Class::OPEN.0));
    rows
}
