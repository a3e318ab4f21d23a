//! Paths by walking dentries and mounts, the way `d_path` does, up to the root of the mount
//! namespace.
//!
//! The path is built back to front in [`Scratch::path`]; it then stands in
//! `path[path_start..PATH_AREA]`.

use komainu_common::{
    filter::{GRAM, gram_bits},
    item::{ITEM_CUT, ITEM_DELETED, ITEM_DETACHED},
    limits::{MAX_COMPONENT, MAX_PATH_COMPONENTS},
};

use crate::{
    maps::{self, PATH_AREA, Scratch, offset},
    read::{self, Address as _},
    task,
};

/// Mask of an offset into the path area.
const MASK: usize = PATH_AREA - 1;

/// `struct qstr` with the parent pointer in front of it, as they stand in `struct dentry`: one
/// probe read instead of three. The loader refuses a kernel where they are not neighbours.
#[repr(C)]
#[derive(Clone, Copy)]
struct DentryLink {
    parent: u64,
    hash: u32,
    len: u32,
    name: u64,
}

/// Address of the dentry and mount of a `struct path`.
#[inline(always)]
pub(crate) fn parts(path: u64) -> Option<(u64, u64)> {
    Some((
        read::pointer(path, offset!(path_dentry))?,
        read::pointer(path, offset!(path_mnt))?,
    ))
}

/// What one step of the walk came to.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Step {
    /// One component or mount further.
    On = 0,
    /// The root of the mount namespace.
    Root,
    /// A root below no mount: memfd, pipe.
    Nameless,
    /// The root of a filesystem, reached from a mount outside of the task's mount namespace.
    Detached,
    /// Unreadable, or no room.
    Stuck,
}

/// Builds the path of `dentry` on `mnt` and returns its `ITEM_*` flags.
#[inline(always)]
pub(crate) fn build(scratch: &mut Scratch, dentry: u64, mnt: u64) -> u64 {
    build_path(scratch.index, dentry, mnt)
}

/// [`build`], as a function that the verifier checks once and not at every call.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn build_path(index: u32, dentry: u64, mnt: u64) -> u64 {
    let Some(scratch) = maps::scratch(index) else {
        return u64::from(ITEM_CUT);
    };
    scratch.walk.at.set(dentry);
    enter_mount(scratch, mnt);
    scratch.walk.position.set(PATH_AREA as u64);
    scratch.walk.signature.set(0);
    let mut end = Step::On as u32;
    for _ in 0..MAX_PATH_COMPONENTS {
        end = walk_step(index);
        if end != Step::On as u32 {
            break;
        }
    }
    finish(scratch);
    let ending = if end == Step::Root as u32 {
        0
    } else if end == Step::Nameless as u32 {
        ITEM_DELETED
    } else if end == Step::Detached as u32 {
        ITEM_DETACHED
    } else {
        ITEM_CUT
    };
    u64::from(ending | unhashed(dentry))
}

/// Makes an empty path a slash and notes where the path begins.
#[inline(always)]
pub(crate) fn finish(scratch: &mut Scratch) {
    let mut start = scratch.walk.position.get() as usize;
    if start >= PATH_AREA {
        start = PATH_AREA - 1;
        scratch.path[start] = b'/';
    }
    scratch.path_start = start as u32;
}

#[inline(always)]
fn enter_mount(scratch: &mut Scratch, mnt: u64) {
    scratch.walk.mount.set(mnt);
    let root = read::kernel(mnt, offset!(vfsmount_root)).unwrap_or(0);
    scratch.walk.root.set(root);
}

/// One [`Step`], as a function that the verifier checks once and not at every turn of the loop.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_step(index: u32) -> u32 {
    maps::scratch(index).map_or(Step::Stuck, step) as u32
}

