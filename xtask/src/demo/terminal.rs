//! A terminal for a shell: somebody seems to be typing.

use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Opens a pseudo-terminal: the master, and the path of the terminal.
pub(super) fn open() -> Result<(File, PathBuf)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .context("cannot open a pseudo-terminal")?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?.into_bytes();
    Ok((
        File::from(master),
        PathBuf::from(std::ffi::OsString::from_vec(name)),
    ))
}

/// Makes the terminal the controlling one of a new session.
pub(super) fn acquire(terminal: &Path) -> Result<File> {
    setsid().context("cannot start a session")?;
    let tty = OpenOptions::new()
        .read(true)
        .write(true)
        .open(terminal)
        .with_context(|| format!("cannot open {}", terminal.display()))?;
    ioctl_tiocsctty(&tty).context("cannot acquire the terminal")?;
    Ok(tty)
}
