//! Whether the agent lives (`/healthz`) and whether it watches (`/readyz`), each as a list of checks.
//!
//! A restart costs coverage, so health fails only where nothing else helps: a deciding thread that stands still, a sink
//! that ended. Everything else that keeps events or alerts away is a matter of readiness, or only told.

use std::time::Duration;

use komainu_common::Class;
use serde_json::{Value, json};

use super::board::{Board, Stage};
use super::engine::InForce;
use crate::emit::lost::STDOUT;
use crate::emit::sink::State;
use crate::emit::stream::utc;

/// The deciding thread begins a round every 50 ms, or after a batch, which takes a few.
const STANDSTILL: Duration = Duration::from_secs(15);
/// A reader that has not taken a line for so long is mentioned.
const BLOCKED: Duration = Duration::from_secs(5);

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    /// What is wrong, if it does not hold.
    pub(super) fault: Option<String>,
    /// What else there is to say.
    pub(super) note: Option<String>,
}

impl Check {
    fn new(name: &'static str, fault: Option<String>) -> Self {
        let note = None;
        Self { name, fault, note }
    }

    fn noting(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }
}

/// What must hold for the agent not to be restarted; `boot` is the time since boot.
pub(super) fn health(board: &Board, boot: u64) -> Vec<Check> {
    vec![deciding(board, boot), sink(board)]
}

/// What must hold for the agent to watch as it should.
pub(super) fn readiness(board: &Board, in_force: &InForce, boot: u64) -> Vec<Check> {
    let stage = match board.stage() {
        Stage::Starting => Some("the agent is starting"),
        Stage::Watching => None,
        Stage::Stopping => Some("the agent is stopping"),
    };
    let scan = (!board.is_scanned()).then(|| "processes are still being read from /proc".into());
    vec![
        Check::new("stage", stage.map(Into::into)),
        probes(board),
        rules(board, in_force),
        Check::new("processes", scan),
        deciding(board, boot),
        sink(board),
        coverage(board),
    ]
}

fn coverage(board: &Board) -> Check {
    let names = |classes: &[Class]| {
        let names: Vec<&str> = classes.iter().map(|class| class.name()).collect();
        names.join(", ")
    };
    let coverage = board.coverage().classes.into_iter();
    let lost: Vec<Class> = coverage
        .filter(|of| !of.came_back)
        .map(|of| of.class)
        .collect();
    let fault = (!lost.is_empty())
        .then(|| format!("events of the canary do not come back: {}", names(&lost)));
    let shed = board.shed();
    let note = (!shed.is_empty())
        .then(|| format!("not watched, to keep the CPU budget: {}", names(&shed)));
    Check::new("coverage", fault).noting(note)
}

fn deciding(board: &Board, boot: u64) -> Check {
    // Before its first round the start takes what it takes; the probe for that is another.
    let age = board.since_beat(boot).unwrap_or_default();
    let stands = (age > STANDSTILL).then(|| {
        format!(
            "the deciding thread has stood still for {} s",
            age.as_secs()
        )
    });
    Check::new("deciding", stands)
}

fn sink(board: &Board) -> Check {
    let ended = board.stdout.progress.has_ended();
    let fault = ended.then(|| "standard output is not written any more".to_owned());
    let notes: Vec<String> = board.sinks().filter_map(|sink| stalled(sink)).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Check::new("sink", fault).noting(note)
}

/// What keeps a sink from writing.
fn stalled(sink: &State) -> Option<String> {
    let (name, blocked) = (sink.name(), sink.progress.blocked());
    let name = if name == STDOUT {
        "standard output"
    } else {
        name
    };
    if name != "standard output" && sink.progress.has_ended() {
        return Some(format!("{name} is not written any more"));
    }
    if let Some(fault) = sink.fault() {
        return Some(format!("{name} takes no alerts: {fault}"));
    }
    let seconds = blocked.as_secs();
    (blocked > BLOCKED).then(|| format!("nobody has read {name} for {seconds} s"))
}

fn probes(board: &Board) -> Check {
    let missing = |required: bool| {
        let failed = board
            .probes()
            .iter()
            .filter(move |probe| probe.required == required);
        let failed: Vec<String> = failed
            .filter_map(|probe| Some(format!("{}: {}", probe.program, probe.error.as_deref()?)))
            .collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    };
    let fault = missing(true).map(|which| format!("required probes are not attached: {which}"));
    let note = missing(false).map(|which| format!("probes are not attached: {which}"));
    if board.probes().is_empty() {
        return Check::new("probes", Some("no probe is attached yet".into()));
    }
    Check::new("probes", fault).noting(note)
}

fn rules(board: &Board, in_force: &InForce) -> Check {
    let count = in_force.enabled();
    let fault = (count == 0).then(|| "no rule is in force".to_owned());
    let reloads = board.reloads();
    let note = match reloads.error {
        Some(error) => format!(
            "{count} rules are in force ({}); reading them again failed at {}: {error}",
            in_force.hash,
            utc(reloads.last_failed)
        ),
        None => format!("{count} rules are in force ({})", in_force.hash),
    };
    Check::new("rules", fault).noting(Some(note))
}

/// Whether all of them hold.
pub(super) fn all_hold(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.fault.is_none())
}

