//! What a row says about its call: where the arguments stand, and which kernel object it is about.

use crate::{
    Class,
    arch::{Numbers, THIS},
    filter::role,
};

/// In the place of an argument's index: there is none. One of eight, so that the kernel half can keep
/// the arguments, and zeros behind them, in an array that any three bits index.
pub const NO_ARGUMENT: u8 = 7;

/// Kinds of argument lists. Each has one program in the kernel half; the number is its handler.
pub mod shape {
    /// No row.
    pub const NONE: u8 = 0;
    /// Numbers, strings, bytes.
    pub const PLAIN: u8 = 40;
    /// A descriptor, passed or returned, and strings.
    pub const DESCRIPTOR: u8 = 41;
    /// One path, and strings.
    pub const PATH: u8 = 42;
    /// Two paths.
    pub const PATHS: u8 = 43;
    /// Numbers, and what the caller is and uses: calls that make a process.
    pub const PROCESS: u8 = 44;
}

/// Kernel objects that a call can be about.
pub mod object {
    /// None that can be reached when the call returns.
    pub const NONE: u8 = 0;
    /// The file behind the descriptor that was passed.
    pub const DESCRIPTOR: u8 = 1;
    /// The file behind the descriptor that was returned; where the call failed, behind the one that
    /// was passed.
    pub const RESULT: u8 = 2;
    /// The current directory, after success.
    pub const DIRECTORY: u8 = 3;
    /// The root directory, after success.
    pub const ROOT: u8 = 4;
}

/// Where a path stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathSpec {
    /// Argument with the directory descriptor, or [`NO_ARGUMENT`]: the current directory.
    pub dirfd: u8,
    /// Argument with the string, or [`NO_ARGUMENT`].
    pub path: u8,
}

/// A condition on one argument: `arg & mask` is one of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The argument, or [`NO_ARGUMENT`]: always true.
    pub arg: u8,
    /// Bits that count.
    pub mask: u32,
    /// Values that hold.
    pub either: [u32; 2],
}

impl Guard {
    /// No condition.
    pub const ALWAYS: Self = Self {
        arg: NO_ARGUMENT,
        mask: 0,
        either: [0, 0],
    };

    /// `bits` are set in the argument.
    pub const fn set(arg: u8, bits: u32) -> Self {
        Self {
            arg,
            mask: bits,
            either: [bits, bits],
        }
    }

    /// The argument is one of two values.
    pub const fn one_of(arg: u8, a: u32, b: u32) -> Self {
        Self {
            arg,
            mask: u32::MAX,
            either: [a, b],
        }
    }

    /// Whether the value of the argument passes.
    #[inline]
    pub const fn admits(&self, value: u64) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "commands and flags are ints"
        )]
        let value = value as u32 & self.mask;
        self.arg == NO_ARGUMENT || value == self.either[0] || value == self.either[1]
    }
}

/// Where the arguments of a call stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Number of the event class.
    pub class: Class,
    /// One of [`shape`].
    pub shape: u8,
    /// One of [`object`].
    pub object: u8,
    /// Argument with the descriptor.
    pub fd: u8,
    /// The paths.
    pub paths: [PathSpec; 2],
    /// [`filter::role`](crate::filter::role) of the first of them; the second's is
    /// [`SECOND`](crate::filter::role::SECOND).
    pub role: u8,
    /// Argument that may hold `AT_EMPTY_PATH`, which makes the directory descriptor the object.
    pub at_flags: u8,
    /// Arguments with NUL-terminated strings.
    pub strings: [u8; 2],
    /// Whether the strings are strings: `prctl(2)` has one for some commands only.
    pub strings_if: Guard,
    /// Argument that points to bytes.
    pub bytes: u8,
    /// Argument with their number, or [`NO_ARGUMENT`]: as many as an item holds.
    pub bytes_len: u8,
    /// Calls that do not pass are no events.
    pub only_if: Guard,
    /// User and group ids are 16 bits wide, and `0xffff` is -1 (`include/linux/highuid.h`).
    pub old_ids: bool,
    /// The first argument points to the number that it stands for: the first 64 bits of a struct.
    pub pointed: bool,
    /// The arguments are an array of 32-bit words at the first one (`old_mmap`, i386).
    pub indirect: bool,
}

const NO_PATH: PathSpec = PathSpec {
    dirfd: NO_ARGUMENT,
    path: NO_ARGUMENT,
};

impl Spec {
    /// No row.
    pub const NONE: Self = Self {
        class: Class(0),
        shape: shape::NONE,
        object: object::NONE,
        fd: NO_ARGUMENT,
        paths: [NO_PATH; 2],
        role: role::FIRST,
        at_flags: NO_ARGUMENT,
        strings: [NO_ARGUMENT; 2],
        strings_if: Guard::ALWAYS,
        bytes: NO_ARGUMENT,
        bytes_len: NO_ARGUMENT,
        only_if: Guard::ALWAYS,
        old_ids: false,
        pointed: false,
        indirect: false,
    };

    /// Numbers.
    pub(super) const fn plain() -> Self {
        let mut spec = Self::NONE;
        spec.shape = shape::PLAIN;
        spec
    }

    /// What makes a process, or a thread.
    pub(super) const fn process() -> Self {
        let mut spec = Self::NONE;
        spec.shape = shape::PROCESS;
        spec
    }

