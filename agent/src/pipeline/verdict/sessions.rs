//! The end of exec sessions: an event of the agent's own making, for which rules are asked as for every other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Decider;
use crate::enrich::session::Number;
use crate::event::{Event, Params, Value, event_type};
use crate::pipeline::clock;
use crate::pipeline::engine::InForce;
use crate::pipeline::losses::cgroup_name;

/// Time from the last exit of a session until its end is told. Files and connections come through another lane, which
/// is read later: what they raise belongs to the session and is counted in it.
const GRACE: Duration = Duration::from_millis(250);

/// Sessions without a living process, since when.
#[derive(Debug, Default)]
pub(super) struct Ending(VecDeque<(Number, Instant)>);

impl Ending {
    pub(super) fn note(&mut self, ended: Option<Number>, now: Instant) {
        self.0.extend(ended.map(|number| (number, now)));
    }

    fn next(&mut self, now: Instant) -> Option<Number> {
        let (_, since) = self.0.front()?;
        let is_over = now.saturating_duration_since(*since) >= GRACE;
        is_over
            .then(|| self.0.pop_front())?
            .map(|(number, _)| number)
    }
}

impl Decider {
    /// Tells of sessions whose last process exited a while ago.
    pub(in crate::pipeline) fn tell_ended_sessions(&mut self, in_force: &InForce, now: Instant) {
        while let Some(number) = self.ending.next(now) {
            if self.state.sessions.close(number) {
                self.tell_session(in_force, number, "exited");
            }
        }
    }

    /// Tells of all sessions at the agent's end: of those that ended, and of those that go on without it.
    pub(in crate::pipeline) fn tell_all_sessions(&mut self, in_force: &InForce) {
        for number in self.state.sessions.untold() {
            let has_ended = self.state.sessions.close(number);
            let reason = if has_ended { "exited" } else { "agent_stopped" };
            self.tell_session(in_force, number, reason);
        }
    }

    /// Tells how many sessions and processes of sessions could not be followed.
    pub(in crate::pipeline) fn tell_refused_sessions(&mut self) {
        let refused = self.state.sessions.take_refused();
        let now = clock::now();
        for (stage, count) in [
            ("sessions", refused.sessions),
            ("session_processes", refused.processes),
        ] {
            if count > 0 {
                let place = self.place(refused.cgroup, cgroup_name(refused.cgroup));
                self.tell_blind(stage, None, Some(place), count, now, now);
            }
        }
    }

    fn tell_session(&mut self, in_force: &InForce, number: Number, reason: &str) {
        let (Some(session), Some(ty)) = (self.state.sessions.get(number), event_type("sessionend"))
        else {
            return;
        };
        let event = Event {
            ty,
            number: self.totals.records.max(1),
            time: session.ended.unwrap_or_else(clock::now),
            cpu: 0,
            ret: None,
            task: session.task,
            cgroup: session.cgroup,
            params: Params::from_iter([Value::Bytes(reason.as_bytes())]),
            fd: None,
            stdio: [None; 3],
            open_descriptors: None,
            truncated: false,
        };
        self.alert_on(in_force, &event, &|_| true);
    }
}
