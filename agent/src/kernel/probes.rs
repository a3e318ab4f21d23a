//! The probe table: every program, its hook, the event classes it serves.

use komainu_common::{Class, syscalls::handler};

/// Where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Raw tracepoint of this name.
    RawTracepoint(&'static str),
    /// Tail-called by the dispatcher on `sys_exit`, or by one of the two on `io_uring`, by handler index.
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

/// Classes that come from system calls.
const SYSCALLS: &[Class] = &[
    Class::OPEN,
    Class::CONNECT,
    Class::ACCEPT,
    Class::LISTEN,
    Class::SOCKET,
    Class::SEND,
    Class::RECEIVE,
    Class::RENAME,
    Class::UNLINK,
    Class::MKDIR,
    Class::ATTRIBUTE,
    Class::MOUNT,
    Class::TRACE,
    Class::MODULE,
    Class::NAMESPACE,
    Class::CREDENTIAL,
    Class::CLONE,
    Class::OBJECT,
    Class::DUP,
    Class::SIGNAL,
    Class::PROPERTY,
    Class::MEMORY,
    Class::IO_URING,
    Class::DIRECTORY,
    Class::SHUTDOWN,
];

/// Classes of `call::TABLE` that operations of an `io_uring` raise.
const RING_CALLS: &[Class] = &[Class::RENAME, Class::UNLINK, Class::MKDIR, Class::SHUTDOWN];
const RING_SOCKETS: &[Class] = &[Class::ACCEPT, Class::LISTEN, Class::SOCKET];
const RING_MESSAGES: &[Class] = &[Class::SEND, Class::RECEIVE];

/// All of these.
const RINGS: &[Class] = &[
    Class::OPEN,
    Class::CONNECT,
    Class::RENAME,
    Class::UNLINK,
    Class::MKDIR,
    Class::SHUTDOWN,
    Class::ACCEPT,
    Class::LISTEN,
    Class::SOCKET,
    Class::SEND,
    Class::RECEIVE,
];

/// Every probe, in the order they are attached: lifecycle first, so that no event comes from a
/// process the agent could not know.
pub const PROBES: &[Probe] = &[
    Probe {
        program: "cgroup_rmdir",
        hook: Hook::RawTracepoint("cgroup_rmdir"),
        classes: &[Class::CGROUP],
        required: false,
    },
    Probe {
        program: "cgroup_mkdir",
        hook: Hook::RawTracepoint("cgroup_mkdir"),
        classes: &[Class::CGROUP],
        required: false,
    },
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
        program: "open_by_handle",
        hook: Hook::SyscallHandler(handler::OPEN_BY_HANDLE),
        classes: &[Class::OPEN],
        required: false,
    },
    Probe {
        program: "connect",
        hook: Hook::SyscallHandler(handler::CONNECT),
        classes: &[Class::CONNECT],
        required: true,
    },
    optional("socket", handler::SOCKET, &[Class::SOCKET]),
    optional("listen", handler::LISTEN, &[Class::LISTEN]),
    optional("accept", handler::ACCEPT, &[Class::ACCEPT]),
    optional("send", handler::SEND, &[Class::SEND]),
    optional("receive", handler::RECEIVE, &[Class::RECEIVE]),
    Probe {
        program: "call_plain",
        hook: Hook::SyscallHandler(handler::CALL_PLAIN),
        classes: &[
            Class::TRACE,
            Class::MODULE,
            Class::NAMESPACE,
            Class::CREDENTIAL,
            Class::OBJECT,
            Class::SIGNAL,
            Class::PROPERTY,
            Class::MEMORY,
            Class::IO_URING,
        ],
        required: true,
    },
    Probe {
        program: "call_descriptor",
        hook: Hook::SyscallHandler(handler::CALL_DESCRIPTOR),
        classes: &[
            Class::ATTRIBUTE,
            Class::MOUNT,
            Class::MODULE,
            Class::NAMESPACE,
            Class::OBJECT,
            Class::DUP,
            Class::DIRECTORY,
            Class::SHUTDOWN,
        ],
        required: true,
    },
    Probe {
        program: "call_path",
        hook: Hook::SyscallHandler(handler::CALL_PATH),
        classes: &[
            Class::RENAME,
            Class::UNLINK,
            Class::MKDIR,
            Class::ATTRIBUTE,
            Class::MOUNT,
            Class::DIRECTORY,
        ],
        required: true,
    },
    Probe {
        program: "call_paths",
        hook: Hook::SyscallHandler(handler::CALL_PATHS),
        classes: &[Class::RENAME, Class::MOUNT],
        required: true,
    },
    optional("call_process", handler::CALL_PROCESS, &[Class::CLONE]),
    optional("ring_open", handler::RING_OPEN, &[Class::OPEN]),
    optional("ring_open_end", handler::RING_OPEN_END, &[Class::OPEN]),
    optional("ring_connect", handler::RING_CONNECT, &[Class::CONNECT]),
    optional(
        "ring_connect_end",
        handler::RING_CONNECT_END,
        &[Class::CONNECT],
    ),
    optional("ring_call", handler::RING_CALL, RING_CALLS),
    optional("ring_call_end", handler::RING_CALL_END, RING_CALLS),
    optional("ring_socket", handler::RING_SOCKET, RING_SOCKETS),
    optional("ring_socket_end", handler::RING_SOCKET_END, RING_SOCKETS),
    optional("ring_message", handler::RING_MESSAGE, RING_MESSAGES),
    optional("ring_message_end", handler::RING_MESSAGE_END, RING_MESSAGES),
    Probe {
        program: "ring_complete",
        hook: Hook::RawTracepoint("io_uring_complete"),
        classes: RINGS,
        required: false,
    },
    Probe {
        program: "ring_submit",
        hook: Hook::RawTracepoint("io_uring_submit_req"),
        classes: RINGS,
        required: false,
    },
    Probe {
        program: "sys_exit",
        hook: Hook::RawTracepoint("sys_exit"),
        classes: SYSCALLS,
        required: true,
    },
];

