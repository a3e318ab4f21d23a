//! What the governor decides is done and told here.

use std::time::{Duration, Instant};

use komainu_common::Class;

use super::super::engine;
use super::super::governor::{Change, Governor};
use super::super::{clock, cpu};
use super::Watch;
use super::setup::KernelFilter;
use crate::config::Config;
use crate::emit::OwnEvent;

/// The governor with what it looks at.
pub(super) struct Govern {
    governor: Governor,
    looked: Instant,
    cpu: Duration,
    /// Since when each class is shed, nanoseconds since the epoch.
    since: Vec<(Class, u64)>,
}

impl Govern {
    pub(super) fn new(config: &Config) -> Self {
        let order = config.governor.shed.iter().map(|class| class.0).collect();
        Self {
            governor: Governor::new(budget(config), order),
            looked: Instant::now(),
            cpu: cpu::taken(),
            since: Vec::new(),
        }
    }

    /// Classes that are shed.
    pub(super) fn shed(&self) -> &[Class] {
        self.governor.shed()
    }
}

/// In cores.
#[expect(clippy::cast_precision_loss, reason = "at most 6400 per cent")]
fn budget(config: &Config) -> f64 {
    config.governor.cpu_budget.0 as f64 / 100.0
}

impl Watch {
    /// Looks at the CPU time taken since the last look.
    pub(super) async fn govern(&mut self) {
        let (now, cpu) = (Instant::now(), cpu::taken());
        let elapsed =
            now.saturating_duration_since(std::mem::replace(&mut self.govern.looked, now));
        let taken = cpu.saturating_sub(std::mem::replace(&mut self.govern.cpu, cpu));
        let Some(change) = self.govern.governor.observe(taken, elapsed) else {
            return;
        };
        let in_force = self.shared.in_force.load_full();
        let audit = self.config.kernel.audit_filter;
        let mut filter = KernelFilter::new(&mut self.kernel, audit, self.govern.shed());
        if let Err(error) = engine::deliver(&in_force, &mut filter) {
            tracing::error!(%error, ?change, "cannot change what is watched");
        }
        self.shared.board.governed(self.govern.shed());
        let event = match change {
            Change::Shed(class) => {
                self.govern.since.push((class, clock::now()));
                degraded(class, taken, elapsed, &self.config)
            }
            Change::Restore(class) => self.blind(class),
        };
        self.tell(event).await;
    }

    /// Tells of the classes that are shed at the end.
    pub(super) async fn tell_shed(&mut self) {
        for class in self.govern.shed().to_vec() {
            let event = self.blind(class);
            self.tell(event).await;
        }
    }

    /// The time without a class is over, and told as a loss of unknown size.
    fn blind(&mut self, class: Class) -> OwnEvent {
        let now = clock::now();
        let since = self.govern.since.iter().position(|(of, _)| *of == class);
        let first = since.map_or(now, |at| self.govern.since.swap_remove(at).1);
        OwnEvent::Blind {
            stage: "governor",
            class: Some(class.name()),
            place: None,
            count: 0,
            first,
            last: now,
        }
    }
}

fn degraded(class: Class, taken: Duration, elapsed: Duration, config: &Config) -> OwnEvent {
    let percent = (taken.as_secs_f64() / elapsed.as_secs_f64() * 100.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number that is not negative"
    )]
    OwnEvent::Degraded {
        class: class.name(),
        cpu_percent: percent as u64,
        budget_percent: config.governor.cpu_budget.0,
    }
}
