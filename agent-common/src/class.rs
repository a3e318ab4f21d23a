//! Event classes: what a record is about.
//!
//! A class is the unit of accounting (`seen = emitted + filtered + lost`), of degradation and of
//! filtering. Several system calls may share one class: `open`, `openat`, `openat2` and `creat`
//! are all [`Class::OPEN`].

/// Number of an event class on the wire.
///
/// A plain integer with associated constants rather than an `enum`: the kernel half indexes maps
/// with it and the user half must survive any value.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

macro_rules! classes {
    ($($(#[$meta:meta])* $name:ident = $number:literal, $text:literal, $lane:ident;)*) => {
        impl Class {
            $($(#[$meta])* pub const $name: Class = Class($number);)*

            /// Every class, in number order.
            pub const ALL: &'static [Class] = &[$(Class::$name),*];

            /// Short lower-case name for metrics and messages; `unknown` for other numbers.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Class::$name => $text,)*
                    _ => "unknown",
                }
            }

            /// The ring this class travels in.
            pub const fn lane(self) -> Lane {
                match self {
                    $(Class::$name => Lane::$lane,)*
                    _ => Lane::Bulk,
                }
            }
        }
    };
}

classes! {
    /// A process was created (`sched_process_fork`, threads excluded).
    FORK = 1, "fork", Lifecycle;
    /// A program was started, or could not be (`sched_process_exec`; `execve`, `execveat` failing).
    EXEC = 2, "exec", Lifecycle;
    /// The last thread of a process ended (`sched_process_exit`).
    EXIT = 3, "exit", Lifecycle;
    /// A file was opened, or could not be (`open`, `openat`, `openat2`, `creat`,
    /// `open_by_handle_at`).
    OPEN = 4, "open", Bulk;
    /// A socket was connected, or could not be (`connect`).
    CONNECT = 5, "connect", Bulk;
    /// A connection was accepted (`accept`, `accept4`).
    ACCEPT = 6, "accept", Bulk;
    /// A socket got a local address or waits for connections (`bind`, `listen`).
    LISTEN = 7, "listen", Bulk;
    /// A socket was made (`socket`, `socketpair`).
    SOCKET = 8, "socket", Bulk;
    /// Data was sent (`sendto`, `sendmsg`, `sendmmsg`).
    SEND = 9, "send", Bulk;
    /// Data was received (`recvfrom`, `recvmsg`, `recvmmsg`).
    RECEIVE = 10, "receive", Bulk;
    /// A name was moved or added (`rename*`, `link*`, `symlink*`).
    RENAME = 11, "rename", Bulk;
    /// A name was removed (`unlink*`, `rmdir`).
    UNLINK = 12, "unlink", Bulk;
    /// A directory or special file was made (`mkdir*`, `mknod*`).
    MKDIR = 13, "mkdir", Bulk;
    /// Mode or owner of a file was changed (`chmod*`, `chown*`).
    ATTRIBUTE = 14, "attribute", Bulk;
    /// The tree of mounts or a process's root was changed (`mount`, `umount2`, `move_mount`,
    /// `fsconfig`, `chroot`, `pivot_root`).
    MOUNT = 15, "mount", Lifecycle;
    /// A process looked into or changed another (`ptrace`, `process_vm_writev`).
    TRACE = 16, "trace", Bulk;
    /// A kernel module was loaded or removed (`init_module`, `finit_module`, `delete_module`).
    MODULE = 17, "module", Lifecycle;
    /// Namespaces were changed (`setns`, `unshare`).
    NAMESPACE = 18, "namespace", Bulk;
    /// Credentials were changed (`setuid`, `setgid` and their family, `capset`).
    CREDENTIAL = 19, "credential", Bulk;
    /// A process or thread was made, as its maker and as itself saw it, or could not be (`clone`, `clone3`, `fork`, `vfork`).
    CLONE = 20, "clone", Bulk;
    /// An object of the kernel that code can hide in or reach others by was made or used (`bpf`,
    /// `userfaultfd`, `memfd_create`, `keyctl`, `perf_event_open`).
    OBJECT = 21, "object", Bulk;
    /// A descriptor was duplicated (`dup*`, `fcntl`).
    DUP = 22, "dup", Bulk;
    /// A signal was sent (`kill`, `tkill`, `tgkill`).
    SIGNAL = 23, "signal", Bulk;
    /// A process changed its own properties (`prctl`, `setsid`).
    PROPERTY = 24, "property", Bulk;
    /// Memory became executable (`mmap`, `mprotect` with `PROT_EXEC`).
    MEMORY = 25, "memory", Bulk;
    /// An `io_uring` was set up (`io_uring_setup`).
    IO_URING = 26, "io_uring", Bulk;
    /// The current directory was changed (`chdir`, `fchdir`).
    DIRECTORY = 27, "directory", Bulk;
    /// A connection was ended (`shutdown`).
    SHUTDOWN = 28, "shutdown", Bulk;
    /// A cgroup was made or removed.
    CGROUP = 29, "cgroup", Lifecycle;
}

/// One past the largest class number; the size of per-class arrays.
pub const CLASS_SLOTS: u32 = 32;

/// The two rings. Lifecycle records never share one with bulk records, so that nobody can flood
/// `open` to hide an `exec`. So what anyone may do without limit (`setuid(getuid())`, `unshare(0)`,
/// any call that fails) is bulk, however grave it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Processes starting and ending; what only the privileged can do.
    Lifecycle,
    /// Files and network.
    Bulk,
}

const _: () = assert!(Class::ALL.len() < CLASS_SLOTS as usize);
