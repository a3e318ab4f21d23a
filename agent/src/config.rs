//! The configuration file: one table of keys that gives types, defaults, checks and reference.

mod load;
mod reference;
mod sink_values;
mod values;

use std::path::PathBuf;

pub use load::{ConfigError, MAX_FILE, parse, read};
pub use reference::markdown;
pub use sink_values::{Facility, Headers, RequestBody, SyslogAddress, Url};
pub use values::{
    Colour, Count, FieldName, LeastPriority, Listen, LogFormat, LogLevel, Matching, Pattern,
    PowerOfTwo, Reload, Sheddable, Switch,
};

use crate::emit::Format;
use crate::rules::Priority;

/// A key of the file, for the reference.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Section, empty for the top level.
    pub section: &'static str,
    /// Name within the section.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static [&'static str],
}

/// Defines one section: the struct that serde reads, its defaults and its rows of [`KEYS`].
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident, $section:literal {
            $($(#[doc = $doc:literal])+ $field:ident: $ty:ty = $default:expr;)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// Rows of this section.
            pub const KEYS: &[Key] = &[$(Key {
                section: $section,
                name: stringify!($field),
                doc: &[$($doc),+],
            },)*];
        }
    };
}

mod sinks;

pub use sinks::{File, Spool, Syslog, Throttle, Webhook};

section! {
    /// The whole file. Every key may be left out.
    Config, "" {
        /// Rule files and directories, read in this order, before those of `--rules`. Of a
        /// directory the files `*.yaml` and `*.yml` are read, sorted by name, hidden ones and
        /// subdirectories left out.
        rules: Vec<PathBuf> = Vec::new();
        /// `auto`: rules are read again when their files change, and on SIGHUP. `signal`: on SIGHUP only.
        reload: Reload = Reload::Auto;
        /// `first`: the first rule that matches an event alerts. `all`: every one does.
        matching: Matching = Matching::First;
        /// Rules less severe than this are not loaded: `emergency`, `alert`, `critical`, `error`,
        /// `warning`, `notice`, `informational`, `debug`.
        priority: LeastPriority = LeastPriority(Priority::Debug);
        /// Section `output`.
        output: Output = Output::default();
        /// Section `throttle`.
        throttle: Throttle = Throttle::default();
        /// Section `spool`.
        spool: Spool = Spool::default();
        /// Section `file`.
        file: File = File::default();
        /// Section `webhook`.
        webhook: Webhook = Webhook::default();
        /// Section `syslog`.
        syslog: Syslog = Syslog::default();
        /// Section `processes`.
        processes: Processes = Processes::default();
        /// Section `containers`.
        containers: Containers = Containers::default();
        /// Section `sessions`.
        sessions: Sessions = Sessions::default();
        /// Section `kubernetes`.
        kubernetes: Kubernetes = Kubernetes::default();
        /// Section `users`.
        users: Users = Users::default();
        /// Section `kernel`.
        kernel: Kernel = Kernel::default();
        /// Section `http`.
        http: Http = Http::default();
        /// Section `canary`.
        canary: Canary = Canary::default();
        /// Section `governor`.
        governor: Governor = Governor::default();
        /// Section `log`.
        log: Log = Log::default();
    }
}

section! {
    /// Alerts on standard output.
    Output, "output" {
        /// `falco` (or `json`): one JSON object per line with Falco's keys. `ecs`: in Elastic Common Schema.
        /// `ocsf`: in OCSF, as Detection Finding. `text`: for people.
        format: Format = Format::Falco;
        /// Colour in the text format: `auto` (on a terminal), `always`, `never`.
        colour: Colour = Colour::Auto;
        /// Name of the node in alerts; empty: the environment variable `NODE_NAME`, else the
        /// host's name.
        node: String = String::new();
        /// Alerts that wait for standard output at most, and as many for each other sink. Further ones are
        /// lost, and counted in the stream. 16 to 1000000.
        queue: Count<16, 1_000_000> = Count(4096);
        /// Bytes of memory that they take at most while they wait. 1 MiB to 1 GiB.
        queue_bytes: Count<1_048_576, 1_073_741_824> = Count(16_777_216);
        /// Add container, image and pod to the output of every rule, as Falco does.
        suggested_fields: bool = true;
        /// Ancestors shown in an alert, 0 to 32.
        ancestors: Count<0, 32> = Count(8);
        /// Replace secrets that the built-in patterns recognise.
        redact_defaults: bool = true;
        /// Further patterns: regular expressions. Of a match the group `secret` is replaced by
        /// `[redacted]`, or all of it where there is no such group.
        redact: Vec<Pattern> = Vec::new();
    }
}

