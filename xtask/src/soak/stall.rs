//! When the reader of standard output stalls, and what happens meanwhile.

use std::env;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::stream::Reader;

/// Time from the start to the first stall, and between the beginnings of two.
const FIRST: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_mins(1);
/// A stall that the queue stands, and one that it does not; in turn, the longer one first.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(8);
/// How long a process opens what raises alerts during a long one, as fast as it can, milliseconds.
const FLOOD: &str = "700";

/// Stalls so far, and the next.
#[derive(Debug)]
pub(super) struct Stalls {
    pub(super) begun: u64,
    next: Instant,
    until: Option<Instant>,
    flood: Option<Child>,
}

impl Stalls {
    /// From now on.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            begun: 0,
            next: now + FIRST,
            until: None,
            flood: None,
        }
    }

    /// Begins or ends one when it is time.
    pub(super) fn look(&mut self, now: Instant, reader: &Reader, bait: &Path) -> Result<()> {
        if self.until.is_some_and(|until| until <= now) {
            self.end(reader)?;
        }
        if now < self.next {
            return Ok(());
        }
        let is_long = self.begun.is_multiple_of(2);
        self.begun += 1;
        self.next = now + EVERY;
        self.until = Some(now + if is_long { LONG } else { SHORT });
        reader.stall(true);
        if is_long {
            self.flood = Some(flood(bait)?);
        }
        Ok(())
    }

    /// Reads on.
    pub(super) fn end(&mut self, reader: &Reader) -> Result<()> {
        self.until = None;
        reader.stall(false);
        if let Some(mut flood) = self.flood.take() {
            flood.wait()?;
        }
        Ok(())
    }
}

fn flood(bait: &Path) -> Result<Child> {
    Command::new(env::current_exe()?)
        .arg("flood")
        .arg(bait)
        .arg(FLOOD)
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start this program again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stalls_begin_and_end_in_time() {
        let (start, reader) = (Instant::now(), Reader::default());
        let mut stalls = Stalls::new(start);
        // So that the first is a short one, which starts no process.
        stalls.begun = 1;
        let bait = Path::new("/nonexistent");
        let mut look = |after| {
            stalls.look(start + after, &reader, bait).unwrap();
            (stalls.begun, reader.stalls())
        };
        assert_eq!(look(Duration::ZERO), (1, false));
        assert_eq!(look(FIRST), (2, true));
        assert_eq!(look(FIRST + SHORT / 2), (2, true));
        assert_eq!(look(FIRST + SHORT), (2, false));
        assert_eq!(look(EVERY), (2, false), "the next is one after the first");
    }
}
