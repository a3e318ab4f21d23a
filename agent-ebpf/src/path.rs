//! Paths by walking dentries and mounts, the way `d_path` does, up to the root of the mount
//! namespace.
//!
//! The path is built back to front in [`Scratch::path`]; it then stands in
//! `path[path_start..PATH_AREA]`.

use core::hint::black_box;

use komainu_common::{
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
    if offset!(path_mnt) == 0 && offset!(path_dentry) == 8 {
        let [mnt, dentry] = read::kernel::<[u64; 2]>(path, 0)?;
        return (mnt != 0 && dentry != 0).then_some((dentry, mnt));
    }
    Some((
        read::pointer(path, offset!(path_dentry))?,
        read::pointer(path, offset!(path_mnt))?,
    ))
}

/// Members of `struct mount` as they stand, the last being the first of its `struct vfsmount`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MountLink {
    parent: u64,
    mountpoint: u64,
    root: u64,
}

/// What one step of the walk came to.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Step {
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
    begin(scratch, dentry, mnt);
    scratch.walk.position.set(PATH_AREA as u64);
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

/// Stands at a dentry and the `struct vfsmount` that it is on.
#[inline(always)]
pub(crate) fn begin(scratch: &mut Scratch, dentry: u64, mnt: u64) {
    scratch.walk.at.set(dentry);
    enter_mount(scratch, mnt.wrapping_sub(u64::from(offset!(mount_mnt))));
}

/// Stands at a mount. 0 for what cannot be read.
#[inline(always)]
fn enter_mount(scratch: &mut Scratch, mount: u64) {
    let (parent, mountpoint) = (offset!(mount_parent), offset!(mount_mountpoint));
    let root = offset!(mount_mnt) + offset!(vfsmount_root);
    let link = if mountpoint == parent + 8 && root == parent + 16 {
        read::kernel::<MountLink>(mount, parent)
    } else {
        Some(MountLink {
            parent: read::kernel(mount, parent).unwrap_or(0),
            mountpoint: read::kernel(mount, mountpoint).unwrap_or(0),
            root: read::kernel(mount, root).unwrap_or(0),
        })
    };
    let link = link.unwrap_or(MountLink {
        parent: 0,
        mountpoint: 0,
        root: 0,
    });
    scratch.walk.mount.set(mount);
    scratch.walk.above.set(link.parent);
    scratch.walk.mountpoint.set(link.mountpoint);
    scratch.walk.root.set(link.root);
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
pub(crate) fn leave_mount(scratch: &mut Scratch) -> Step {
    let (mount, above) = (scratch.walk.mount.get(), scratch.walk.above.get());
    if above == 0 {
        return Step::Stuck;
    }
    if above == mount {
        if is_in_own_namespace(mount) {
            return Step::Root;
        }
        // A copy of a directory (open_tree), or unmounted while in use: its root is not "/". The
        // way up within the filesystem is a name nobody can choose.
        scratch.walk.root.set(0);
        return Step::On;
    }
    scratch.walk.at.set(scratch.walk.mountpoint.get());
    enter_mount(scratch, above);
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
    // The compiler must not know that the mask changes nothing: the verifier does not.
    let start = black_box(start - len);
    let target = scratch.path.as_mut_ptr().wrapping_add(start & MASK);
    // SAFETY: a masked offset plus MAX_COMPONENT lies within the area and its slack.
    if !unsafe { read::kernel_bytes(target, len as u32, name) } {
        return false;
    }
    let start = start.wrapping_sub(usize::from(slash));
    if slash {
        scratch.path[start & MASK] = b'/';
    }
    scratch.walk.position.set(start as u64);
    true
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