section! {
    /// The process table.
    Processes, "processes" {
        /// Processes known at most, lately exited ones included. 256 to 4194304.
        max: Count<256, 4_194_304> = Count(32_768);
        /// Bytes of command lines, paths and environments kept at most. 1 MiB to 4 GiB.
        max_bytes: Count<1_048_576, 4_294_967_296> = Count(67_108_864);
        /// Seconds that an exited process stays known. 1 to 3600.
        linger_seconds: Count<1, 3_600> = Count(30);
        /// Where the host's `/proc` is mounted.
        proc: PathBuf = "/proc".into();
        /// Milliseconds that the start waits at most for `/proc` to be read. 0 to 60000.
        scan_milliseconds: Count<0, 60_000> = Count(500);
    }
}

section! {
    /// Containers.
    Containers, "containers" {
        /// cgroups known at most. 64 to 1048576.
        max_cgroups: Count<64, 1_048_576> = Count(16_384);
        /// `auto`, `on`: ask the container runtime, as soon as there is one. `off`: never.
        runtime: Switch = Switch::Auto;
        /// Socket of the runtime (CRI, Docker or podman); empty: it is looked for at the usual places
        /// below `host_root`.
        socket: PathBuf = PathBuf::new();
        /// Where the host's root is mounted.
        host_root: PathBuf = "/".into();
        /// Milliseconds that events of a new container wait at most for runtime and API server to say
        /// who it is. 0: they never wait. 0 to 60000.
        wait_milliseconds: Count<0, 60_000> = Count(3_000);
        /// Bytes of events that wait at most, of all containers together; further ones go out with
        /// `resolution` `too_many_waiting`. 64 KiB to 1 GiB.
        waiting_bytes: Count<65_536, 1_073_741_824> = Count(8_388_608);
        /// Events that wait at most. 16 to 1000000.
        waiting_events: Count<16, 1_000_000> = Count(16_384);
    }
}

section! {
    /// Exec sessions. Of what finds no room the events are there, without `session.*`; how much that was is told
    /// as `blind`.
    Sessions, "sessions" {
        /// Sessions followed at once at most. 16 to 65536.
        max: Count<16, 65_536> = Count(1024);
        /// Processes in all sessions together at most. 256 to 4194304.
        processes: Count<256, 4_194_304> = Count(32_768);
        /// Command lines kept of a session at most, each different one once. 0 to 4096.
        commands: Count<0, 4_096> = Count(128);
        /// Bytes of these at most; of one, 1 KiB is kept. 0 to 65536.
        command_bytes: Count<0, 65_536> = Count(8192);
    }
}

section! {
    /// The API server, for what only it knows of pods: owner, service account, labels of namespace and
    /// node.
    Kubernetes, "kubernetes" {
        /// `auto`: ask the API server if a kubeconfig is given or the agent runs in a pod. `on`: the
        /// same, and say that it cannot be reached where neither is so. `off`: never.
        enabled: Switch = Switch::Auto;
        /// A kubeconfig file, of which the current context is used; empty: the service account of the
        /// agent's pod.
        kubeconfig: PathBuf = PathBuf::new();
        /// Name of this node in the cluster; empty: the name in alerts (`output.node`).
        node: String = String::new();
        /// Pods known at most. 64 to 65536.
        max_pods: Count<64, 65_536> = Count(8192);
        /// Bytes of names, labels and annotations kept at most. 1 MiB to 1 GiB.
        max_bytes: Count<1_048_576, 1_073_741_824> = Count(33_554_432);
    }
}

