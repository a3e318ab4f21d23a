//! The table of metrics: every name, with its type, labels and meaning.

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the agent runs.
    Counter,
    /// Any value.
    Gauge,
    /// Times, counted in buckets.
    Histogram,
}

impl Kind {
    /// As the formats and the reference have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Name, by the [conventions](https://prometheus.io/docs/practices/naming/) of Prometheus.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells, line by line.
    pub help: &'static [&'static str],
}

impl Metric {
    /// Its name without what marks a counter.
    pub fn family(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }

    /// Unit of its values, which its name ends with; empty for plain numbers.
    pub fn unit(&self) -> &'static str {
        let family = self.family();
        let units = ["seconds", "bytes", "ratio"];
        let unit = units
            .into_iter()
            .find(|unit| family.rsplit('_').next() == Some(*unit));
        unit.unwrap_or_default()
    }

    /// The help as one line.
    pub fn help(&self) -> String {
        let lines: Vec<&str> = self.help.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $name:ident = $text:literal, $kind:ident, [$($label:literal),*];)*) => {
        $($(#[doc = $help])+ pub static $name: Metric = Metric {
            name: $text,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: &[$($help),+],
        };)*

        /// Every metric, in the order of the page and of the reference.
        pub static METRICS: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    /// Always 1; the label tells the version of the agent.
    BUILD_INFO = "komainu_build_info", Gauge, ["version"];
    /// 1 while /readyz answers 200.
    READY = "komainu_ready", Gauge, [];
    /// 1 while /healthz answers 200.
    HEALTHY = "komainu_healthy", Gauge, [];
    /// Time since the deciding thread last began a round, which it does at least 20 times a second.
    HEARTBEAT_AGE = "komainu_heartbeat_age_seconds", Gauge, [];
    /// 1 where the program is attached. Without a required one the agent is not ready.
    PROBE_ATTACHED = "komainu_probe_attached", Gauge, ["program", "required"];

    /// Rules in force that are evaluated.
    RULES = "komainu_rules", Gauge, [];
    /// Always 1; the label tells the hash of the rule set in force, as alerts have it.
    RULES_INFO = "komainu_rules_info", Gauge, ["hash"];
    /// Attempts to put other rules in force: ok, failed. The rules at the start are none.
    RULE_RELOADS = "komainu_rule_reloads_total", Counter, ["result"];
    /// Time of the last such attempt since the epoch; 0 before the first.
    RULE_RELOAD_LAST = "komainu_rule_reload_last_timestamp_seconds", Gauge, ["result"];
    /// 1 while the rules that the files hold are not those in force, because they are wrong.
    RULE_RELOAD_FAILING = "komainu_rule_reload_failing", Gauge, [];
    /// Events that the rule matched: one alert each. Counted on over reloads while a rule of that name is in force.
    /// Only of the first 2000 rules, the rest together as rule (more).
    RULE_MATCHES = "komainu_rule_matches_total", Counter, ["rule", "priority"];
    /// Alerts of the rule that were not shown, because they repeat others, and were told together.
    RULE_THROTTLED = "komainu_rule_throttled_alerts_total", Counter, ["rule"];
    /// Evaluations of the rule that were timed: those of one event in 128.
    RULE_SAMPLES = "komainu_rule_evaluation_samples_total", Counter, ["rule"];
    /// Time that they took together. What several rules test is paid for by the first of them.
    RULE_SAMPLED = "komainu_rule_evaluation_sampled_seconds_total", Counter, ["rule"];

    /// Events that the kernel half saw. seen = emitted + filtered + lost, except for those just being recorded.
    EVENTS_SEEN = "komainu_events_seen_total", Counter, ["class"];
    /// Events that no rule can match, ended in the kernel.
    EVENTS_FILTERED = "komainu_events_filtered_total", Counter, ["class"];
    /// Events that were put into a ring.
    EVENTS_EMITTED = "komainu_events_emitted_total", Counter, ["class"];
    /// Events lost in the kernel half: ring (no room), share (no room for that cgroup, which took the
    /// most), internal (no record could be made).
    EVENTS_LOST = "komainu_events_lost_total", Counter, ["class", "reason"];
    /// Times that the kernel did not enter the program, because it ran already on that CPU.
    PROGRAM_MISSES = "komainu_program_misses_total", Counter, ["program"];
    /// Runs of the program, while kernel.run_times is configured or the kernel counts them anyway
    /// (kernel.bpf_stats_enabled).
    PROGRAM_RUNS = "komainu_program_runs_total", Counter, ["program"];
    /// Time that these runs took, programs called by it included.
    PROGRAM_RUN_TIME = "komainu_program_run_seconds_total", Counter, ["program"];
    /// Size of the ring.
    RING_SIZE = "komainu_ring_size_bytes", Gauge, ["lane"];
    /// The most that waited in the ring when it was looked at, in this minute and the one before.
    RING_PEAK = "komainu_ring_peak_bytes", Gauge, ["lane"];

    /// Records that the deciding thread took from the rings.
    RECORDS = "komainu_records_total", Counter, [];
    /// Records that could not be decoded: lost.
    UNDECODABLE = "komainu_records_undecodable_total", Counter, [];
    /// Time from an event until the batch of it was begun to be decided. What then waits for identity is
    /// counted by komainu_identity_wait_seconds.
    LAG = "komainu_event_lag_seconds", Histogram, [];
    /// Alerts made.
    ALERTS = "komainu_alerts_total", Counter, [];
    /// Alerts that the kernel filter would have hidden; counted with kernel.audit_filter only. Must be 0.
    HIDDEN = "komainu_filter_errors_total", Counter, [];

    /// Time that the first event of a new container waited until its identity was known.
    IDENTITY_WAIT = "komainu_identity_wait_seconds", Histogram, [];
    /// cgroups whose events waited for the identity of their container.
    IDENTITY_WAITS = "komainu_identity_waits_total", Counter, [];
    /// Events that waited.
    IDENTITY_WAITED_EVENTS = "komainu_identity_waited_events_total", Counter, [];
    /// cgroups whose events went on without the whole identity, by the resolution that their alerts have.
    IDENTITY_EXPIRIES = "komainu_identity_expiries_total", Counter, ["reason"];
    /// Events that wait now.
    IDENTITY_WAITING = "komainu_identity_waiting_events", Gauge, [];
    /// Memory that they take.
    IDENTITY_WAITING_BYTES = "komainu_identity_waiting_bytes", Gauge, [];
    /// 1 for the state that the source is in: off, starting, up, down.
    SOURCE_STATE = "komainu_identity_source_state", Gauge, ["source", "state"];
    /// Questions to the source: lists, watches, single containers.
    SOURCE_REQUESTS = "komainu_identity_requests_total", Counter, ["source"];
    /// Those that failed or were not answered in time.
    SOURCE_ERRORS = "komainu_identity_request_errors_total", Counter, ["source"];

    /// Processes known, lately exited ones included.
    PROCESSES = "komainu_processes", Gauge, [];
    /// Memory of their command lines, paths and environments.
    PROCESS_TEXTS = "komainu_process_texts_bytes", Gauge, [];
    /// Processes forgotten for want of room: exited before their time, or living.
    PROCESSES_EVICTED = "komainu_processes_evicted_total", Counter, ["state"];
    /// Processes that an event named before any record did.
    PROCESSES_MISSING = "komainu_processes_missing_total", Counter, [];
    /// cgroups known.
    CGROUPS = "komainu_cgroups", Gauge, [];
    /// Containers known, lately removed ones included.
    CONTAINERS = "komainu_containers", Gauge, [];
    /// Pods known of the API server, lately deleted ones included.
    PODS = "komainu_pods", Gauge, [];
    /// cgroups, containers and pods forgotten for want of room.
    CONTAINERS_EVICTED = "komainu_containers_evicted_total", Counter, [];

    /// Alerts that wait for the sink.
    SINK_QUEUED = "komainu_sink_queued_alerts", Gauge, ["sink"];
    /// Memory that they take.
    SINK_QUEUED_BYTES = "komainu_sink_queued_bytes", Gauge, ["sink"];
    /// Alerts that found no room: lost, and told in the stream.
    SINK_LOST = "komainu_sink_lost_alerts_total", Counter, ["sink"];
    /// Lines written, those about the agent itself included.
    SINK_LINES = "komainu_sink_lines_total", Counter, ["sink"];
    /// How long the write under way has not been taken by the other side; 0 where none is.
    SINK_BLOCKED = "komainu_sink_blocked_seconds", Gauge, ["sink"];
    /// 1 while the sink does not take what is written to it, and is tried again.
    SINK_FAILING = "komainu_sink_failing", Gauge, ["sink"];
    /// Lines of the sink on disk.
    SINK_SPOOLED = "komainu_sink_spooled_bytes", Gauge, ["sink"];

    /// Requests answered, by path (other for what there is not) and status.
    HTTP_REQUESTS = "komainu_http_requests_total", Counter, ["path", "code"];
    /// Connections ended before their time, because newer ones needed the room.
    HTTP_EVICTED = "komainu_http_connections_evicted_total", Counter, [];

    /// Rounds of the canary: done, or failed where its acts could not be done.
    CANARY_ROUNDS = "komainu_canary_rounds_total", Counter, ["result"];
    /// 1 where the canary's act came back as an event, 0 where it did not; not there for what is not tried.
    CANARY_COVERED = "komainu_canary_covered", Gauge, ["class"];
    /// Rounds in which it did not, twice in a row.
    CANARY_MISSES = "komainu_canary_misses_total", Counter, ["class"];
    /// 1 while the class is not watched, to keep the CPU budget; not there for what may not be shed.
    SHED = "komainu_shed", Gauge, ["class"];
    /// Times that this began.
    SHEDS = "komainu_sheds_total", Counter, ["class"];

    /// Memory of the agent that is resident, its rings included.
    RESIDENT = "process_resident_memory_bytes", Gauge, [];
    /// CPU time of the agent, user and system. What its programs take in the kernel is not in it.
    CPU = "process_cpu_seconds_total", Counter, [];
    /// Time of its start since the epoch.
    START = "process_start_time_seconds", Gauge, [];
    /// Descriptors that it has open.
    OPEN_FDS = "process_open_fds", Gauge, [];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len(), "a name stands for one metric");
        for metric in METRICS {
            let is_ours =
                metric.name.starts_with("komainu_") || metric.name.starts_with("process_");
            assert!(is_ours, "{}", metric.name);
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(
                is_counter,
                metric.name.ends_with("_total"),
                "{}",
                metric.name
            );
            let help = metric.help();
            assert!(
                help.ends_with('.') && !help.contains(['"', '\\', '\n', '|']),
                "{help}"
            );
        }
    }

    #[test]
    fn units_are_those_of_the_names() {
        assert_eq!(
            (CPU.unit(), CPU.family()),
            ("seconds", "process_cpu_seconds")
        );
        assert_eq!(RING_SIZE.unit(), "bytes");
        assert_eq!(RULES.unit(), "");
    }
}