/// The checks for whoever asked: `status`, the `reasons` why it is not `ok`, and every check.
pub(super) fn body(checks: &[Check]) -> String {
    let status = if all_hold(checks) { "ok" } else { "failed" };
    let reasons: Vec<&str> = checks
        .iter()
        .filter_map(|check| check.fault.as_deref())
        .collect();
    let each = checks.iter().map(|check| {
        let mut detail = json!({ "ok": check.fault.is_none() });
        let texts = [("reason", &check.fault), ("note", &check.note)];
        for (key, text) in texts {
            if let (Some(text), Some(detail)) = (text, detail.as_object_mut()) {
                detail.insert(key.into(), text.as_str().into());
            }
        }
        (check.name.to_owned(), detail)
    });
    let checks: Value = each.collect::<serde_json::Map<_, _>>().into();
    let mut body = json!({ "status": status, "reasons": reasons, "checks": checks }).to_string();
    body.push('\n');
    body
}

#[cfg(test)]
mod tests {
    use super::super::board::ProbeReport;
    use super::super::engine;
    use super::*;
    use crate::config::Config;
    use crate::rules::Source;

    const SECOND: u64 = 1_000_000_000;

    fn probe(program: &'static str, required: bool, error: Option<&str>) -> ProbeReport {
        ProbeReport {
            program,
            required,
            error: error.map(Into::into),
        }
    }

    fn in_force() -> InForce {
        let text =
            "- rule: r\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n";
        let rules = engine::compile(&[Source::new("r", text)], &Config::default()).unwrap();
        InForce {
            rules,
            hash: "abc".into(),
            ..InForce::default()
        }
    }

    fn watching(probes: Vec<ProbeReport>) -> Board {
        let board = Board::default();
        board.attached(probes);
        board.enter(Stage::Watching);
        board.scanned();
        board.beat(100 * SECOND);
        board
    }

    fn reasons(checks: &[Check]) -> Vec<String> {
        let value: Value = serde_json::from_str(&body(checks)).unwrap();
        assert_eq!(value["status"] == "ok", all_hold(checks));
        let reasons = value["reasons"].as_array().unwrap();
        reasons
            .iter()
            .map(|reason| reason.as_str().unwrap().into())
            .collect()
    }

    #[test]
    fn a_start_is_alive_and_not_ready() {
        let board = Board::default();
        assert_eq!(reasons(&health(&board, 100 * SECOND)), [""; 0]);
        let expected = [
            "the agent is starting",
            "no probe is attached yet",
            "no rule is in force",
            "processes are still being read from /proc",
        ];
        assert_eq!(
            reasons(&readiness(&board, &InForce::default(), 100 * SECOND)),
            expected
        );
    }

    #[test]
    fn only_a_required_probe_is_a_reason() {
        let board = watching(vec![probe("a", true, None), probe("b", false, Some("no"))]);
        let checks = readiness(&board, &in_force(), 100 * SECOND);
        assert_eq!(reasons(&checks), [""; 0]);
        assert!(body(&checks).contains("probes are not attached: b: no"));
        let board = watching(vec![
            probe("a", true, Some("refused")),
            probe("b", false, None),
        ]);
        let checks = readiness(&board, &in_force(), 100 * SECOND);
        assert_eq!(
            reasons(&checks),
            ["required probes are not attached: a: refused"]
        );
    }

    #[test]
    fn wrong_rules_are_told_and_the_last_good_ones_suffice() {
        let board = watching(vec![probe("a", true, None)]);
        board.reloaded(SECOND, Some("r.yaml:1:1: no".into()));
        let checks = readiness(&board, &in_force(), 100 * SECOND);
        assert!(all_hold(&checks));
        let body = body(&checks);
        assert!(
            body.contains("1 rules are in force (abc)") && body.contains("r.yaml:1:1: no"),
            "{body}"
        );
    }

    #[test]
    fn a_deciding_thread_that_stands_still_is_ill() {
        let board = watching(vec![probe("a", true, None)]);
        assert!(all_hold(&health(&board, 114 * SECOND)));
        let expected = ["the deciding thread has stood still for 16 s"];
        assert_eq!(reasons(&health(&board, 116 * SECOND)), expected);
        assert_eq!(
            reasons(&readiness(&board, &in_force(), 116 * SECOND)),
            expected
        );
    }

    #[test]
    fn who_does_not_see_its_own_acts_is_not_ready() {
        let board = watching(vec![probe("a", true, None)]);
        board.covered(&[Class::OPEN, Class::EXEC], &[Class::EXEC]);
        board.may_shed([Class::SEND].into_iter());
        board.governed(&[Class::SEND]);
        let checks = readiness(&board, &in_force(), 100 * SECOND);
        assert_eq!(
            reasons(&checks),
            ["events of the canary do not come back: exec"]
        );
        assert!(body(&checks).contains("not watched, to keep the CPU budget: send"));
        board.covered(&[Class::OPEN, Class::EXEC], &[]);
        let checks = readiness(&board, &in_force(), 100 * SECOND);
        assert!(all_hold(&checks));
    }

    #[test]
    fn a_sink_that_ended_is_ill_and_who_stops_is_not_ready() {
        let board = watching(vec![probe("a", true, None)]);
        board.stdout.progress.end();
        assert_eq!(
            reasons(&health(&board, 100 * SECOND)),
            ["standard output is not written any more"]
        );
        let board = watching(vec![probe("a", true, None)]);
        board.enter(Stage::Stopping);
        assert_eq!(
            reasons(&readiness(&board, &in_force(), 100 * SECOND)),
            ["the agent is stopping"]
        );
    }
}
