//! Messages as RFC 5424 has them.

use super::alert::Alert;
use super::cut::cut;
use super::escape::is_unsafe;
use super::format::{Stamp, severity};
use super::own;
use super::stream::timestamp;

/// Bytes of names in the header, sections 6.2.4 to 6.2.7.
const MAX_HOSTNAME: usize = 255;
const MAX_APP_NAME: usize = 48;
const MAX_MSGID: usize = 32;
/// Bytes of the rule's name.
const MAX_RULE: usize = 256;
/// Room for the parameter that tells how much is missing.
const TRUNCATED: usize = 32;
/// Says that the text behind it is UTF-8, section 6.4.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Names of facilities, by number; RFC 5424, table 1, as syslog(3) spells them.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// What is the same in every message.
#[derive(Clone, Debug)]
pub struct Frame {
    facility: u8,
    app_name: String,
    procid: u32,
    sd_id: String,
    max_bytes: usize,
}

impl Frame {
    /// Messages of this facility (a number below 24) and application. `sd_id` names the structured data. No message is
    /// longer than `max_bytes`, at least 480 (section 6.1).
    pub fn new(facility: u8, app_name: &str, sd_id: &str, max_bytes: usize) -> Self {
        Self {
            facility: facility.min(23),
            app_name: name(app_name, MAX_APP_NAME),
            procid: std::process::id(),
            sd_id: name(sd_id, MAX_MSGID),
            max_bytes,
        }
    }

    /// Makes a message of the line that stands in `out` from `start` on.
    pub(super) fn wrap(&self, out: &mut Vec<u8>, start: usize, alert: &Alert, stamp: &Stamp<'_>) {
        let line = out.split_off(start);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = String::from_utf8_lossy(line);
        // Text of ASCII characters is the same in every encoding.
        let bom = if text.is_ascii() { &b""[..] } else { BOM };
        let head = self.head(alert, stamp, None);
        let room = self.max_bytes.saturating_sub(head.len() + 1 + bom.len());
        if text.len() <= room {
            return append(out, &[head.as_bytes(), b" ", bom, text.as_bytes()]);
        }
        let mut end = room.saturating_sub(TRUNCATED).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (kept, missing) = text.split_at(end);
        let head = self.head(alert, stamp, Some(missing.len()));
        append(out, &[head.as_bytes(), b" ", bom, kept.as_bytes()]);
    }

    /// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [STRUCTURED-DATA]`
    fn head(&self, alert: &Alert, stamp: &Stamp<'_>, missing: Option<usize>) -> String {
        let pri = u64::from(self.facility) * 8 + severity::syslog(alert.priority);
        let time = timestamp(alert.time).strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
        let hostname = name(stamp.hostname, MAX_HOSTNAME);
        let (app, procid, msgid) = (&self.app_name, self.procid, msgid(alert));
        let mut head = format!(
            "<{pri}>1 {time} {hostname} {app} {procid} {msgid} [{}",
            self.sd_id
        );
        let mut parameter = |key: &str, value: &str| {
            head.push(' ');
            head.push_str(key);
            head.push_str("=\"");
            for c in value.chars() {
                match c {
                    '"' | '\\' | ']' => head.extend(['\\', c]),
                    c if is_unsafe(c) => head.push('?'),
                    c => head.push(c),
                }
            }
            head.push('"');
        };
        parameter("id", stamp.id);
        parameter("seq", &stamp.seq.to_string());
        parameter("rule", &cut(&alert.rule, MAX_RULE).to_string());
        if let Some(missing) = missing {
            parameter("truncated", &missing.to_string());
        }
        head.push(']');
        head
    }
}

fn append(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// `alert`, or the name of an event of the agent itself.
fn msgid(alert: &Alert) -> String {
    own::event_of(alert).map_or_else(|| "alert".into(), |event| name(event, MAX_MSGID))
}

/// Printable characters of ASCII without blanks and what ends a name of structured data; `-` for none.
fn name(text: &str, max: usize) -> String {
    let mut name = String::new();
    for c in text.chars().take(max) {
        let is_name = c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
        name.push(if is_name { c } else { '_' });
    }
    if name.is_empty() {
        name.push('-');
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(hostname: &str) -> Stamp<'_> {
        Stamp {
            seq: 7,
            id: "0abc-9",
            time: "",
            output: "",
            hostname,
            node: "n",
            boot: "",
            colour: false,
        }
    }

    fn message(frame: &Frame, alert: &Alert, hostname: &str, line: &str) -> String {
        let mut out = b"before".to_vec();
        out.extend_from_slice(line.as_bytes());
        frame.wrap(&mut out, 6, alert, &stamp(hostname));
        String::from_utf8(out).unwrap().split_off(6)
    }

    fn alert() -> Alert {
        Alert {
            time: 1_785_493_230_123_456_789,
            rule: "Read \"sensitive\" file]".into(),
            priority: "Warning",
            source: "syscall",
            ..Alert::default()
        }
    }

    #[test]
    fn a_message_is_as_the_rfc_has_it() {
        let mut frame = Frame::new(16, "komainu", "komainu@32473", 8192);
        frame.procid = 42;
        let expected = "<132>1 2026-07-31T10:20:30.123456Z node-1 komainu 42 alert \
            [komainu@32473 id=\"0abc-9\" seq=\"7\" rule=\"Read \\\"sensitive\\\" file\\]\"] {\"a\":1}";
        assert_eq!(message(&frame, &alert(), "node-1", "{\"a\":1}\n"), expected);
        let with_bom = message(&frame, &alert(), "node-1", "é\n");
        assert!(with_bom.ends_with("] \u{feff}é"), "{with_bom:?}");
    }

    #[test]
    fn names_are_made_to_fit() {
        assert_eq!(name("", 5), "-");
        assert_eq!(name("a b\u{e9}=\"]c", 20), "a_b____c");
        assert_eq!(name("abcdef", 3), "abc");
        let event = own::OwnEvent::CoverageRestored { classes: vec![] };
        assert_eq!(msgid(&event.into_alert(1)), "coverage_restored");
    }

    #[test]
    fn severities() {
        let all = [
            "Emergency",
            "Alert",
            "Critical",
            "Error",
            "Warning",
            "Notice",
            "Informational",
            "Debug",
        ];
        let numbers: Vec<u64> = all.iter().map(|name| severity::syslog(name)).collect();
        assert_eq!(numbers, (0..8).collect::<Vec<_>>());
        assert_eq!(FACILITIES[16], "local0");
    }

    proptest! {
        #[test]
        fn messages_are_bounded_and_whole(
            line in "\\PC{0,2000}", rule in any::<String>(), hostname in any::<String>(), max in 700_usize..2000,
        ) {
            let frame = Frame::new(1, "k", "k@1", max);
            let alert = Alert { rule, ..alert() };
            let whole = message(&frame, &alert, &hostname, &line);
            // A name of 255 characters and a rule of 256 bytes, each of which may be escaped, leave little room.
            prop_assert!(whole.len() <= max.max(1000));
            prop_assert!(!whole.chars().any(|c| c.is_control() && !line.contains(c)));
            let data = whole.split_once(" [k@1 ").unwrap();
            prop_assert_eq!(data.0.split(' ').count(), 6);
            if whole.len() + 200 < max {
                let text = line.strip_suffix('\n').unwrap_or(&line);
                prop_assert!(whole.ends_with(text));
            }
        }
    }
}
