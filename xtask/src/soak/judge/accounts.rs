//! What was seen, told and lost must add up.

use super::super::record::Record;
use super::super::stream::{Blind, Tally};
use super::Check;
use crate::bench::Counts;

/// Where the kernel half loses events, as its counters have the reason.
const KERNEL: [&str; 3] = ["ring", "share", "internal"];
/// What is told as lost there are no events: they are only not known to be of an exec session.
const SESSIONS: [&str; 2] = ["sessions", "session_processes"];
/// Clocks of the kernel and of this process may differ by so much, nanoseconds.
const SLACK: u64 = 100_000_000;

pub(super) fn checks(record: &Record) -> Vec<Check> {
    vec![
        classes(record),
        stream(&record.tally),
        alerts(record),
        told(&record.tally),
        kernel(record),
        stalls(record),
        markers(record),
    ]
}

/// Whether everything seen is accounted for.
pub(in super::super) fn adds_up(counts: Counts) -> bool {
    counts.seen == counts.emitted + counts.filtered + counts.lost
}

fn classes(record: &Record) -> Check {
    let classes = &record.classes;
    let off = classes.iter().filter(|(_, counts)| !adds_up(**counts));
    let off: Vec<&str> = off.map(|(class, _)| class.as_str()).collect();
    let sum = classes
        .values()
        .copied()
        .fold(Counts::default(), Counts::plus);
    let mut figures = format!(
        "{} = {} + {} + {}",
        sum.seen, sum.emitted, sum.filtered, sum.lost
    );
    if !off.is_empty() {
        figures = format!("{figures}, not for {}", off.join(", "));
    }
    Check::new(
        "seen = emitted + filtered + lost, for each class",
        sum.seen > 0 && off.is_empty(),
        figures,
    )
}

fn stream(tally: &Tally) -> Check {
    let (texts, unreadable) = &tally.unreadable;
    let mut figures = format!(
        "{} lines, {} gaps, {unreadable} unreadable",
        tally.lines, tally.gaps
    );
    if *unreadable > 0 {
        figures = format!("{figures}: {}", texts.join("; "));
    }
    Check::new(
        "lines are numbered without a gap",
        tally.lines > 0 && tally.gaps == 0 && *unreadable == 0,
        figures,
    )
}

fn at(stage: &str) -> impl Fn(&Blind) -> bool {
    move |blind| blind.stage == stage
}

/// What the agent made is read, or told as lost; so is what it had to say of itself, which it does not count as made.
fn alerts(record: &Record) -> Check {
    let tally = &record.tally;
    let made = tally.totals.and_then(|totals| totals.alerts);
    let (lost, own) = (tally.lost(at("stdout")), record.log.own_events_lost());
    Check::new(
        "alerts made = read + told as lost - own events among these",
        made.map(|made| made + own) == Some(tally.alerts + lost),
        format!("{} = {} + {lost} - {own}", or_none(made), tally.alerts),
    )
}

/// What the agent lost, by its own sum, was told line by line.
fn told(tally: &Tally) -> Check {
    let lost = tally.totals.and_then(|totals| totals.lost);
    let told = tally.lost(|blind| !SESSIONS.contains(&blind.stage.as_str()));
    Check::new(
        "everything lost was told",
        lost == Some(told),
        format!("{} lost, {told} told", or_none(lost)),
    )
}

/// What the kernel half counted as lost was told with place and time.
fn kernel(record: &Record) -> Check {
    let lost: u64 = record.classes.values().map(|counts| counts.lost).sum();
    let told = record
        .tally
        .lost(|blind| KERNEL.contains(&blind.stage.as_str()));
    Check::new(
        "what the kernel half counted as lost was told",
        lost == told,
        format!("{lost} lost, {told} told"),
    )
}

/// A reader that never stalled long enough shows nothing.
fn stalls(record: &Record) -> Check {
    let lost = record.tally.lost(at("stdout"));
    Check::new(
        "standard output stalled until alerts were lost",
        record.stalls > 0 && lost > 0,
        format!("{} stalls, {lost} alerts lost", record.stalls),
    )
}

/// Each marker has one alert, or falls into a time of which it was told that such events or alerts were lost.
fn markers(record: &Record) -> Check {
    let tally = &record.tally;
    let (mut alerted, mut excused, mut missing, mut twice) = (0, 0, 0, 0);
    for marker in &record.markers {
        let is_blind = |blind: &&Blind| {
            let concerns = blind.stage == "stdout" || blind.class.as_deref() == Some("exec");
            concerns
                && blind.first <= marker.after.saturating_add(SLACK)
                && marker.before.saturating_sub(SLACK) <= blind.last
        };
        match tally.markers.get(&marker.number) {
            Some(1) => alerted += 1,
            Some(_) => twice += 1,
            None if tally.blind.iter().any(|blind| is_blind(&blind)) => excused += 1,
            None => missing += 1,
        }
    }
    Check::new(
        "each marker was alerted, or lost in a time that was told",
        alerted > 0 && missing == 0 && twice == 0,
        format!("{alerted} alerted, {excused} told as lost, {missing} missing, {twice} twice"),
    )
}

fn or_none(count: Option<u64>) -> String {
    count.map_or("(not said)".into(), |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::super::record::tests::{sound, stdout};
    use super::*;

    fn fails(change: impl FnOnce(&mut Record)) -> Vec<&'static str> {
        let mut record = sound();
        change(&mut record);
        let checks = checks(&record);
        let failed = checks.iter().filter(|check| !check.holds);
        failed.map(|check| check.what).collect()
    }

    #[test]
    fn sums_that_are_off_by_one_fail() {
        assert_eq!(fails(|_| ()), [""; 0]);
        let of_class = |record: &mut Record| {
            record.classes.get_mut("open").unwrap().seen += 1;
        };
        assert_eq!(
            fails(of_class),
            ["seen = emitted + filtered + lost, for each class"]
        );
        assert_eq!(
            fails(|record| record.tally.alerts -= 1),
            ["alerts made = read + told as lost - own events among these"]
        );
        assert_eq!(
            fails(|record| record.tally.totals.as_mut().unwrap().lost = Some(1)),
            ["everything lost was told"]
        );
        assert_eq!(
            fails(|record| record.tally.gaps = 1),
            ["lines are numbered without a gap"]
        );
    }

    #[test]
    fn losses_that_nobody_told_fail() {
        let untold = |record: &mut Record| {
            let open = record.classes.get_mut("open").unwrap();
            (open.seen, open.lost) = (open.seen + 3, open.lost + 3);
        };
        assert_eq!(
            fails(untold),
            ["what the kernel half counted as lost was told"]
        );
        let none = |record: &mut Record| record.stalls = 0;
        assert_eq!(
            fails(none),
            ["standard output stalled until alerts were lost"]
        );
    }

    #[test]
    fn a_marker_is_excused_by_a_loss_of_its_time_only() {
        let marker = "each marker was alerted, or lost in a time that was told";
        let without = |record: &mut Record| {
            // Marker 1 is the one of the stall.
            record.tally.markers.remove(&1);
        };
        assert_eq!(fails(without), [""; 0]);
        let elsewhere = |record: &mut Record| {
            record.tally.markers.remove(&2);
        };
        assert_eq!(fails(elsewhere), [marker]);
        let twice = |record: &mut Record| {
            record.tally.markers.insert(2, 2);
        };
        assert_eq!(fails(twice), [marker]);
        assert!(stdout().first > 0);
    }
}
