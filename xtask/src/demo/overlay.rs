//! A program in the upper layer of an overlay filesystem, as in a container that was changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use super::act::copy_program;
use super::netns::unshare;

/// Mounts an overlay at `dir/merged` in a mount namespace of our own, which ends with this
/// process, and copies `program` there; gives the copy's path.
pub(super) fn drop_program(program: &Path, dir: &Path, name: &str) -> Result<PathBuf> {
    unshare(rustix::thread::UnshareFlags::NEWNS)?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    let none = MountFlags::empty();
    // The upper layer must not itself be on an overlay, as a build container's disk may be.
    mount("tmpfs", dir, "tmpfs", none, None).context("cannot mount a tmpfs")?;
    let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(|n| dir.join(n));
    for layer in [&lower, &upper, &work, &merged] {
        fs::create_dir(layer)?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let options = std::ffi::CString::new(options)?;
    mount("overlay", &merged, "overlay", none, options.as_c_str())
        .context("cannot mount an overlay filesystem")?;
    let dropped = merged.join(name);
    copy_program(program, &dropped)?;
    Ok(dropped)
}