/// A handler of system calls without which the agent is ready all the same.
const fn optional(program: &'static str, handler: u16, classes: &'static [Class]) -> Probe {
    Probe {
        program,
        hook: Hook::SyscallHandler(handler),
        classes,
        required: false,
    }
}

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
        ],
        "ring_open" => &["uring_open_filename"],
        "ring_connect" => &["uring_connect_addr"],
        "ring_call" => &["uring_rename_old", "uring_unlink_filename"],
        "ring_socket" => &["uring_accept_flags"],
        "ring_message" => &["uring_message_buffer", "uring_message_len"],
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use komainu_common::call::TABLE;

    use super::*;

    #[test]
    fn the_dispatcher_names_every_class_of_its_handlers() {
        for probe in PROBES {
            if let Hook::SyscallHandler(_) = probe.hook {
                let without_it = probe.classes.iter().find(|class| !SYSCALLS.contains(class));
                // Of execs only those that fail.
                assert!(
                    without_it.is_none_or(|class| *class == Class::EXEC),
                    "{without_it:?}"
                );
            }
        }
    }

    /// A program that does not attach degrades the classes of its calls, and says so.
    #[test]
    fn programs_name_the_classes_of_their_rows() {
        let shapes: BTreeSet<u8> = TABLE.iter().map(|row| row.spec.shape).collect();
        for shape in shapes {
            let of_shape = TABLE.iter().filter(|row| row.spec.shape == shape);
            let classes: BTreeSet<u16> = of_shape.map(|row| row.spec.class.0).collect();
            let probe = PROBES
                .iter()
                .find(|probe| probe.hook == Hook::SyscallHandler(shape.into()))
                .unwrap();
            let named: BTreeSet<u16> = probe.classes.iter().map(|class| class.0).collect();
            assert_eq!(named, classes, "{}", probe.program);
        }
    }
}
