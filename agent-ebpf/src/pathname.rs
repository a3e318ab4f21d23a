//! A path as a program names it and as the kernel knows it: both go into the record, and through
//! the filter on the way.

use core::hint::black_box;

use komainu_common::{filter::MAX_PLAN_PATH, limits::MAX_USER_PATH};

use crate::{
    filter::{self, Gate},
    maps::{self, PATH_AREA, Scratch, offset},
    name::{self, Area, Name},
    path,
    record::{ITEM_HEAD, Record},
    same, task,
    task::Subject,
};

/// `AT_FDCWD` (`openat(2)`).
pub(crate) const AT_FDCWD: i32 = -100;

/// Length of a directory that nothing fits behind, because it is not known.
const UNKNOWN: u32 = u32::MAX;

/// Where the parts of a path go.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    /// Tag of the string as passed.
    pub(crate) user: u8,
    /// Tag of the kernel's path.
    pub(crate) kernel: u8,
    /// Tag of the directory that a relative string starts from.
    pub(crate) base: u8,
    /// Its role in the filter plan.
    pub(crate) role: u8,
}

/// The string as passed, once it is in the record.
#[derive(Clone, Copy)]
struct Asked {
    address: u64,
    len: u32,
    first: u8,
}

/// Appends the path string at `user`, which starts from `dirfd`, and the kernel's path of the object,
/// `kernel` (the address of a `struct path`). Returns the first byte of the string, 0 if it is empty or
/// unreadable; `None` if the filter says that no rule can match.
#[inline(always)]
pub(crate) fn append<T, A: Subject>(
    record: &Record<T, A>,
    gate: Option<&Gate>,
    slot: Slot,
    (user, dirfd): (u64, i32),
    kernel: Option<u64>,
) -> Option<u8> {
    let gate = gate.filter(|gate| gate.wants_path(record.scratch(), slot.role));
    if let Some(gate) = gate {
        let scratch = record.scratch();
        let len = take_absolute(scratch.index, user, kernel.unwrap_or(0));
        if len != 0 {
            if !gate.test_names(scratch, slot.role) && gate.reject(scratch) {
                return None;
            }
            append_absolute(record, slot, len, kernel);
            return Some(b'/');
        }
    }
    let asked = append_asked(record, slot.user, user);
    let mut built = build(record, kernel);
    if gate.is_some() {
        let scratch = record.scratch();
        let name = match (kernel, built) {
            (None, _) => Name::None,
            (_, None) => Name::Unknown,
            _ => keep_built(scratch, Area::Kernel),
        };
        filter::set_name(scratch, Area::Kernel, name);
    }
    let (mut tag, mut start) = (slot.kernel, 0);
    if asked.first != b'/' && asked.first != 0 {
        if let Some(flags) = built {
            record.append_path(tag, flags);
        }
        tag = slot.base;
        built = build(record, base(dirfd));
        start = built.map_or(UNKNOWN, |_| keep_base(record.scratch()));
    }
    if let Some(gate) = gate {
        let scratch = record.scratch();
        let name = keep_asked(scratch, asked, start);
        filter::set_name(scratch, Area::Asked, name);
        if !gate.test_names(scratch, slot.role) && gate.reject(scratch) {
            return None;
        }
    }
    if let Some(flags) = built {
        record.append_path(tag, flags);
    }
    Some(asked.first)
}

/// Takes both names of a file for the filter where the string as passed is an absolute path that can be looked
/// up: its length then, else 0. `path` is the address of the file's `struct path`, 0 for none. The kernel's
/// path is built only where it is another. A function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_absolute(index: u32, user: u64, path: u64) -> u32 {
    let Some(scratch) = maps::scratch(index) else {
        return 0;
    };
    let asked = name::read_user(scratch, Area::Asked, user);
    let Name::Known(len) = asked else {
        return 0;
    };
    if scratch.filter.asked.byte(0) != b'/' {
        return 0;
    }
    let kernel = if path == 0 {
        Name::None
    } else if same::is_asked(scratch, path, len) {
        Name::Same
    } else if let Some((dentry, mnt)) = path::parts(path) {
        path::build(scratch, dentry, mnt);
        keep_built(scratch, Area::Kernel)
    } else {
        Name::Unknown
    };
    filter::set_name(scratch, Area::Asked, asked);
    filter::set_name(scratch, Area::Kernel, kernel);
    len
}

/// Appends both names of a file that passed: the string that the filter has seen, which is in its area, and the
/// kernel's path.
#[inline(always)]
fn append_absolute<T, A: Subject>(
    record: &Record<T, A>,
    slot: Slot,
    len: u32,
    kernel: Option<u64>,
) {
    let asked = record.scratch().filter.asked.address();
    // The compiler knows that it fits, the verifier does not.
    record.append_kernel::<MAX_PLAN_PATH>(slot.user, asked, u64::from(black_box(len)));
    if let Some(flags) = build(record, kernel) {
        record.append_path(slot.kernel, flags);
    }
}

/// Builds the path that a `struct path` stands for; `None` where there is none.
#[inline(always)]
fn build<T, A: Subject>(record: &Record<T, A>, path: Option<u64>) -> Option<u64> {
    let (dentry, mnt) = path::parts(path?)?;
    Some(path::build(record.scratch(), dentry, mnt))
}

/// Address of the `struct path` that a relative string starts from.
#[inline(always)]
pub(crate) fn base(dirfd: i32) -> Option<u64> {
    if dirfd == AT_FDCWD {
        task::pwd(task::current())
    } else {
        crate::file::of_descriptor(i64::from(dirfd))
            .map(|file| file + u64::from(offset!(file_path)))
    }
}

#[inline(always)]
fn append_asked<T, A: Subject>(record: &Record<T, A>, tag: u8, user: u64) -> Asked {
    let before = record.scratch().len;
    let first = record.append_user_str::<MAX_USER_PATH>(tag, user);
    let scratch = record.scratch();
    let start = before + ITEM_HEAD;
    Asked {
        address: scratch.record.as_ptr() as u64 + u64::from(start),
        len: scratch.len.wrapping_sub(start),
        first,
    }
}

/// Keeps the path last built in the scratch buffer.
#[inline(always)]
fn keep_built(scratch: &mut Scratch, area: Area) -> Name {
    name::clear(scratch, area);
    let start = scratch.path_start;
    let address = scratch.path.as_ptr() as u64 + u64::from(start);
    name::append(
        scratch,
        area,
        0,
        address,
        (PATH_AREA as u32).wrapping_sub(start),
    )
}

/// Keeps the directory last built, with a slash behind it; where the rest goes.
#[inline(always)]
fn keep_base(scratch: &mut Scratch) -> u32 {
    match keep_built(scratch, Area::Asked) {
        // The root directory is its slash.
        Name::Known(1) => 1,
        Name::Known(len) => name::slash(scratch, Area::Asked, len),
        Name::None | Name::Unknown | Name::Same => UNKNOWN,
    }
}

/// Keeps the string as passed, behind the `at` bytes of the directory it starts from.
#[inline(always)]
fn keep_asked(scratch: &mut Scratch, asked: Asked, at: u32) -> Name {
    if at == 0 {
        name::clear(scratch, Area::Asked);
    }
    name::append(scratch, Area::Asked, at, asked.address, asked.len)
}
