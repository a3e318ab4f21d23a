//! The line for people.

use super::super::alert::{Alert, ContainerPlace, PodPlace};
use super::super::cut::cut;
use super::super::escape::escape_into;
use super::Stamp;

/// Bytes of a text line's message.
const MAX_MESSAGE: usize = 8 * 1024;
/// Bytes of any other part.
const MAX_PART: usize = 256;

const RESET: &str = "\x1b[0m";

/// `TIME PRIORITY RULE: MESSAGE [container=… image=… pod=…/… pod_uid=…] [session=…] [file=…] [by NAME < NAME < NAME]`
#[expect(clippy::unnecessary_wraps, reason = "formats have one shape")]
pub(super) fn line(out: &mut Vec<u8>, alert: &Alert, stamp: &Stamp<'_>) -> serde_json::Result<()> {
    let mut line = String::with_capacity(256);
    line.push_str(stamp.time);
    line.push(' ');
    if stamp.colour {
        line.push_str(colour_of(alert.priority));
    }
    line.push_str(alert.priority);
    if stamp.colour {
        line.push_str(RESET);
    }
    line.push(' ');
    part(&mut line, &alert.rule, MAX_PART);
    line.push_str(": ");
    part(&mut line, &alert.message, MAX_MESSAGE);
    let place = &alert.place;
    let container = place.container.as_ref();
    let pod = place.pod.as_ref();
    let of_container = |read: fn(&ContainerPlace) -> Option<&String>| {
        container
            .and_then(read)
            .map(|text| cut(text, MAX_PART).to_string())
    };
    let known = [
        ("container", of_container(|container| Some(&container.id))),
        ("image", of_container(|container| container.image.as_ref())),
        ("pod", pod.and_then(pod_name)),
        ("pod_uid", pod.and_then(|pod| pod.uid.clone())),
        (
            "session",
            alert.session.as_ref().map(|session| session.id.clone()),
        ),
        ("file", alert.resolved_path.clone()),
    ];
    for (name, value) in known {
        let Some(value) = value else { continue };
        line.push_str(" | ");
        line.push_str(name);
        line.push('=');
        part(&mut line, &value, MAX_MESSAGE);
    }
    let mut separator = " | by ";
    for ancestor in &alert.ancestry {
        line.push_str(separator);
        part(&mut line, &ancestor.name, MAX_PART);
        separator = " < ";
    }
    line.push('\n');
    out.extend_from_slice(line.as_bytes());
    Ok(())
}

/// `NAMESPACE/NAME`
fn pod_name(pod: &PodPlace) -> Option<String> {
    let name = pod.name.as_ref()?;
    let namespace = pod.namespace.as_deref().unwrap_or_default();
    Some(format!("{namespace}/{name}"))
}

fn part(line: &mut String, text: &str, max: usize) {
    escape_into(line, &cut(text, max).to_string());
}

/// Red for what wakes people, yellow for what they should read, none for the rest.
fn colour_of(priority: &str) -> &'static str {
    match priority {
        "Emergency" | "Alert" | "Critical" => "\x1b[1;31m",
        "Error" => "\x1b[31m",
        "Warning" => "\x1b[33m",
        "Notice" => "\x1b[36m",
        _ => "\x1b[2m",
    }
}
