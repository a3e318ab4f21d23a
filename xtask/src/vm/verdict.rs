//! What the guest's console says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::agent::own_event;

/// Rules that each busybox must have raised; `send` needs a probe that the verifier of 6.1 refuses.
const RAISED: [&str; 11] = [
    "shadow",
    "directory",
    "exec",
    "failed exec",
    "connect",
    "mkdir",
    "rename",
    "chmod",
    "symlink",
    "unlink",
    "mount",
];
const PROGRAMS: [&str; 2] = ["/bin/busybox", "/bin/busybox32"];

/// What there is to tell, and what is wrong.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) told: Vec<String>,
    pub(super) faults: Vec<String>,
}

/// Reads the console.
pub(super) fn of(console: &str) -> Verdict {
    let mut verdict = Verdict::default();
    let lines: Vec<&str> = console.lines().map(str::trim_end).collect();
    let with = |prefix: &'static str| {
        lines
            .iter()
            .filter_map(move |line| line.strip_prefix(prefix))
    };
    for prefix in ["KERNEL ", "STARTED "] {
        verdict
            .told
            .extend(with(prefix).map(|rest| format!("{prefix}{rest}")));
    }
    for (prefix, what) in [("PROBE ", "komainu probe"), ("AGENT ", "komainu run")] {
        if with(prefix).next() != Some("0") {
            verdict.faults.push(format!("{what} did not end with 0"));
        }
    }
    let out: Vec<Value> = with("OUT ")
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    verdict.reports(&out);
    verdict.alerts(&out);
    verdict.sums(with("SUM "));
    if !lines.contains(&"END") {
        verdict
            .faults
            .push("the guest did not come to its end".to_owned());
    }
    verdict
}

impl Verdict {
    /// What the agent says of itself: that it started, and with which probes. Required ones that are missing fail
    /// `komainu probe`.
    fn reports(&mut self, out: &[Value]) {
        let started = out.iter().find(|line| own_event(line) == Some("started"));
        let Some(started) = started else {
            self.faults.push("the agent did not start".to_owned());
            return;
        };
        let output = started["output"].as_str().unwrap_or_default();
        self.told.push(output.to_owned());
    }

    fn alerts(&mut self, out: &[Value]) {
        let raised: BTreeSet<(&str, &str)> = out
            .iter()
            .filter_map(|line| {
                let program = line["output_fields"]["proc.exepath"].as_str()?;
                Some((line["rule"].as_str()?, program))
            })
            .collect();
        for program in PROGRAMS {
            let missing: Vec<&str> = RAISED
                .into_iter()
                .filter(|rule| !raised.contains(&(rule, program)))
                .collect();
            let there = RAISED.len() - missing.len();
            self.told
                .push(format!("{program}: {there} of {} rules", RAISED.len()));
            if !missing.is_empty() {
                self.faults
                    .push(format!("{program} did not raise {}", missing.join(", ")));
            }
        }
        if raised.iter().any(|(rule, _)| *rule == "impossible") {
            self.faults.push("an event that cannot be".to_owned());
        }
    }

    /// seen = emitted + filtered + lost, for each class.
    fn sums<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        let mut sums: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
        for line in lines {
            let Some((class, number)) = parse(line) else {
                self.faults.push(format!("no figure: {line}"));
                continue;
            };
            let seen = line.starts_with("komainu_events_seen_total");
            sums.entry(class).or_default()[usize::from(!seen)] += number;
        }
        let all = sums.values().map(|[seen, _]| seen).sum::<i64>();
        self.told.push(format!("{all} events seen"));
        if all == 0 {
            self.faults.push("no event was seen".to_owned());
        }
        for (class, [seen, told]) in sums {
            if seen != told {
                self.faults
                    .push(format!("{class}: {seen} seen, {told} accounted for"));
            }
        }
    }
}

/// The class and the number of a line such as `name{class="open",reason="ring"} 3`.
fn parse(line: &str) -> Option<(&str, i64)> {
    let (labels, number) = line.split_once("} ")?;
    let (_, class) = labels.split_once("class=\"")?;
    let (class, _) = class.split_once('"')?;
    Some((class, number.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console() -> String {
        let alert = |rule: &str, program: &str| {
            format!(r#"OUT {{"rule":"{rule}","output_fields":{{"proc.exepath":"{program}"}}}}"#)
        };
        let mut lines = vec![
            "PROBE 0".to_owned(),
            r#"OUT {"output":"started","priority":"Informational","output_fields":{"komainu.event":"started"}}"#.to_owned(),
        ];
        for program in PROGRAMS {
            lines.extend(RAISED.iter().map(|rule| alert(rule, program)));
        }
        lines.extend(
            [
                "AGENT 0",
                r#"SUM komainu_events_seen_total{class="open"} 7"#,
                r#"SUM komainu_events_emitted_total{class="open"} 2"#,
                r#"SUM komainu_events_filtered_total{class="open"} 4"#,
                r#"SUM komainu_events_lost_total{class="open",reason="ring"} 1"#,
                "END",
            ]
            .map(str::to_owned),
        );
        lines.join("\r\n")
    }

    #[test]
    fn a_guest_that_says_everything_passes() {
        let verdict = of(&console());
        assert_eq!(verdict.faults, Vec::<String>::new());
        assert!(verdict.told.contains(&"7 events seen".to_owned()));
    }

    #[test]
    fn what_is_missing_or_wrong_is_a_fault() {
        for (from, to, fault) in [
            ("PROBE 0", "PROBE 1", "komainu probe"),
            (r#""rule":"mount""#, r#""rule":"x""#, "did not raise mount"),
            (r#""rule":"mount""#, r#""rule":"impossible""#, "cannot be"),
            ("} 4", "} 3", "open: 7 seen, 6 accounted for"),
            ("} 4", "} x", "no figure"),
            ("END", "", "did not come to its end"),
            ("\"started\"}", "\"x\"}", "did not start"),
        ] {
            let text = console().replacen(from, to, 1);
            assert_ne!(text, console(), "{from}");
            let faults = of(&text).faults.join("; ");
            assert!(faults.contains(fault), "{fault} is not in {faults}");
        }
    }
}
