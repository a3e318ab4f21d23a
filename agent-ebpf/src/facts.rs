//! Facts that are recorded only where a rule reads them, see [`komainu_common::facts`].

use komainu_common::{
    Class,
    facts::{DESCRIPTORS, Held, MAX_COUNTED, STDIO},
    item::{ITEM_CUT, tag},
    limits::MAX_SOCKADDR,
};

use crate::{
    file, filter,
    maps::{self, PATH_AREA, Scratch, offset},
    path,
    read::{self, Address as _, Typed},
    record::{self, Record},
    sock::{self, Name},
    task, words,
};

const WORD: u32 = u64::BITS;

/// Appends to the record in the scratch buffer what rules read of its class.
#[inline(always)]
pub(crate) fn append(scratch: &Scratch, class: Class) {
    let wanted = filter::facts(scratch, class);
    if wanted != 0 {
        append_facts(scratch.index, wanted);
    }
}

/// A function that the verifier checks once. The number it returns means nothing.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn append_facts(scratch: u32, wanted: u32) -> u32 {
    let Some(record) = record::resume::<()>(scratch) else {
        return 1;
    };
    if wanted & STDIO != 0 {
        append_held(&record, tag::STDIN, 0);
        append_held(&record, tag::STDOUT, 1);
        append_held(&record, tag::STDERR, 2);
    }
    if wanted & DESCRIPTORS != 0 {
        append_count(&record);
    }
    0
}

/// Appends what a descriptor of the current task stands for; nothing where it is not open.
#[inline(always)]
fn append_held(record: &Record<(), Typed>, tag: u8, fd: u32) {
    const SIZE: usize = size_of::<Held>();
    let scratch = record.scratch();
    let found = find_held(scratch.index, fd);
    if found == NOTHING {
        return;
    }
    if found == FILE
        && let Some((dentry, mnt)) = path::parts(scratch.walk.at.get())
    {
        path::build(scratch, dentry, mnt);
        let start = u64::from(scratch.path_start);
        scratch.walk.position.set(start.min(PATH_AREA as u64));
    }
    record.append::<{ SIZE + PATH_AREA }>(tag, |to| {
        let scratch = record.scratch();
        let held = (&raw const scratch.held) as u64;
        // SAFETY: `append` guarantees the room; the source is kernel memory to the helper.
        let mut len = u64::from(unsafe { read::kernel_bytes(to, SIZE as u32, held) });
        len *= SIZE as u64;
        let start = scratch.walk.position.get();
        if start < PATH_AREA as u64 {
            let name = scratch.path.as_ptr() as u64 + start;
            let room = PATH_AREA as u64 - start;
            // SAFETY: as above; at most PATH_AREA bytes.
            if unsafe { read::kernel_bytes(to.wrapping_add(SIZE), room as u32, name) } {
                len += room;
            }
        }
        (len, 0)
    });
}

/// What [`find_held`] finds.
const NOTHING: u32 = 0;
const FILE: u32 = 1;
const SOCKET: u32 = 2;

/// Fills `Scratch::held` about a descriptor. Of a socket its name, if it has one, is put at the end of the path area,
/// from `walk.position` on; of another file `walk.at` is the address of its path. A function of its own, so that
/// its frame is not added to that of building a path.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find_held(scratch: u32, fd: u32) -> u32 {
    let Some(scratch) = maps::scratch(scratch) else {
        return NOTHING;
    };
    scratch.walk.position.set(PATH_AREA as u64);
    let Some(file) = file::of_descriptor(i64::from(fd)) else {
        return NOTHING;
    };
    let mode = file::inode(file).and_then(|inode| inode.load::<u16>(offset!(inode_mode)));
    let target = sock::of_file(Some(file));
    let held = &mut scratch.held;
    held.inode_mode = mode.unwrap_or(0).into();
    held.reserved = 0;
    sock::read(scratch, target);
    words::copy(&scratch.sock, &mut scratch.held.sock);
    scratch.walk.at.set(file + u64::from(offset!(file_path)));
    if target.is_none() {
        return FILE;
    }
    if let Some((address, len)) = sock::name(scratch.held.sock.family, target, Name::Peer) {
        let len = len.min(MAX_SOCKADDR as u64);
        let start = PATH_AREA as u64 - len;
        let to = scratch.path.as_mut_ptr().wrapping_add(start as usize);
        // SAFETY: the area ends `len` bytes behind `start`.
        if unsafe { read::kernel_bytes(to, len as u32, address) } {
            scratch.walk.position.set(start);
        }
    }
    SOCKET
}

/// Appends how many descriptors are open: a `u32`.
#[inline(always)]
fn append_count(record: &Record<(), Typed>) {
    let table = task::current()
        .follow(offset!(task_files))
        .and_then(|files| files.follow(offset!(files_fdt)));
    let Some(table) = table else {
        return;
    };
    let slots = table.load::<u32>(offset!(fdt_max_fds)).unwrap_or(0);
    let bitmap = table.load::<u64>(offset!(fdt_open_fds)).unwrap_or(0);
    record.append::<4>(tag::DESCRIPTORS, |to| {
        let walk = &mut record.scratch().walk;
        walk.at.set(bitmap);
        walk.total.set(0);
        for word in 0..MAX_COUNTED as u32 / WORD {
            if word * WORD >= slots {
                break;
            }
            let at = walk.at.get();
            let open = read::kernel::<u64>(at, 0).unwrap_or(0).count_ones();
            walk.total.set(walk.total.get() + u64::from(open));
            walk.at.set(at + 8);
        }
        // SAFETY: `append` guarantees four bytes; items are unaligned.
        unsafe { to.cast::<u32>().write_unaligned(walk.total.get() as u32) };
        (
            4,
            if slots as usize > MAX_COUNTED {
                ITEM_CUT
            } else {
                0
            },
        )
    });
}
