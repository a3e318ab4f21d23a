//! Kinds of events and of their parameters: the rows of the event table.

use komainu_common::call::Caller;
use komainu_common::{Class, Task};

use super::flags::Flag;

/// A kind of event that rules can name in `evt.type`: one row of the event table.
#[derive(Debug)]
pub struct EventType {
    /// Name, as in `syscalls(2)`.
    pub name: &'static str,
    /// Class whose records carry it; `None` where no probe delivers it.
    pub class: Option<Class>,
    /// Parameters, in the order `evt.args` prints them.
    pub params: &'static [Param],
}

impl EventType {
    /// Whether there are such events: from the kernel, or made by the agent itself.
    pub fn is_delivered(&self) -> bool {
        self.class.is_some() || super::table::is_own(self)
    }

    /// Position of the parameter called `name`.
    pub fn param(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|param| param.name == name)
    }
}

/// A parameter of an event type.
#[derive(Debug)]
pub struct Param {
    /// Name, as in `evt.arg.NAME`.
    pub name: &'static str,
    /// How its value prints.
    pub kind: ParamKind,
    /// Where its value is in the record.
    pub source: Source,
}

/// Where the value of a parameter comes from.
///
/// The classes of [`call::TABLE`](komainu_common::call::TABLE) have one decoder, which this
/// column drives; the others place their parameters themselves.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The decoder of the class.
    Decoder,
    /// The result of the call.
    Result,
    /// The low 32 bits of an argument: signed for numbers, descriptors and ids of processes; of flags, the
    /// bits that have names.
    Arg(u8),
    /// All of an argument.
    Long(u8),
    /// A user or group id, which some calls pass in 16 bits.
    Id(u8),
    /// A number made of the arguments.
    Of(fn(&[u64; 6]) -> u64),
    /// The first path.
    Path,
    /// The second path.
    Path2,
    /// The first string.
    Text,
    /// The second string.
    Text2,
    /// The bytes that an argument points to.
    Bytes,
    /// A number made of the 32-bit words that they begin with.
    Words(fn(&[u32; 6]) -> u64),
    /// A number of the calling thread.
    Task(fn(&Task) -> u64),
    /// Its name.
    Comm,
    /// A number of what the caller is and uses.
    Caller(fn(&Caller) -> u64),
    /// `argv[0]` of the calling process.
    Exe,
    /// `argv[1..]`, NUL-separated.
    Args,
    /// The item with this tag.
    Item(u8),
}

/// Type of a parameter; decides the text of `evt.arg` and the type of `evt.rawarg`.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// Signed number.
    Int,
    /// Unsigned number.
    Uint,
    /// Unsigned number, printed in hexadecimal.
    Hex,
    /// Unsigned number, printed in octal with a leading zero.
    Octal,
    /// Yes or no.
    Bool,
    /// Return value that may be `-errno`.
    Errno,
    /// File descriptor.
    Fd,
    /// Process or thread id.
    Pid,
    /// User id; prints as a user name.
    Uid,
    /// Group id; prints as a group name.
    Gid,
    /// Signal number.
    Signal,
    /// Text.
    Text,
    /// Bytes; unprintable ones print as dots.
    Bytes,
    /// Path, made absolute with the current directory.
    Path,
    /// Path, made absolute with the directory descriptor before it.
    RelPath,
    /// Bit set with names.
    Flags(&'static [Flag]),
    /// Number with names.
    Enum(&'static [Flag]),
    /// File mode bits with names.
    Mode(&'static [Flag]),
    /// Nanoseconds since the Unix epoch.
    Time,
    /// Nanoseconds.
    Duration,
    /// Both ends of a connection.
    Tuple,
    /// Socket address.
    Addr,
    /// Depends on another parameter.
    Dynamic,
}
