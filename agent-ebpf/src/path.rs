//! Paths by walking dentries and mounts, the way `d_path` does, up to the root of the mount
//! namespace.
//!
//! The path is built back to front in [`Scratch::path`]; it then stands in
//! `path[path_start..PATH_AREA]`.

use komainu_common::{
    item::{ITEM_CUT, ITEM_DELETED},
    limits::{MAX_COMPONENT, MAX_PATH_COMPONENTS},
};

use crate::{
    maps::{PATH_AREA, Scratch, offset},
    read,
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

/// Builds the path of `dentry` on `mnt` and returns its `ITEM_*` flags.
#[inline(never)]
pub(crate) fn build(scratch: &mut Scratch, dentry: u64, mnt: u64) -> u64 {
    let mut dentry = dentry;
    let mut mnt = mnt;
    let mut start = PATH_AREA;
    let mut flags = u64::from(unhashed(dentry));
    let mut root = read::pointer(mnt, offset!(vfsmount_root)).unwrap_or(0);
    let mut complete = false;
    for _ in 0..MAX_PATH_COMPONENTS {
        if dentry == root {
            let mount = mnt.wrapping_sub(u64::from(offset!(mount_mnt)));
            let parent = read::pointer(mount, offset!(mount_parent)).unwrap_or(mount);
            if parent == mount {
                complete = true;
                break;
            }
            dentry = read::pointer(mount, offset!(mount_mountpoint)).unwrap_or(0);
            mnt = parent + u64::from(offset!(mount_mnt));
            root = read::pointer(mnt, offset!(vfsmount_root)).unwrap_or(0);
            continue;
        }
        let Some(link) = read::kernel::<DentryLink>(dentry, offset!(dentry_parent)) else {
            break;
        };
        let is_root = link.parent == dentry;
        let Some(next) = prepend(scratch, start, &link, !is_root) else {
            break;
        };
        start = next;
        if is_root {
            // Not below any mount: memfd, pipe, detached mount.
            flags |= u64::from(ITEM_DELETED);
            complete = true;
            break;
        }
        dentry = link.parent;
    }
    if start == PATH_AREA {
        start -= 1;
        scratch.path[start & MASK] = b'/';
    }
    scratch.path_start = start as u32;
    if !complete {
        flags |= u64::from(ITEM_CUT);
    }
    flags
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

/// Puts one component (and a slash before it) in front of what is there; the new start.
#[inline(always)]
fn prepend(scratch: &mut Scratch, start: usize, link: &DentryLink, slash: bool) -> Option<usize> {
    let len = (link.len as usize).min(MAX_COMPONENT);
    if start > PATH_AREA || start < len + 1 {
        return None;
    }
    let mut start = start - len;
    let target = scratch.path.as_mut_ptr().wrapping_add(start & MASK);
    // SAFETY: a masked offset plus MAX_COMPONENT lies within the area and its slack.
    if !unsafe { read::kernel_bytes(target, len as u32, link.name) } {
        return None;
    }
    if slash {
        start -= 1;
        scratch.path[start & MASK] = b'/';
    }
    Some(start)
}
