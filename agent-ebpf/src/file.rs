//! Open files: from a descriptor to `struct file`, and the facts of its inode.

use crate::{
    maps::offset,
    read::{self, Address},
    task,
};

/// `s_magic` of overlayfs.
const OVERLAYFS_MAGIC: u64 = 0x794c_7630;

/// `PIDFS_MAGIC` (`include/uapi/linux/magic.h`).
const PIDFS_MAGIC: u64 = 0x5049_4446;

/// `SB_RDONLY` and `S_IMMUTABLE` (`include/linux/fs.h`).
const SB_RDONLY: u64 = 1;
const S_IMMUTABLE: u32 = 8;

/// Where a file of an overlayfs lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Not in an overlayfs.
    None,
    /// Written since the overlay was mounted.
    Upper,
    /// From a lower layer, untouched.
    Lower,
}

/// Address of the `struct file` behind descriptor `fd` of the current task.
#[inline(always)]
pub(crate) fn of_descriptor(fd: i64) -> Option<u64> {
    if fd < 0 {
        return None;
    }
    Some(current_file(fd as u64)).filter(|file| *file != 0)
}

/// [`of_descriptor`] with 0 for none, as a function that the verifier checks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn current_file(fd: u64) -> u64 {
    find_file(fd).unwrap_or(0)
}

#[inline(always)]
fn find_file(fd: u64) -> Option<u64> {
    let files = task::current().follow(offset!(task_files))?;
    let table = files.follow(offset!(files_fdt))?;
    let max = table.load::<u32>(offset!(fdt_max_fds))?;
    if fd >= u64::from(max) {
        return None;
    }
    // A pointer to pointers has no type for the verifier: from here on the helper reads.
    let array = table.load::<u64>(offset!(fdt_fd))?;
    read::pointer(array + 8 * fd, 0)
}

/// Address of a file's inode.
#[inline(always)]
pub(crate) fn inode<A: Address>(file: A) -> Option<A> {
    file.follow(offset!(file_inode))
}

/// `s_dev` of an inode's filesystem.
#[inline(always)]
pub(crate) fn device<A: Address>(inode: A) -> u32 {
    inode
        .follow(offset!(inode_sb))
        .and_then(|sb| sb.load(offset!(sb_dev)))
        .unwrap_or(0)
}

/// Whether nobody may write to an inode.
#[inline(always)]
pub(crate) fn is_read_only<A: Address>(inode: A) -> bool {
    let of_mount = inode
        .follow(offset!(inode_sb))
        .and_then(|sb| sb.load::<u64>(offset!(sb_flags)))
        .unwrap_or(0);
    let own = inode.load::<u32>(offset!(inode_flags)).unwrap_or(0);
    of_mount & SB_RDONLY != 0 || own & S_IMMUTABLE != 0
}

/// Whether it is a pidfd, of kernels that have a filesystem of them (6.9).
#[inline(always)]
pub(crate) fn is_pidfd<A: Address>(inode: A) -> bool {
    inode
        .follow(offset!(inode_sb))
        .and_then(|sb| sb.load::<u64>(offset!(sb_magic)))
        == Some(PIDFS_MAGIC)
}

/// Which layer of an overlayfs the inode is in.
///
/// overlayfs embeds its `struct inode` in `struct ovl_inode`, directly followed by the upper
/// dentry (`fs/overlayfs/ovl_entry.h`). That struct is in the module's BTF only, so the distance is
/// taken from the size of `struct inode`.
#[inline(always)]
pub(crate) fn layer<A: Address>(inode: A) -> Layer {
    let magic = inode
        .follow(offset!(inode_sb))
        .and_then(|sb| sb.load::<u64>(offset!(sb_magic)));
    if magic != Some(OVERLAYFS_MAGIC) {
        return Layer::None;
    }
    // Behind the end of `struct inode`, where a typed pointer may not reach.
    let upper = read::pointer(inode.raw(), offset!(inode_size))
        .and_then(|dentry| read::pointer(dentry, offset!(dentry_inode)));
    if upper.is_some() {
        Layer::Upper
    } else {
        Layer::Lower
    }
}

/// Nanoseconds since the epoch out of a second and a nanosecond member of an inode.
#[inline(always)]
pub(crate) fn time<A: Address>(inode: A, sec: u32, nsec: u32) -> u64 {
    if sec == komainu_common::offsets::ABSENT || nsec == komainu_common::offsets::ABSENT {
        return 0;
    }
    let seconds = inode.load::<u64>(sec).unwrap_or(0);
    let nanoseconds = inode.load::<u32>(nsec).unwrap_or(0);
    seconds
        .wrapping_mul(1_000_000_000)
        .wrapping_add(u64::from(nanoseconds))
}
