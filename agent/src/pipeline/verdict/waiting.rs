//! Which records wait for the identity of their container, and when they are decided after all.

use std::time::{Duration, Instant};

use komainu_common::Header;

use super::Decider;
use crate::config::Config;
use crate::decode;
use crate::enrich::container::{GivenUp, Wait};
use crate::event::ProcKey;
use crate::pipeline::engine::InForce;
use crate::pipeline::hold::{Limits, Released};

/// Time between two looks at what waits, where nothing new is known.
const LOOK: Duration = Duration::from_millis(10);

/// What may wait, as configured.
pub(super) fn limits(config: &Config) -> Limits {
    let containers = &config.containers;
    Limits {
        wait: Duration::from_millis(containers.wait_milliseconds.0),
        bytes: containers.waiting_bytes.size(),
        records: containers.waiting_events.size(),
    }
}

impl Decider {
    /// Begins a batch at this time, which is `boot` nanoseconds since boot.
    pub(in crate::pipeline) fn begin(&mut self, now: Instant, boot: u64) {
        (self.now, self.boot) = (now, boot);
    }

    /// Whether the record was put aside, because its container is not known yet or because older ones of its cgroup
    /// wait. Those come first where none has to wait any more.
    pub(super) fn keeps_waiting(
        &mut self,
        in_force: &InForce,
        header: &Header,
        record: &[u8],
        number: u64,
    ) -> bool {
        if !self.hold.is_on() {
            return false;
        }
        let cgroup = header.cgroup;
        let wait = self.state.containers.wait(cgroup);
        if wait == Wait::No {
            if self.hold.has(cgroup) {
                self.release(in_force);
            }
            return false;
        }
        let process = ProcKey::of(&header.task);
        if wait == Wait::Path {
            self.unknown.note(cgroup, process);
        }
        self.state.containers.saw(cgroup, process);
        let Ok(is_first) = self.hold.park(cgroup, number, record, self.now) else {
            self.state.containers.give_up(cgroup, GivenUp::TooMany);
            self.release(in_force);
            return false;
        };
        if is_first {
            // The runtime is asked as soon as this batch is read.
            self.look = self.now;
        }
        true
    }

    /// Decides what waited and needs not any more: its container is known, or its time over. Asks about the rest.
    pub(in crate::pipeline) fn settle(
        &mut self,
        in_force: &InForce,
        now: Instant,
        ask: &dyn Fn(&str) -> bool,
    ) {
        let containers = &mut self.state.containers;
        let is_changed = containers.take_changed();
        if self.hold.is_empty() || !(is_changed || now >= self.look) {
            return;
        }
        self.look = now + LOOK;
        for cgroup in self.hold.late(now, |cgroup| containers.wait(cgroup)) {
            containers.give_up(cgroup, GivenUp::Late);
        }
        self.now = now;
        self.release(in_force);
        let containers = &self.state.containers;
        self.hold
            .ask(now, |cgroup| containers.to_ask(cgroup).is_some_and(ask));
        let waits = |cgroup: &u64| containers.wait(*cgroup) == Wait::Names;
        self.names.look_at(self.hold.cgroups().filter(waits));
    }

    /// Decides everything that waits with what is known.
    pub(in crate::pipeline) fn settle_all(&mut self, in_force: &InForce) {
        let released = self.hold.take(|_| true);
        self.decide_released(in_force, &released);
    }

    fn release(&mut self, in_force: &InForce) {
        let containers = &self.state.containers;
        let released = self.hold.take(|cgroup| containers.wait(cgroup) == Wait::No);
        self.decide_released(in_force, &released);
    }

    fn decide_released(&mut self, in_force: &InForce, released: &Released) {
        for (cgroup, since, records) in released.waits() {
            let time = self.now.saturating_duration_since(since);
            let (resolution, _) = self.state.containers.resolution(cgroup);
            self.totals.waited.add(time, records, resolution);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        for (number, record) in released.records() {
            // It could be decoded when it came.
            match decode::decode(record, self.clock, &mut scratch) {
                Ok(decoded) => self.decide(in_force, decoded, number),
                Err(error) => self.undecodable(record, error),
            }
        }
        self.scratch = scratch;
    }
}
