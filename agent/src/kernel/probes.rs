//! The probe table: every program, its hook, the event classes it serves.

use komainu_common::{Class, syscalls::handler};

/// Where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Raw tracepoint of this name.
    RawTracepoint(&'static str),
    /// Tail-called by the `sys_exit` dispatcher, by handler index.
    SyscallHandler(u16),
}

/// One program of the kernel half.
#[derive(Debug)]
pub struct Probe {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Its hook.
    pub hook: Hook,
    /// Event classes that are degraded without it.
    pub classes: &'static [Class],
    /// Without it the agent is not ready.
    pub required: bool,
}

/// Every probe, in the order they are attached: lifecycle first, so that no event comes from a
/// process the agent could not know.
pub const PROBES: &[Probe] = &[
    Probe {
        program: "exit",
        hook: Hook::RawTracepoint("sched_process_exit"),
        classes: &[Class::EXIT],
        required: true,
    },
    Probe {
        program: "fork",
        hook: Hook::RawTracepoint("sched_process_fork"),
        classes: &[Class::FORK],
        required: true,
    },
    Probe {
        program: "exec",
        hook: Hook::RawTracepoint("sched_process_exec"),
        classes: &[Class::EXEC],
        required: true,
    },
    Probe {
        program: "exec_failed",
        hook: Hook::SyscallHandler(handler::EXEC_FAILED),
        classes: &[Class::EXEC],
        required: false,
    },
    Probe {
        program: "open",
        hook: Hook::SyscallHandler(handler::OPEN),
        classes: &[Class::OPEN],
        required: true,
    },
    Probe {
        program: "connect",
        hook: Hook::SyscallHandler(handler::CONNECT),
        classes: &[Class::CONNECT],
        required: true,
    },
    Probe {
        program: "ring_complete",
        hook: Hook::RawTracepoint("io_uring_complete"),
        classes: &[Class::OPEN, Class::CONNECT],
        required: false,
    },
    Probe {
        program: "ring_submit",
        hook: Hook::RawTracepoint("io_uring_submit_req"),
        classes: &[Class::OPEN, Class::CONNECT],
        required: false,
    },
    Probe {
        program: "sys_exit",
        hook: Hook::RawTracepoint("sys_exit"),
        classes: &[Class::OPEN, Class::CONNECT],
        required: true,
    },
];

/// Optional members of kernel structs without which a program has nothing to read.
pub(super) fn needed(program: &str) -> &'static [&'static str] {
    match program {
        "ring_submit" | "ring_complete" => &[
            "filename_name",
            "uring_file",
            "uring_cmd",
            "uring_opcode",
            "uring_flags",
            "uring_fd",
            "uring_res",
            "uring_open_filename",
            "uring_connect_addr",
        ],
        _ => &[],
    }
}

/// What a tracepoint was called in older kernels.
pub(super) fn older_name(tracepoint: &str) -> Option<&'static str> {
    // Until 6.3.
    (tracepoint == "io_uring_submit_req").then_some("io_uring_submit_sqe")
}

/// What became of a probe.
#[derive(Clone, Debug)]
pub struct ProbeStatus {
    /// Its row of the table.
    pub probe: &'static Probe,
    /// Why it is not attached; `None` if it is.
    pub error: Option<String>,
    /// Instructions the verifier looked at, where the kernel tells (5.16). The limit is a million.
    pub verified: Option<u32>,
}

impl ProbeStatus {
    /// Whether it is attached.
    pub fn attached(&self) -> bool {
        self.error.is_none()
    }
}

impl Hook {
    /// For people: kind and name.
    pub fn describe(self) -> String {
        match self {
            Hook::RawTracepoint(name) => format!("raw_tracepoint/{name}"),
            Hook::SyscallHandler(_) => "raw_tracepoint/sys_exit (tail call)".to_owned(),
        }
    }
}
