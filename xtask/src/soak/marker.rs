//! A program that is started once a second and does nothing: what becomes of each is looked at.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

/// Time between two.
const EVERY: Duration = Duration::from_secs(1);
/// Time between two looks at whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// One of them; times are nanoseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    pub(super) number: u64,
    /// Before it was started.
    pub(super) before: u64,
    /// After it had ended.
    pub(super) after: u64,
}

/// Starts them until it is over.
pub(super) fn act(nonce: &str, is_over: &AtomicBool) -> Result<Vec<Marker>> {
    let mut markers = Vec::new();
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        if Instant::now() < next {
            thread::sleep(LOOK);
            continue;
        }
        next += EVERY;
        let number = markers.len() as u64;
        let before = now();
        Command::new("true")
            .arg(format!("{nonce}{number}"))
            .status()
            .context("cannot run true")?;
        markers.push(Marker {
            number,
            before,
            after: now(),
        });
    }
    Ok(markers)
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default()
}
