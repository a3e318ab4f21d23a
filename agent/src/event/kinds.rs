//! Kinds of events and of their parameters: the rows of the event table.

use komainu_common::Class;

use super::flags::Flag;

/// A kind of event that rules can name in `evt.type`: one row of the event table.
#[derive(Debug)]
pub struct EventType {
    /// Name, as in `syscalls(2)`.
    pub name: &'static str,
    /// Class whose records carry it; `None` while no probe delivers it.
    pub class: Option<Class>,
    /// Parameters, in the order `evt.args` prints them.
    pub params: &'static [Param],
}

impl EventType {
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
