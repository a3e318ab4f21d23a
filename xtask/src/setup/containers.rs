//! What the live tests of real containers need: a runtime, its plugins, a program to make an image of; and what reads their
//! logs.

use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::Shell;

use super::tool::{apt_install, find};

/// A program or file, and the package of Debian it is in.
struct Piece {
    name: &'static str,
    /// Where it is if it is not in `PATH`, which has no `sbin` for everybody.
    place: &'static str,
    package: &'static str,
}

const PIECES: [Piece; 5] = [
    Piece {
        name: "containerd",
        place: "/usr/bin/containerd",
        package: "containerd",
    },
    Piece {
        name: "runc",
        place: "/usr/sbin/runc",
        package: "runc",
    },
    Piece {
        name: "ptp",
        place: "/usr/lib/cni/ptp",
        package: "containernetworking-plugins",
    },
    Piece {
        name: "busybox",
        place: "/bin/busybox",
        package: "busybox-static",
    },
    Piece {
        name: "rsyslogd",
        place: "/usr/sbin/rsyslogd",
        package: "rsyslog",
    },
];

/// Installs what is missing, and gives the files. What is there, from whatever package, is left alone.
pub(super) fn install_all(sh: &Shell) -> Result<Vec<PathBuf>> {
    let missing: Vec<&str> = PIECES
        .iter()
        .filter(|piece| piece.find().is_none())
        .map(|piece| piece.package)
        .collect();
    if !missing.is_empty() {
        apt_install(sh, &missing)?;
    }
    Ok(PIECES.iter().filter_map(Piece::find).collect())
}

impl Piece {
    fn find(&self) -> Option<PathBuf> {
        let place = Path::new(self.place);
        find(self.name).or_else(|| place.exists().then(|| place.to_owned()))
    }
}