#[inline(always)]
fn step(scratch: &mut Scratch) -> Step {
    let dentry = scratch.walk.at.get();
    if dentry == scratch.walk.root.get() {
        return leave_mount(scratch);
    }
    let Some(link) = read::kernel::<DentryLink>(dentry, offset!(dentry_parent)) else {
        return Step::Stuck;
    };
    let is_root = link.parent == dentry;
    // The root of a filesystem is called "/", that of a memfd "memfd:…".
    if is_root && link.len == 1 {
        return Step::Detached;
    }
    if !prepend(scratch, link.name, link.len as usize, !is_root) {
        return Step::Stuck;
    }
    if is_root {
        return Step::Nameless;
    }
    scratch.walk.at.set(link.parent);
    Step::On
}

/// From the root of a mount to the directory it is mounted on.
#[inline(always)]
fn leave_mount(scratch: &mut Scratch) -> Step {
    let mount = scratch
        .walk
        .mount
        .get()
        .wrapping_sub(u64::from(offset!(mount_mnt)));
    let Some(parent) = read::kernel::<u64>(mount, offset!(mount_parent)) else {
        return Step::Stuck;
    };
    if parent == mount {
        if is_in_own_namespace(mount) {
            return Step::Root;
        }
        // A copy of a directory (open_tree), or unmounted while in use: its root is not "/". The
        // way up within the filesystem is a name nobody can choose.
        scratch.walk.root.set(0);
        return Step::On;
    }
    let mountpoint = read::kernel(mount, offset!(mount_mountpoint)).unwrap_or(0);
    scratch.walk.at.set(mountpoint);
    enter_mount(scratch, parent.wrapping_add(u64::from(offset!(mount_mnt))));
    Step::On
}

/// Whether a mount belongs to the mount namespace of the current task.
#[inline(always)]
fn is_in_own_namespace(mount: u64) -> bool {
    let own = task::current()
        .follow(offset!(task_nsproxy))
        .and_then(|nsproxy| nsproxy.load::<u64>(offset!(nsproxy_mnt)));
    own.is_some() && own == read::pointer(mount, offset!(mount_ns))
}

/// Puts one component (and a slash before it) in front of what is there. `false` for no room or a
/// fault.
#[inline(always)]
pub(crate) fn prepend(scratch: &mut Scratch, name: u64, len: usize, slash: bool) -> bool {
    let start = scratch.walk.position.get() as usize;
    let len = len.min(MAX_COMPONENT);
    if start > PATH_AREA || start < len + 1 {
        return false;
    }
    let start = start - len;
    let target = scratch.path.as_mut_ptr().wrapping_add(start & MASK);
    // SAFETY: a masked offset plus MAX_COMPONENT lies within the area and its slack.
    if !unsafe { read::kernel_bytes(target, len as u32, name) } {
        return false;
    }
    let start = start.wrapping_sub(usize::from(slash));
    if slash {
        scratch.path[start & MASK] = b'/';
        sign(scratch, start & MASK);
    }
    scratch.walk.position.set(start as u64);
    true
}

/// Adds the slash at `at` and what follows it to the path's signature. Behind a path's end stands
/// something: it adds a bit that means nothing, which a signature may have.
#[inline(always)]
fn sign(scratch: &mut Scratch, at: usize) {
    let mut gram = [b'/'; GRAM];
    for (index, byte) in gram.iter_mut().enumerate().skip(1) {
        *byte = scratch.path[at + index];
    }
    let bits = scratch.walk.signature.get() | gram_bits(gram);
    scratch.walk.signature.set(bits);
}

/// `ITEM_DELETED` where the dentry is unhashed and not the root of its filesystem.
#[inline(always)]
fn unhashed(dentry: u64) -> u8 {
    let pprev = read::kernel::<u64>(dentry, offset!(dentry_hash_pprev)).unwrap_or(1);
    let parent = read::kernel::<u64>(dentry, offset!(dentry_parent)).unwrap_or(dentry);
    if pprev == 0 && parent != dentry {
        ITEM_DELETED
    } else {
        0
    }
}