    /// A descriptor at `fd`.
    pub(super) const fn descriptor(fd: u8) -> Self {
        let mut spec = Self::NONE;
        spec.shape = shape::DESCRIPTOR;
        spec.object = object::DESCRIPTOR;
        spec.fd = fd;
        spec
    }

    /// A new descriptor for what is behind the one at `fd`.
    pub(super) const fn duplicate(fd: u8) -> Self {
        let mut spec = Self::descriptor(fd);
        spec.object = object::RESULT;
        spec
    }

    /// A new descriptor.
    pub(super) const fn creates() -> Self {
        Self::duplicate(NO_ARGUMENT)
    }

    /// One path.
    pub(super) const fn path(path: PathSpec) -> Self {
        let mut spec = Self::NONE;
        spec.shape = shape::PATH;
        spec.paths[0] = path;
        spec
    }

    /// One path, which is to the call what the second of two is to others: where a link or a mount goes.
    pub(super) const fn second_path(path: PathSpec) -> Self {
        let mut spec = Self::path(path);
        spec.role = role::SECOND;
        spec
    }

    /// Two paths.
    pub(super) const fn paths(first: PathSpec, second: PathSpec) -> Self {
        let mut spec = Self::path(first);
        spec.shape = shape::PATHS;
        spec.paths[1] = second;
        spec
    }

    /// With the object of this kind after success.
    pub(super) const fn about(mut self, object: u8) -> Self {
        self.object = object;
        self
    }

    /// With flags that may hold `AT_EMPTY_PATH` at `arg`.
    pub(super) const fn at_flags(mut self, arg: u8) -> Self {
        self.at_flags = arg;
        self
    }

    /// With a string at `arg`.
    pub(super) const fn string(mut self, arg: u8) -> Self {
        self.strings[0] = arg;
        self
    }

    /// With strings at two arguments.
    pub(super) const fn strings(mut self, first: u8, second: u8) -> Self {
        self.strings = [first, second];
        self
    }

    /// Where the strings are strings.
    pub(super) const fn strings_if(mut self, guard: Guard) -> Self {
        self.strings_if = guard;
        self
    }

    /// With bytes at `arg`, as many as the argument `len` says.
    pub(super) const fn bytes(mut self, arg: u8, len: u8) -> Self {
        self.bytes = arg;
        self.bytes_len = len;
        self
    }

    /// An event only where the guard holds.
    pub(super) const fn only_if(mut self, guard: Guard) -> Self {
        self.only_if = guard;
        self
    }

    /// With ids of 16 bits.
    pub(super) const fn old_ids(mut self) -> Self {
        self.old_ids = true;
        self
    }

    /// With its first argument behind a pointer.
    pub(super) const fn pointed(mut self) -> Self {
        self.pointed = true;
        self
    }

    /// With its arguments in memory.
    pub(super) const fn indirect(mut self) -> Self {
        self.indirect = true;
        self
    }
}

/// A path from the current directory.
pub(super) const fn here(path: u8) -> PathSpec {
    PathSpec {
        dirfd: NO_ARGUMENT,
        path,
    }
}

/// A path from a directory descriptor.
pub(super) const fn at(dirfd: u8, path: u8) -> PathSpec {
    PathSpec { dirfd, path }
}

/// One system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of its event. Several rows can have one name: variants of a call that differ in their
    /// arguments (`setuid` and `setuid32` of 32-bit programs) are one event to rules.
    pub name: &'static str,
    /// Names that it has in the kernel's native table.
    pub native_names: [&'static str; 2],
    /// Names that it has in the kernel's table of 32-bit calls.
    pub compat_names: [&'static str; 2],
    /// Numbers of the native table (x32 included where it differs).
    pub native: Numbers,
    /// Numbers of the 32-bit compat table.
    pub compat: Numbers,
    /// Where its arguments stand.
    pub spec: Spec,
}

/// A row of class `class`, by its own name in both tables.
pub(super) const fn row(name: &'static str, class: Class, mut spec: Spec) -> Row {
    spec.class = class;
    Row {
        name,
        native_names: [name, ""],
        compat_names: [name, ""],
        native: Numbers::of(THIS.native, &[name]),
        compat: Numbers::of(THIS.compat, &[name]),
        spec,
    }
}

impl Row {
    /// By this name in both tables.
    pub(super) const fn called(self, name: &'static str) -> Self {
        self.natively([name, ""]).narrowly([name, ""])
    }

    /// By this name in the table of 32-bit calls.
    pub(super) const fn compat(self, name: &'static str) -> Self {
        self.narrowly([name, ""])
    }

    /// By this name, too, in the table of 32-bit calls.
    pub(super) const fn compat_too(self, name: &'static str) -> Self {
        let own = self.compat_names[0];
        self.narrowly([own, name])
    }

    /// By this name in the table of 32-bit calls, and not in the other.
    pub(super) const fn only_compat(self, name: &'static str) -> Self {
        self.natively(["", ""]).narrowly([name, ""])
    }

    const fn natively(mut self, names: [&'static str; 2]) -> Self {
        self.native_names = names;
        self.native = Numbers::of(THIS.native, &names);
        self
    }

    const fn narrowly(mut self, names: [&'static str; 2]) -> Self {
        self.compat_names = names;
        self.compat = Numbers::of(THIS.compat, &names);
        self
    }
}
