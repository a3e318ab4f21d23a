//! One suspicious act, done by a process of its own (`cargo xtask act …`).
//!
//! The process enters its cgroup first and becomes what it acts as last (`exec`), so that its
//! process id is the one the demo started and its first visible step is the act.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::{netns, overlay, terminal};
use crate::{cgroup, janitor, soak};

/// An act and where it takes place.
#[derive(Debug, Args)]
pub(crate) struct Act {
    /// cgroup directories to enter first.
    #[arg(long)]
    cgroup: Vec<PathBuf>,
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Become a program.
    Exec {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<OsString>,
    },
    /// Become a shell on a terminal.
    Shell { shell: PathBuf, terminal: PathBuf },
    /// Become a program that is copied into memory.
    Memory { program: PathBuf, name: String },
    /// Become a program that is copied to the upper layer of an overlay.
    Dropped {
        program: PathBuf,
        dir: PathBuf,
        name: String,
    },
    /// Open a file for writing, and write nothing.
    OpenForWriting { file: PathBuf },
    /// Begin a TCP connection in a network namespace without a way out.
    Connect { address: Ipv4Addr, port: u16 },
    /// Do what a container of `soak` does.
    Work(soak::Work),
    /// Remove what is named on standard input when it ends.
    Janitor,
}

/// The hidden verb.
pub(crate) fn act(act: &Act) -> Result<()> {
    for dir in &act.cgroup {
        cgroup::enter(dir)?;
    }
    let executes = !matches!(
        act.kind,
        Kind::OpenForWriting { .. } | Kind::Connect { .. } | Kind::Work(_)
    );
    if !act.cgroup.is_empty() && !executes {
        // As in a real container, whose runtime enters the cgroup and then becomes the workload.
        return become_program(
            Command::new(env::current_exe()?).args(without_cgroups(env::args_os())),
        );
    }
    match &act.kind {
        Kind::Exec { argv } => {
            let (program, arguments) = argv.split_first().context("no program")?;
            become_program(Command::new(program).args(arguments))
        }
        Kind::Shell { shell, terminal } => {
            let tty = terminal::acquire(terminal)?;
            let mut command = Command::new(shell);
            command
                .stdin(tty.try_clone()?)
                .stdout(tty.try_clone()?)
                .stderr(tty);
            become_program(&mut command)
        }
        Kind::Memory { program, name } => run_from_memory(program, name),
        Kind::Dropped { program, dir, name } => {
            let dropped = overlay::drop_program(program, dir, name)?;
            become_program(&mut Command::new(dropped))
        }
        Kind::OpenForWriting { file } => {
            // Refused in some sandboxes; the attempt is the act.
            drop(OpenOptions::new().write(true).open(file));
            Ok(())
        }
        Kind::Connect { address, port } => begin_connection(SocketAddrV4::new(*address, *port)),
        Kind::Work(work) => soak::work(work),
        Kind::Janitor => janitor::wait_and_clean(io::stdin().lock()),
    }
}

/// The arguments of this process, without its own name and without `--cgroup DIR`.
fn without_cgroups(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--cgroup" {
            arguments.next();
        } else {
            kept.push(argument);
        }
    }
    kept
}

fn become_program(command: &mut Command) -> Result<()> {
    let error = command.exec();
    Err(error).with_context(|| format!("cannot become {}", command.get_program().display()))
}

fn run_from_memory(program: &Path, name: &str) -> Result<()> {
    // Without CLOEXEC: the path below must still exist while the kernel loads it.
    let mut memory = File::from(memfd_create(name, MemfdFlags::empty())?);
    io::copy(&mut File::open(program)?, &mut memory)?;
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    become_program(Command::new(path).arg0(name))
}

/// A TCP connection that is only begun. In a namespace of its own, whose only interface is the
/// loopback with the address itself on it: no packet can leave the machine.
fn begin_connection(peer: SocketAddrV4) -> Result<()> {
    netns::enter_with_address(*peer.ip())?;
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::NONBLOCK,
        None,
    )?;
    // EINPROGRESS or ECONNREFUSED: nobody listens.
    connect(&socket, &peer).ok();
    Ok(())
}

/// Copies a program and keeps it executable.
pub(super) fn copy_program(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_act_is_repeated_without_its_cgroups() {
        let arguments = [
            "xtask", "act", "--cgroup", "/a", "--cgroup", "/b", "connect", "1.2.3.4", "80",
        ];
        let kept = without_cgroups(arguments.into_iter().map(OsString::from));
        assert_eq!(kept, ["act", "connect", "1.2.3.4", "80"]);
    }
}
