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
    /// A file was opened, or could not be (`open`, `openat`, `openat2`, `creat`).
    OPEN = 4, "open", Bulk;
    /// A socket was connected, or could not be (`connect`).
    CONNECT = 5, "connect", Bulk;
}

/// One past the largest class number; the size of per-class arrays.
pub const CLASS_SLOTS: u32 = 16;

/// The two rings. Lifecycle records never share one with bulk records, so that nobody can flood
/// `open` to hide an `exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Processes starting, changing and ending.
    Lifecycle,
    /// Files and network.
    Bulk,
}

const _: () = assert!(Class::ALL.len() < CLASS_SLOTS as usize);