section! {
    /// Names of users and groups.
    Users, "users" {
        /// The host's `passwd` file; regular, no symlink.
        passwd: PathBuf = "/etc/passwd".into();
        /// The host's `group` file; regular, no symlink.
        group: PathBuf = "/etc/group".into();
        /// Read the `passwd` and `group` files of containers too; else only number 0 has a name there.
        containers: bool = true;
        /// Bytes of names of containers kept at most; the same content counts once, and a container has room for as much as
        /// is then still free. 64 KiB to 1 GiB.
        max_bytes: Count<65_536, 1_073_741_824> = Count(8_388_608);
    }
}

section! {
    /// The kernel half.
    Kernel, "kernel" {
        /// Bytes of the ring for process events, a power of two from 64 KiB to 64 MiB.
        lifecycle_ring_bytes: PowerOfTwo<65_536, 67_108_864> = PowerOfTwo(4 << 20);
        /// Bytes of the ring for file and network events, a power of two from 64 KiB to 64 MiB.
        bulk_ring_bytes: PowerOfTwo<65_536, 67_108_864> = PowerOfTwo(8 << 20);
        /// Record the environment of started programs, up to 4 KiB each; without it `proc.env`
        /// is empty.
        record_env: bool = true;
        /// Deliver what the kernel filter would end in the kernel too, and fail if a rule matches any of
        /// it. `--audit-filter` sets it.
        audit_filter: bool = false;
        /// Have the kernel count how often each program runs and for how long, for `/metrics`. It costs
        /// every BPF program of this machine some 20 to 40 ns per run.
        run_times: bool = false;
        /// Seconds between two looks at the loss ledger. 1 to 3600.
        ledger_seconds: Count<1, 3_600> = Count(5);
    }
}

section! {
    /// The endpoint for scrapers and probes: `GET /metrics`, `/healthz`, `/readyz`.
    Http, "http" {
        /// Address and port, such as `0.0.0.0:9476`; empty: there is none.
        listen: Listen = Listen(None);
    }
}

section! {
    /// Acts that do nothing, whose events must come back: of starting a program, and of opening, renaming,
    /// removing, making, changing, mounting and connecting as far as rules want their events.
    Canary, "canary" {
        /// Seconds between two rounds; 0: there are none. 0 to 86400.
        interval_seconds: Count<0, 86_400> = Count(0);
        /// Seconds that an event may take to come back. What misses it twice in a row is told
        /// (`coverage_lost`), and the agent is not ready until it comes back. 1 to 60.
        deadline_seconds: Count<1, 60> = Count(10);
    }
}

section! {
    /// A limit on the agent's CPU time, for which it does without some events.
    Governor, "governor" {
        /// Per cent of one CPU core; 0: no limit. Its programs' time in the kernel is not counted. 0 to 6400.
        cpu_budget: Count<0, 6_400> = Count(0);
        /// Event classes to do without, the first one first, when more was taken for five seconds. Their
        /// system calls are not looked at then, nor the operations of an `io_uring` that do the same. `exec`, `fork` and `exit`
        /// cannot be named.
        shed: Vec<Sheddable> = Vec::new();
    }
}

section! {
    /// The agent's own log, on standard error.
    Log, "log" {
        /// Least level: `error`, `warn`, `info`, `debug`, `trace`. `RUST_LOG` and `--log-level`
        /// win over it.
        level: LogLevel = LogLevel::Info;
        /// `text` or `json`.
        format: LogFormat = LogFormat::Text;
    }
}

/// Every key, in the order of the reference. The top level's sections are among them.
pub const KEYS: &[&[Key]] = &[
    Config::KEYS,
    Output::KEYS,
    Throttle::KEYS,
    Spool::KEYS,
    File::KEYS,
    Webhook::KEYS,
    Syslog::KEYS,
    Processes::KEYS,
    Containers::KEYS,
    Sessions::KEYS,
    Kubernetes::KEYS,
    Users::KEYS,
    Kernel::KEYS,
    Http::KEYS,
    Canary::KEYS,
    Governor::KEYS,
    Log::KEYS,
];

#[cfg(test)]
mod tests;
