//! Alerts that repeat others: whether there is a throttle, and when it tells what it held back.

use std::time::{Duration, Instant};

use super::Decider;
use crate::config::{Config, FieldName};
use crate::emit::{Throttle, throttle};
use crate::pipeline::engine::InForce;
use crate::rules::Output;

/// The throttle as configured.
pub(super) fn new(config: &Config) -> Option<Throttle> {
    let section = &config.throttle;
    let window = Duration::from_secs(section.window_seconds.0);
    let names = section.keys.iter().map(FieldName::as_str);
    // Each name was tried when the configuration was read.
    let keys = Output::of_fields(names).ok()?;
    (!window.is_zero()).then(|| {
        Throttle::new(throttle::Settings {
            window,
            burst: section.burst.0,
            max_keys: section.max_keys.size(),
            keys,
            rules: section.rules.clone(),
            except: section.except.clone(),
        })
    })
}

impl Decider {
    /// Tells what was held back until now, as far as its time is over.
    pub(in crate::pipeline) fn settle_throttle(&mut self, in_force: &InForce, now: Instant) {
        let outlet = &self.outlet;
        if let Some(throttle) = &mut self.throttle {
            throttle.settle(&in_force.hash, now, |repeats| outlet.repeated(&repeats));
        }
    }

    /// Tells everything that was held back.
    pub(in crate::pipeline) fn finish_throttle(&mut self) {
        let (outlet, now) = (&self.outlet, self.now);
        if let Some(throttle) = &mut self.throttle {
            throttle.finish(now, |repeats| outlet.repeated(&repeats));
        }
    }
}
