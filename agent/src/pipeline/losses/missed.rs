//! Programs that the kernel did not enter: what they would have reported is not known, only that it
//! is missing.

use hashbrown::HashMap;
use komainu_common::Class;

use crate::emit::lost::{Place, Tally};

/// What was told of programs that were not entered.
#[derive(Debug)]
pub(in super::super) struct Missed {
    told: HashMap<&'static str, u64>,
    /// Time of the last look, nanoseconds since the epoch.
    looked: u64,
    total: u64,
}

impl Missed {
    /// From `now` on, nanoseconds since the epoch.
    pub(in super::super) fn since(now: u64) -> Self {
        Self {
            told: HashMap::new(),
            looked: now,
            total: 0,
        }
    }

    /// Misses since the last call, of programs with the classes they serve and their count since
    /// the start. They were between the last look and `now`.
    pub(in super::super) fn observe(
        &mut self,
        programs: impl IntoIterator<Item = (&'static str, &'static [Class], u64)>,
        now: u64,
    ) -> Vec<(Place, Tally)> {
        let since = std::mem::replace(&mut self.looked, now);
        let mut missed = Vec::new();
        for (program, classes, count) in programs {
            let told = self.told.insert(program, count).unwrap_or(0);
            let count = count.saturating_sub(told);
            if count == 0 {
                continue;
            }
            self.total = self.total.saturating_add(count);
            let tally = Tally {
                count,
                first: since,
                last: now,
                noticed: now,
            };
            missed.push((place(program, classes), tally));
        }
        missed
    }

    /// Misses told so far.
    pub(in super::super) fn total(&self) -> u64 {
        self.total
    }
}

fn place(program: &str, classes: &[Class]) -> Place {
    let classes: Vec<&str> = classes.iter().map(|class| class.name()).collect();
    Place {
        stage: "entry",
        class: None,
        place: Some(format!("program {program} ({})", classes.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_miss_once_and_what_it_may_have_been() {
        let mut missed = Missed::since(100);
        let exit = |count| ("sys_exit", &[Class::OPEN, Class::CONNECT][..], count);
        assert_eq!(missed.observe([exit(0)], 200), []);
        let told = missed.observe([exit(3)], 300);
        let (place, tally) = told.first().unwrap();
        assert_eq!(
            place.place.as_deref(),
            Some("program sys_exit (open, connect)")
        );
        assert_eq!((tally.count, tally.first, tally.last), (3, 200, 300));
        assert_eq!(missed.observe([exit(3)], 400), []);
        assert_eq!(missed.observe([exit(5)], 500).first().unwrap().1.count, 2);
        assert_eq!(missed.total(), 5);
    }
}
