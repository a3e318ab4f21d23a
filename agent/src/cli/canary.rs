//! `komainu canary`: what the agent starts to see whether it is seen. See `pipeline::canary`.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, SocketType, connect, socket};

use crate::pipeline::nonce::Nonce;

/// Harmless acts: each names what does not exist, and fails.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which acts these are.
    nonce: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(nonce) = Nonce::parse(&args.nonce) else {
        anyhow::bail!("no nonce: {:?}", args.nonce);
    };
    let path = nonce.path();
    let refused = [
        std::fs::File::open(&path).map(drop),
        std::fs::rename(&path, &path),
        std::fs::remove_file(&path),
        std::fs::create_dir(&path),
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)),
        mount("none", path.as_str(), "none", MountFlags::empty(), None).map_err(Into::into),
    ];
    // Connecting a datagram socket sends nothing.
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    connect(&socket, &nonce.address())?;
    // Somebody made the path: what its acts did there is not harmless any more.
    let is_harmless = |done: &io::Result<()>| done.is_err();
    Ok(if refused.iter().all(is_harmless) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
