//! `komainu canary`: what the agent starts to see whether it is seen. See `pipeline::canary`, which knows how each act ends.

use std::fs::{File, Permissions};
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use komainu_common::Class;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{DupFlags, dup3, fcntl_dupfd_cloexec};
use rustix::mount::{MountFlags, mount};
use rustix::net::{
    AddressFamily, Protocol, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags,
    Shutdown, SocketAddrUnix, SocketFlags, SocketType, accept, accept_with, bind, connect, listen,
    recv, recvmsg, send, sendmsg, shutdown, socket,
};
use rustix::process::{Pid, chdir, fchdir, test_kill_process};
use rustix::thread::{capabilities, move_into_link_name_space, set_capabilities};

use crate::pipeline::nonce::Nonce;

/// A process id beyond the largest there can be (`PID_MAX_LIMIT`, 2^22).
const NOBODY: i32 = 0x7fff_ff00;
/// No protocol of the Internet (RFC 3692: for experiments), nor of datagram sockets.
const NO_PROTOCOL: u32 = 253;

/// Harmless acts: each asks for what there is not, and fails.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which acts these are.
    nonce: String,
    /// Event classes to act in.
    classes: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(nonce) = Nonce::parse(&args.nonce) else {
        anyhow::bail!("no nonce: {:?}", args.nonce);
    };
    let mut is_harmless = true;
    for class in Class::ALL {
        if args.classes.iter().any(|name| name == class.name()) {
            // Where one succeeds somebody made what is not there: what was done is not harmless any more.
            is_harmless &= acts(*class, nonce)?.iter().all(Result::is_err);
        }
    }
    Ok(if is_harmless {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Acts in a class; what came of those that must fail.
fn acts(class: Class, nonce: Nonce) -> io::Result<Vec<io::Result<()>>> {
    let path = nonce.path();
    Ok(match class {
        Class::OPEN => vec![File::open(&path).map(drop)],
        Class::RENAME => vec![std::fs::rename(&path, &path)],
        Class::UNLINK => vec![std::fs::remove_file(&path)],
        Class::MKDIR => vec![std::fs::create_dir(&path)],
        Class::ATTRIBUTE => vec![std::fs::set_permissions(
            &path,
            Permissions::from_mode(0o600),
        )],
        Class::MOUNT => {
            vec![
                mount("none", path.as_str(), "none", MountFlags::empty(), None).map_err(Into::into),
            ]
        }
        Class::DIRECTORY => vec![
            chdir(&path).map_err(Into::into),
            fchdir(File::open("/proc/self/exe")?).map_err(Into::into),
        ],
        Class::CONNECT => {
            // Connecting a datagram socket sends nothing.
            let udp = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
            connect(&udp, &nonce.address())?;
            Vec::new()
        }
        Class::SOCKET | Class::LISTEN | Class::ACCEPT => sockets(class, &path)?,
        Class::SEND | Class::RECEIVE | Class::SHUTDOWN => data(class)?,
        _ => others(class)?,
    })
}

/// Acts on the process itself and on others, of which there are none.
fn others(class: Class) -> io::Result<Vec<io::Result<()>>> {
    let file = || File::open("/proc/self/exe");
    let nobody = Pid::from_raw(NOBODY);
    Ok(match class {
        // The file is no namespace.
        Class::NAMESPACE => {
            let file = file()?;
            vec![move_into_link_name_space(file.as_fd(), None).map_err(Into::into)]
        }
        // Nobody may change another's.
        Class::CREDENTIAL => {
            vec![set_capabilities(nobody, capabilities(None)?).map_err(Into::into)]
        }
        Class::OBJECT => {
            let flags = MemfdFlags::from_bits_retain(1 << 25);
            vec![memfd_create("", flags).map(drop).map_err(Into::into)]
        }
        Class::DUP => {
            let (file, mut other) = (file()?, file()?.into());
            let flags = DupFlags::from_bits_retain(1);
            vec![
                dup3(&file, &mut other, flags).map_err(Into::into),
                fcntl_dupfd_cloexec(&file, i32::MAX)
                    .map(drop)
                    .map_err(Into::into),
            ]
        }
        // The signal 0, which is none.
        Class::SIGNAL => vec![nobody.map_or(Ok(()), test_kill_process).map_err(Into::into)],
        _ => Vec::new(),
    })
}

/// A socket that waits for nobody: of the unix domain, and for datagrams.
fn unix() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::UNIX, SocketType::DGRAM, None)?)
}

/// Sockets that cannot be made, and what a datagram socket does not offer.
fn sockets(class: Class, path: &str) -> io::Result<Vec<io::Result<()>>> {
    let unix = unix()?;
    Ok(match class {
        Class::SOCKET => {
            let protocol = NonZeroU32::new(NO_PROTOCOL).map(Protocol::from_raw);
            let none = socket(AddressFamily::INET, SocketType::DGRAM, protocol);
            vec![none.map(drop).map_err(Into::into)]
        }
        Class::LISTEN => vec![
            bind(&unix, &SocketAddrUnix::new(path)?).map_err(Into::into),
            listen(&unix, 1).map_err(Into::into),
        ],
        Class::ACCEPT => vec![
            accept(&unix).map(drop).map_err(Into::into),
            accept_with(&unix, SocketFlags::CLOEXEC)
                .map(drop)
                .map_err(Into::into),
        ],
        _ => Vec::new(),
    })
}

/// Out-of-band data, which datagrams do not have, and the end of a connection that there is not.
fn data(class: Class) -> io::Result<Vec<io::Result<()>>> {
    let unix = unix()?;
    Ok(match class {
        Class::SEND => {
            let mut with = SendAncillaryBuffer::default();
            vec![
                send(&unix, b"", SendFlags::OOB)
                    .map(drop)
                    .map_err(Into::into),
                sendmsg(&unix, &[], &mut with, SendFlags::OOB)
                    .map(drop)
                    .map_err(Into::into),
            ]
        }
        Class::RECEIVE => {
            let (mut buffer, mut with) = ([0; 1], RecvAncillaryBuffer::default());
            vec![
                recv(&unix, &mut buffer, RecvFlags::OOB)
                    .map(drop)
                    .map_err(Into::into),
                recvmsg(&unix, &mut [], &mut with, RecvFlags::OOB)
                    .map(drop)
                    .map_err(Into::into),
            ]
        }
        Class::SHUTDOWN => {
            let tcp = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            vec![shutdown(&tcp, Shutdown::Both).map_err(Into::into)]
        }
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_fails_and_changes_nothing() {
        let nonce = Nonce::new();
        let before = std::env::current_dir().unwrap();
        let mut number = 0;
        for class in Class::ALL {
            let done = acts(*class, nonce).unwrap();
            assert!(
                done.iter().all(Result::is_err),
                "{}: {done:?}",
                class.name()
            );
            number += done.len();
        }
        assert_eq!((number, std::env::current_dir().unwrap()), (24, before));
    }

    #[test]
    fn what_is_no_nonce_is_refused() {
        let args = Args {
            nonce: "x".into(),
            classes: Vec::new(),
        };
        assert!(run(&args).is_err());
    }
}
