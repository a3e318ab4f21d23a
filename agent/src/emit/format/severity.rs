//! How serious an alert is, in other people's numbers.

use crate::rules::Priority;

/// Names of priorities, the most serious first.
pub(super) fn priorities() -> Vec<&'static str> {
    Priority::ALL
        .iter()
        .map(|priority| priority.name())
        .collect()
}

/// The severity of syslog (RFC 5424, 6.2.1): 0 is the most serious, 7 the least. Falco's priorities are these.
pub(in crate::emit) fn syslog(priority: &str) -> u64 {
    let names = Priority::ALL.iter().map(|priority| priority.name());
    (0..)
        .zip(names)
        .find(|(_, name)| *name == priority)
        .map_or(7, |(number, _)| number)
}

/// `severity_id` of OCSF and its caption.
pub(super) fn ocsf(priority: &str) -> (u64, &'static str) {
    match syslog(priority) {
        0 => (6, "Fatal"),
        1 | 2 => (5, "Critical"),
        3 => (4, "High"),
        4 => (3, "Medium"),
        5 => (2, "Low"),
        _ => (1, "Informational"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_those_of_syslog() {
        let numbers: Vec<u64> = priorities().into_iter().map(syslog).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(priorities()[3], "Error");
        assert_eq!(ocsf("Emergency").0, 6);
        assert_eq!(ocsf("Debug").1, "Informational");
    }
}
