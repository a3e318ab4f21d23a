//! The report, as Markdown for people and as JSON for comparison.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;

use super::judge::Check;
use super::record::{Record, Sample};
use crate::host;
use crate::table::table;

/// Rows of the table of looks at most.
const ROWS: usize = 12;

/// Tables that read well in a terminal too.
pub(super) fn markdown(record: &Record, checks: &[Check]) -> String {
    let checks: Vec<_> = checks.iter().map(check).collect();
    let step = record.samples.len().div_ceil(ROWS).max(1);
    let samples: Vec<_> = record.samples.iter().step_by(step).map(sample).collect();
    let classes = record.classes.iter().filter(|(_, counts)| counts.seen > 0);
    let classes: Vec<_> = classes
        .map(|(class, counts)| {
            vec![
                ("class", class.clone()),
                ("seen", counts.seen.to_string()),
                ("emitted", counts.emitted.to_string()),
                ("filtered", counts.filtered.to_string()),
                ("lost", counts.lost.to_string()),
            ]
        })
        .collect();
    let blind: Vec<_> = blind(record)
        .into_iter()
        .map(|((stage, class), (lines, count))| {
            vec![
                ("told as lost at", stage.to_owned()),
                ("class", class.to_owned()),
                ("lines", lines.to_string()),
                ("count", count.to_string()),
            ]
        })
        .collect();
    [
        table(&checks),
        table(&samples),
        table(&classes),
        table(&blind),
        notes(record),
    ]
    .join("\n")
}

fn check(check: &Check) -> Vec<(&'static str, String)> {
    let holds = if check.holds { "holds" } else { "FAILS" };
    vec![
        ("what must hold", check.what.to_owned()),
        ("figures", check.figures.replace('\n', " ")),
        ("", holds.to_owned()),
    ]
}

fn sample(sample: &Sample) -> Vec<(&'static str, String)> {
    #[expect(clippy::cast_precision_loss, reason = "far less than 2^52 KiB")]
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    vec![
        ("second", sample.seconds.to_string()),
        ("resident MiB", mib(sample.resident_kib)),
        ("its own MiB", mib(sample.anonymous_kib)),
        ("descriptors", sample.descriptors.to_string()),
        ("processes", sample.processes.to_string()),
        ("containers", sample.containers.to_string()),
        ("seen", sample.seen.to_string()),
        ("lost", sample.lost.to_string()),
        ("alerts waiting", sample.queued.to_string()),
        ("alerts lost", sample.alerts_lost.to_string()),
    ]
}

/// Lines about losses and their sum, by stage and class.
fn blind(record: &Record) -> BTreeMap<(&str, &str), (u64, u64)> {
    let mut blind = BTreeMap::new();
    for of in &record.tally.blind {
        let class = of.class.as_deref().unwrap_or("");
        let (lines, count) = blind.entry((of.stage.as_str(), class)).or_insert((0, 0));
        *lines += 1;
        *count += of.count;
    }
    blind
}

fn notes(record: &Record) -> String {
    let mut text = format!(
        "{} s; {} markers, {} containers, {} swaps of the rules, {} stalls of standard output. {}, {} processors ({}), {}.\n",
        record.time.as_secs(),
        record.markers.len(),
        record.churned.made,
        record.swaps,
        record.stalls,
        host::kernel(),
        host::processors(),
        host::model(),
        Timestamp::now().strftime("%Y-%m-%d"),
    );
    for ((level, message), count) in &record.log.said {
        // Writing to a string does not fail.
        writeln!(text, "The log said {count} × {level} {message}").ok();
    }
    text
}

/// Writes `soak.md` and `soak.json`.
pub(super) fn save(dir: &Path, record: &Record, checks: &[Check]) -> Result<()> {
    fs::write(dir.join("soak.md"), markdown(record, checks))?;
    let blind = blind(record).into_iter().map(|((stage, class), (lines, count))| {
        serde_json::json!({"stage": stage, "class": class, "lines": lines, "count": count})
    });
    let json = serde_json::json!({
        "time": Timestamp::now().to_string(),
        "seconds": record.time.as_secs(),
        "kernel": host::kernel(),
        "processors": host::processors(),
        "processor": host::model(),
        "checks": checks,
        "samples": record.samples,
        "classes": record.classes,
        "blind": blind.collect::<Vec<_>>(),
        "alerts": record.tally.by_rule,
        "own_events": record.tally.own,
        "markers": record.markers.len(),
        "churn": record.churned,
        "stalls": record.stalls,
        "swaps": record.swaps,
    });
    fs::write(dir.join("soak.json"), serde_json::to_vec_pretty(&json)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::judge::judge;
    use super::super::record::tests::sound;
    use super::*;

    #[test]
    fn the_report_has_verdicts_sums_and_losses() {
        let mut record = sound();
        record.reloads = [4, 1];
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), &record, &judge(&record)).unwrap();
        let text = fs::read_to_string(dir.path().join("soak.md")).unwrap();
        let line = |name: &str| {
            let line = text.lines().find(|line| line.contains(name));
            let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
            words.join(" ")
        };
        assert!(
            line("seen = emitted").ends_with("| 100 = 30 + 68 + 2 | holds |"),
            "{text}"
        );
        assert!(line("each swap").ends_with("| FAILS |"), "{text}");
        assert_eq!(line("| open  "), "| open | 100 | 30 | 68 | 2 |");
        assert_eq!(line("| ring "), "| ring | open | 1 | 2 |");
        let json = fs::read(dir.path().join("soak.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["classes"]["open"]["lost"], 2);
        assert_eq!(json["checks"][0]["holds"], true);
    }
}
