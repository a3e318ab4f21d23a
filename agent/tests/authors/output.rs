//! `docs/output.md` says what lines say.

use komainu::emit::lost::{Held, Repeats};
use komainu::emit::{Alert, Format, OwnEvent, Redactor, Stream};
use serde_json::Value;

use crate::root;

fn page() -> String {
    std::fs::read_to_string(root().join("docs/output.md")).unwrap()
}

fn line(format: Format, alert: Alert) -> Value {
    let redactor = Redactor::defaults();
    let text = |text: &str| text.to_owned();
    let mut stream = Stream::new(format, false, redactor, text("h"), text("n"), text("b"));
    let mut out = Vec::new();
    stream.line(&mut out, alert).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Cells of the rows of a table, without its head, that come after a heading.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = page.split_once(heading).unwrap();
    let lines = below.lines().skip_while(|line| !line.starts_with("| ---"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

fn own_events() -> Vec<OwnEvent> {
    let text = String::new;
    vec![
        OwnEvent::Started {
            version: "1",
            rules: 1,
            rules_hash: text(),
            attached: 1,
            degraded: Vec::new(),
        },
        OwnEvent::Stopped {
            reason: text(),
            events: 1,
            alerts: 1,
            throttled: 0,
            lost: 0,
            identified: 0,
            unidentified: Vec::new(),
        },
        OwnEvent::Reloaded {
            rules: 1,
            rules_hash: text(),
        },
        OwnEvent::ReloadFailed {
            error: text(),
            rules_hash: text(),
        },
        OwnEvent::Blind {
            stage: "ring",
            class: None,
            place: None,
            count: 1,
            first: 0,
            last: 0,
        },
        OwnEvent::Throttled(Repeats {
            rule: text(),
            priority: "Notice",
            key: Vec::new(),
            held: Held::default(),
            seconds: 60,
        }),
        OwnEvent::Degraded {
            class: "open",
            cpu_percent: 2,
            budget_percent: 1,
        },
        OwnEvent::CoverageLost {
            classes: Vec::new(),
            seconds: 1,
        },
        OwnEvent::CoverageRestored {
            classes: Vec::new(),
        },
    ]
}

#[test]
fn own_events_are_told_as_they_are_written() {
    let rows = rows(&page(), "## What the agent says of itself");
    for event in own_events() {
        let alert = event.into_alert(1);
        let name = line(Format::Falco, alert.clone())["output_fields"]["komainu.event"].clone();
        let name = name.as_str().unwrap();
        let row = rows.iter().find(|row| row[0] == format!("`{name}`"));
        let row = row.unwrap_or_else(|| panic!("{name} is not told"));
        let ecs = line(Format::Ecs, alert.clone());
        assert_eq!(
            row[2],
            format!("`{}`", ecs["event"]["kind"].as_str().unwrap()),
            "{name}"
        );
        let ocsf = line(Format::Ocsf, alert);
        let activity = match ocsf["activity_id"].as_u64().unwrap() {
            99 => "Other",
            _ => ocsf["activity_name"].as_str().unwrap(),
        };
        let failed = if ocsf["status_id"] == 2 {
            ", failure"
        } else {
            ""
        };
        assert_eq!(row[3], format!("{activity}{failed}"), "{name}");
    }
}

#[test]
fn what_a_consumer_may_rely_on_is_there() {
    let alert = || Alert {
        rule: "r".into(),
        rules_hash: Some("0a".into()),
        priority: "Warning",
        source: "syscall",
        ..Alert::default()
    };
    let rows = rows(&page(), "## What a consumer may rely on");
    assert!(rows.len() > 8);
    for row in rows {
        for (format, cell) in Format::MACHINE.iter().zip(&row[1..]) {
            let key = cell.split('`').nth(1).unwrap();
            let pointer = format!("/{}", key.replace('.', "/"));
            let line = line(*format, alert());
            assert!(
                line.pointer(&pointer).is_some(),
                "{key} of {}",
                format.name()
            );
        }
    }
}
