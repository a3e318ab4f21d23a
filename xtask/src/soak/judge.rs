//! What must hold after a soak.

mod accounts;
mod memory;

use serde::Serialize;

use super::record::Record;

pub(super) use self::accounts::adds_up;

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) what: &'static str,
    /// The figures that it was judged by.
    pub(super) figures: String,
    pub(super) holds: bool,
}

impl Check {
    fn new(what: &'static str, holds: bool, figures: String) -> Self {
        Self {
            what,
            figures,
            holds,
        }
    }
}

/// Everything that must hold.
pub(super) fn judge(record: &Record) -> Vec<Check> {
    let mut checks = accounts::checks(record);
    checks.extend(memory::checks(&record.samples));
    checks.push(reloads(record));
    checks.push(containers(record));
    checks.push(log(record));
    checks
}

/// Each swap is one reload, and both rule sets judged events.
fn reloads(record: &Record) -> Check {
    let (swaps, [ok, failed]) = (record.swaps, record.reloads);
    let sets = record.tally.sets.len();
    Check::new(
        "each swap of the rules is one reload, and both sets judged events",
        swaps > 0 && ok == swaps && failed == 0 && sets == 2,
        format!("{swaps} swaps, {ok} reloads, {failed} failed, {sets} sets"),
    )
}

fn containers(record: &Record) -> Check {
    let churned = record.churned;
    Check::new(
        "containers came and went, and what they did succeeded",
        churned.made > 0 && churned.removed == churned.made && churned.failed == 0,
        format!(
            "{} made, {} removed, {} failed",
            churned.made, churned.removed, churned.failed
        ),
    )
}

fn log(record: &Record) -> Check {
    let faults = record.log.faults();
    let figures = if faults.is_empty() {
        "none".into()
    } else {
        faults.join("; ")
    };
    Check::new("no error in the agent's log", faults.is_empty(), figures)
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::sound;
    use super::*;

    fn fails(change: impl FnOnce(&mut Record)) -> Vec<&'static str> {
        let mut record = sound();
        change(&mut record);
        let checks = judge(&record);
        let failed = checks.iter().filter(|check| !check.holds);
        failed.map(|check| check.what).collect()
    }

    #[test]
    fn a_sound_soak_holds() {
        assert_eq!(fails(|_| ()), [""; 0]);
    }

    #[test]
    fn reloads_containers_and_log_are_judged() {
        let reload = "each swap of the rules is one reload, and both sets judged events";
        assert_eq!(fails(|record| record.reloads = [4, 0]), [reload]);
        assert_eq!(fails(|record| record.reloads = [5, 1]), [reload]);
        assert_eq!(fails(|record| record.tally.sets.clear()), [reload]);
        let container = "containers came and went, and what they did succeeded";
        assert_eq!(fails(|record| record.churned.removed = 1), [container]);
        assert_eq!(fails(|record| record.churned.failed = 1), [container]);
        let error = ("ERROR".to_owned(), "broken".to_owned());
        let failed = fails(|record| {
            record.log.said.insert(error, 1);
        });
        assert_eq!(failed, ["no error in the agent's log"]);
    }
}
